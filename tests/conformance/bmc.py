"""What every ports.Bmcs must do. Subclass ``BmcConformance`` and give it a ``world``."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import pytest

from reconciler.execution.ensure import Time, boot, ensure_power
from reconciler.execution.ports import Bmc, BmcAccess, Bmcs, BootDevice
from reconciler.model.bmc import Lan
from reconciler.model.bmc_protocol import BmcProtocol
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.machine import Power

from ..waiting import LONG

SIXTEEN = "Abcdefgh12345678"


@dataclass
class BmcWorld:
    """One machine that is off, and how to see it from the other side."""

    bmcs: Bmcs
    access: BmcAccess
    nobody: BmcAccess  # an address where no BMC answers
    time: Time
    boots: Callable[[], list[BootDevice]]  # what it was started from, each time
    serial: str  # what its BMC says of it
    elsewhere: str  # another address that it could have
    moves: bool = True  # whether it really goes there; else it only says so


class BmcConformance:
    protocol: ClassVar[BmcProtocol | Literal["simulated"] | None] = None  # whose driver it is; None: a fake's

    async def test_a_machine_that_is_off_says_so(self, world: BmcWorld) -> None:
        bmc = await world.bmcs.open(world.access)
        assert await bmc.power() is Power.OFF
        await bmc.close()

    async def test_it_says_whose_it_is(self, world: BmcWorld) -> None:
        bmc = await world.bmcs.open(world.access)
        said = await bmc.identity()
        assert world.serial in said.machine | said.parts
        await bmc.close()

    async def test_power_is_turned_on_and_off(self, world: BmcWorld) -> None:
        bmc = await world.bmcs.open(world.access)
        await ensure_power(bmc, Power.ON, world.time)
        assert await bmc.power() is Power.ON
        await ensure_power(bmc, Power.OFF, world.time)
        assert await bmc.power() is Power.OFF
        await bmc.close()

    async def test_asking_for_what_is_does_nothing(self, world: BmcWorld) -> None:
        bmc = await world.bmcs.open(world.access)
        await ensure_power(bmc, Power.ON, world.time)
        await bmc.set_power(Power.ON)
        assert await bmc.power() is Power.ON
        assert len(world.boots()) == 1
        await bmc.close()

    @pytest.mark.parametrize("device", list(BootDevice))
    @pytest.mark.parametrize("uefi", [False, True])
    async def test_it_starts_from_the_device_that_was_chosen(
        self, world: BmcWorld, device: BootDevice, uefi: bool
    ) -> None:
        bmc = await world.bmcs.open(world.access)
        await boot(bmc, device, world.time, uefi=uefi)
        assert world.boots() == [device]
        await boot(bmc, device, world.time, uefi=uefi)
        assert world.boots() == [device, device]
        await bmc.close()

    async def test_a_session_can_be_opened_again_after_it_was_closed(self, world: BmcWorld) -> None:
        for _ in range(3):
            bmc = await world.bmcs.open(world.access)
            assert await bmc.power() is Power.OFF
            await bmc.close()
            await bmc.close()  # twice is once

    async def test_a_second_caller_waits_until_the_first_is_done(self, world: BmcWorld) -> None:
        first = await world.bmcs.open(world.access)
        second = asyncio.create_task(world.bmcs.open(world.access))
        for _ in range(5):
            await asyncio.sleep(0.01)
            assert not second.done()
        await first.close()
        bmc = await second
        assert await bmc.power() is Power.OFF
        await bmc.close()

    async def test_a_caller_that_gives_up_leaves_the_bmc_to_the_next(self, world: BmcWorld) -> None:
        for yields in range(6):
            opening = asyncio.create_task(world.bmcs.open(world.access))
            for _ in range(yields):
                await asyncio.sleep(0)
            opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await (await opening).close()  # it was quicker
        bmc = await world.bmcs.open(world.access)
        assert await bmc.power() is Power.OFF
        await bmc.close()

    async def test_a_wrong_password_is_permanent_and_the_bmc_is_free_again(self, world: BmcWorld) -> None:
        with pytest.raises(PermanentError, match="refuses user"):
            await world.bmcs.open(replace(world.access, password="wrong"))
        bmc = await world.bmcs.open(world.access)
        await bmc.close()

    async def test_a_new_password_lets_us_in_and_the_old_one_does_not(self, world: BmcWorld) -> None:
        bmc = await world.bmcs.open(world.access)
        await bmc.set_password(SIXTEEN)
        await bmc.close()
        with pytest.raises(PermanentError, match="refuses user"):
            await world.bmcs.open(world.access)
        bmc = await world.bmcs.open(replace(world.access, password=SIXTEEN))
        await bmc.set_password(world.access.password)
        await bmc.close()
        await (await world.bmcs.open(world.access)).close()

    async def test_a_password_that_ipmi_would_cut_off_is_not_set(self, world: BmcWorld) -> None:
        bmc = await world.bmcs.open(world.access)
        with pytest.raises(PermanentError, match="1 to 16 bytes"):
            await bmc.set_password(SIXTEEN + "7")
        await bmc.close()
        await (await world.bmcs.open(world.access)).close()

    async def test_vlan_gateway_and_netmask_are_set_and_read_again(self, world: BmcWorld) -> None:
        bmc = await world.bmcs.open(world.access)
        before = await bmc.lan()
        wanted = Lan(True, world.access.address, "255.255.0.0", "127.0.0.9", 7)
        for now, then in ((before, wanted), (wanted, replace(before, static=True, vlan=None))):
            await bmc.set_lan(now, then)
            assert await bmc.lan() == then
        await bmc.close()

    async def test_it_takes_another_address_and_is_found_there(self, world: BmcWorld) -> None:
        bmc = await world.bmcs.open(world.access)
        now = await bmc.lan()
        assert now.address == world.access.address
        wanted = replace(now, static=True, address=world.elsewhere)
        with contextlib.suppress(TemporaryError):  # as its contract says
            await bmc.set_lan(now, wanted)
        if not world.moves:
            assert await bmc.lan() == wanted
        await bmc.close()
        if not world.moves:
            return
        there = await self._found(world, replace(world.access, address=world.elsewhere))
        assert await there.lan() == wanted
        back = replace(now, static=True)
        with contextlib.suppress(TemporaryError):
            await there.set_lan(wanted, back)
        await there.close()
        bmc = await self._found(world, world.access)
        assert await bmc.lan() == back
        await bmc.close()

    async def _found(self, world: BmcWorld, access: BmcAccess) -> Bmc:
        """A session, once the BMC is there; a real one takes a minute."""
        async with asyncio.timeout(LONG):
            while True:
                await world.time.sleep(1.0)
                with contextlib.suppress(TemporaryError):
                    return await world.bmcs.open(access)

    async def test_nobody_there_is_temporary_and_says_so(self, world: BmcWorld) -> None:
        with pytest.raises(TemporaryError, match="does not answer"):
            await world.bmcs.open(world.nobody)
