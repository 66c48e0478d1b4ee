"""Whose a BMC is, before anything is switched through it."""

import pytest

from reconciler.execution.handlers import handlers
from reconciler.execution.identity import verify_owner
from reconciler.execution.ports import BmcAccess, BmcIdentity
from reconciler.model.actions import Action
from reconciler.model.errors import PermanentError
from reconciler.model.machine import Power

from . import build
from .build import FakeDirectory, World

ME = build.SERIAL


class Says:
    def __init__(self, machine: set[str], parts: set[str] | None = None) -> None:
        self.said = BmcIdentity(frozenset(machine), frozenset(parts or ()))

    async def identity(self) -> BmcIdentity:
        return self.said


async def is_own(bmc: Says, *, pinned: str | None = None, reporters: frozenset[str] = frozenset({ME})) -> None:
    access = BmcAccess("192.0.2.107", 623, "oci", "secret", serial=pinned)
    await verify_owner(bmc, access, ME, FakeDirectory(reporters=reporters))


@pytest.mark.parametrize(
    "bmc",
    [
        Says({ME}),
        Says({"CHASSIS-9", ME}),
        Says({ME.lower() + " "}),
        Says({"CHASSIS-9"}, {ME}),  # Supermicro: the agent reports the board's
        Says({"To be filled by O.E.M."}, {ME}),
    ],
)
async def test_who_says_the_serial_is_the_machines_own_whoever_reported_it(bmc: Says) -> None:
    await is_own(bmc, reporters=frozenset())


@pytest.mark.parametrize("bmc", [Says({"B002"}), Says({"B002", ""}, {"CNA"})])
async def test_who_says_another_serial_is_not_though_the_agent_reported_the_address(bmc: Says) -> None:
    with pytest.raises(PermanentError, match="says that it belongs to B002, not to A001: nothing was switched"):
        await is_own(bmc)


SILENT = [
    Says(set()),
    Says({"", "To Be Filled By O.E.M.", "0123456789"}),
    Says({"00000", "OEM", "serialnumber"}),
    Says(set(), {"CN1"}),
]


@pytest.mark.parametrize("bmc", SILENT)
async def test_who_says_nothing_is_believed_where_the_machines_own_agent_reported_it(bmc: Says) -> None:
    await is_own(bmc)


@pytest.mark.parametrize("bmc", SILENT)
@pytest.mark.parametrize(
    ("reporters", "why"),
    [({ME, "B002"}, "B002 reported the same address"), (set(), "A001 did not report this address")],
)
async def test_who_says_nothing_is_not_believed_else(bmc: Says, reporters: set[str], why: str) -> None:
    with pytest.raises(PermanentError, match=f"does not say whose it is, and {why}"):
        await is_own(bmc, reporters=frozenset(reporters))


async def test_the_operator_may_say_what_the_right_bmc_says() -> None:
    await is_own(Says({"B002"}), pinned="B002")
    with pytest.raises(PermanentError, match="not to B002"):
        await is_own(Says({ME}), pinned="B002")


@pytest.mark.parametrize("action", [build.LIVE, build.DISK, build.ON], ids=lambda action: action.type)
async def test_nothing_is_switched_through_another_machines_bmc(action: Action) -> None:
    world = World()
    world.chassis.serial = "B002"
    with pytest.raises(PermanentError, match="belongs to B002"):
        await handlers(world.tools)[type(action)](action)
    assert (world.chassis.state, world.chassis.booted_from) == (Power.OFF, [])
    assert world.chassis.sessions == 0
