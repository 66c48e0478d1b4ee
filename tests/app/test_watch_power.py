"""The look at the power of machines in service."""

from dataclasses import replace

from reconciler.app.watch_power import PowerWatch
from reconciler.execution.ports import BmcAccess
from reconciler.model.machine import MachineView, Power, Seen
from reconciler.model.observations import Heard

from ..fakes.bmc import FakeBmcs, FakeChassis
from ..fakes.clock import FakeClock
from ..planning.build import machine


class Bmcs:
    """Every machine's BMC is at the machine's serial."""

    def seen(self, serial: str) -> Seen | None:
        return None

    def generation(self, serial: str) -> int | None:
        return None

    def bmc(self, serial: str) -> BmcAccess:
        return BmcAccess(serial, 623, "admin", "secret")


def on(serial: str, power: Power = Power.ON) -> MachineView:
    m = machine(serial)
    assert m.seen is not None
    return replace(m, seen=replace(m.seen, power=power))


async def look(chassis: dict[str, FakeChassis], machines: list[MachineView], busy: str = "") -> tuple[bool, list[str]]:
    writes: list[list[Heard]] = []
    clock = FakeClock()
    watch = PowerWatch(FakeBmcs(chassis), Bmcs(), clock, lambda words: writes.append(list(words)))
    news = await watch.look(machines, lambda serial: serial == busy)
    assert len(writes) <= 1
    return news, sorted(f"{word.serial} {word.power}" for write in writes for word in write)


async def test_what_every_bmc_says_is_one_write_and_no_news_while_all_are_on():
    clock = FakeClock()
    chassis = {f"M{n}": FakeChassis(clock, state=Power.ON) for n in range(100)}
    news, heard = await look(chassis, [on(serial) for serial in chassis])
    assert not news and heard == sorted(f"{serial} on" for serial in chassis)


async def test_a_machine_that_is_off_is_news_and_silent_busy_and_unwilling_ones_hold_nobody_up():
    clock = FakeClock()
    chassis = {
        "OFF": FakeChassis(clock),
        "DEAD": FakeChassis(clock, silent=True),
        "LOCKED": FakeChassis(clock, state=Power.ON, password="other"),
        "IN-FLIGHT": FakeChassis(clock),
        "ON": FakeChassis(clock, state=Power.ON),
    }
    news, heard = await look(chassis, [on(serial) for serial in chassis], busy="IN-FLIGHT")
    assert news and heard == ["OFF off", "ON on"]
    assert chassis["IN-FLIGHT"].calls == 0


async def test_a_machine_that_came_back_is_news():
    chassis = {"M": FakeChassis(FakeClock(), state=Power.ON)}
    assert await look(chassis, [on("M", Power.OFF)]) == (True, ["M on"])


async def test_nothing_is_written_where_nobody_is_asked():
    assert await look({}, []) == (False, [])
