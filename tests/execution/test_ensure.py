from datetime import timedelta

import pytest

from reconciler.execution.breaker import BreakerTimings, GuardedBmcs
from reconciler.execution.ensure import boot, ensure_power
from reconciler.execution.ports import BmcAccess, BootDevice
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.machine import Power

from ..fakes.bmc import FakeBmcs, FakeChassis
from ..fakes.clock import FakeClock

ACCESS = BmcAccess("bmc", 623, "oci", "secret")


@pytest.fixture
def chassis() -> FakeChassis:
    return FakeChassis(FakeClock())


async def test_power_that_is_as_wanted_is_only_looked_at(chassis: FakeChassis) -> None:
    bmc = await FakeBmcs({"bmc": chassis}).open(ACCESS)
    await ensure_power(bmc, Power.OFF, chassis.clock.time)
    assert chassis.calls == 1


async def test_power_is_waited_for(chassis: FakeChassis) -> None:
    bmc = await FakeBmcs({"bmc": chassis}).open(ACCESS)
    await ensure_power(bmc, Power.ON, chassis.clock.time)
    assert chassis.state is Power.ON


async def test_power_that_never_comes_is_given_up(chassis: FakeChassis) -> None:
    chassis.stuck = True
    bmc = await FakeBmcs({"bmc": chassis}).open(ACCESS)
    before = chassis.clock()
    with pytest.raises(TemporaryError, match="power is not on 120 s after"):
        await ensure_power(bmc, Power.ON, chassis.clock.time)
    assert timedelta(seconds=120) <= chassis.clock() - before <= timedelta(seconds=125)


@pytest.mark.parametrize("want", [Power.ON, Power.OFF])
@pytest.mark.parametrize("somebody_asked", [Power.ON, Power.OFF])
async def test_what_somebody_else_began_is_not_taken_for_its_end(
    chassis: FakeChassis, somebody_asked: Power, want: Power
) -> None:
    """Over Redfish; over IPMI a chassis looks like what it was, and nothing tells."""
    chassis.tells, chassis.state = True, Power.OFF if somebody_asked is Power.ON else Power.ON
    chassis.change(somebody_asked)
    bmc = await FakeBmcs({"bmc": chassis}).open(ACCESS)
    await ensure_power(bmc, want, chassis.clock.time)
    await chassis.clock.sleep(60)
    assert await bmc.power() is want
    assert len(chassis.booted_from) == (somebody_asked is Power.ON) + (somebody_asked is Power.OFF and want is Power.ON)


async def test_a_machine_that_never_ends_to_go_down_is_not_turned_on(chassis: FakeChassis) -> None:
    chassis.state = Power.STOPPING
    bmc = await FakeBmcs({"bmc": chassis}).open(ACCESS)
    with pytest.raises(TemporaryError, match="power is stopping for 120 s"):
        await ensure_power(bmc, Power.ON, chassis.clock.time)
    assert chassis.booted_from == []


@pytest.mark.parametrize("state", list(Power))
async def test_a_boot_starts_with_power_off_whatever_ran(chassis: FakeChassis, state: Power) -> None:
    chassis.state = state
    bmc = await FakeBmcs({"bmc": chassis}).open(ACCESS)
    await boot(bmc, BootDevice.NETWORK, chassis.clock.time, uefi=True)
    assert (chassis.state, chassis.booted_from, chassis.uefi) == (Power.ON, [BootDevice.NETWORK], [True])


class TestBreaker:
    @pytest.fixture
    def bmcs(self, chassis: FakeChassis) -> GuardedBmcs:
        chassis.silent = True
        timings = BreakerTimings(failures=2, within=timedelta(minutes=5), leave_alone=timedelta(minutes=3))
        return GuardedBmcs(FakeBmcs({"bmc": chassis}), chassis.clock, timings)

    async def fail(self, bmcs: GuardedBmcs, saying: str) -> None:
        with pytest.raises(TemporaryError, match=saying):
            await bmcs.open(ACCESS)

    async def test_a_bmc_that_keeps_failing_is_left_alone(self, bmcs: GuardedBmcs, chassis: FakeChassis) -> None:
        await self.fail(bmcs, "does not answer")
        await self.fail(bmcs, "does not answer")
        await self.fail(bmcs, "failed 2 times in a row; it is left alone until 12:03:00 UTC")
        assert list(bmcs.left_alone) == ["bmc"]
        await chassis.clock.sleep(181)
        assert not bmcs.left_alone
        await self.fail(bmcs, "does not answer")  # one is let through
        await self.fail(bmcs, "left alone")

    async def test_one_that_answers_is_trusted_again(self, bmcs: GuardedBmcs, chassis: FakeChassis) -> None:
        await self.fail(bmcs, "does not answer")
        await self.fail(bmcs, "does not answer")
        await chassis.clock.sleep(181)
        chassis.silent = False
        await (await bmcs.open(ACCESS)).close()
        chassis.silent = True
        await self.fail(bmcs, "does not answer")
        await self.fail(bmcs, "does not answer")

    async def test_one_that_an_operator_says_is_back_is_asked_at_once(
        self, bmcs: GuardedBmcs, chassis: FakeChassis
    ) -> None:
        await self.fail(bmcs, "does not answer")
        await self.fail(bmcs, "does not answer")
        bmcs.ask_again("another")
        await self.fail(bmcs, "left alone")
        bmcs.ask_again("bmc")
        chassis.silent = False
        await (await bmcs.open(ACCESS)).close()

    async def test_rare_failures_are_forgiven(self, bmcs: GuardedBmcs, chassis: FakeChassis) -> None:
        for _ in range(4):
            await self.fail(bmcs, "does not answer")
            await chassis.clock.sleep(600)

    async def test_a_wrong_password_is_not_counted(self, bmcs: GuardedBmcs, chassis: FakeChassis) -> None:
        chassis.silent = False
        for _ in range(4):
            with pytest.raises(PermanentError):
                await bmcs.open(BmcAccess("bmc", 623, "oci", "wrong"))
