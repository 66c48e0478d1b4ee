"""Whose a BMC is, before anything is switched through it."""

import pytest

from reconciler.execution.handlers import handlers
from reconciler.execution.identity import Believed, verify_owner
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


UUID = build.UUID


async def is_own(
    bmc: Says,
    *,
    pinned: str | None = None,
    reporters: frozenset[str] = frozenset({ME}),
    if_silent: Believed = "its agent",
) -> None:
    access = BmcAccess("192.0.2.107", 623, "oci", "secret", serial=pinned, owners=build.owners_of)
    await verify_owner(bmc, access, ME, FakeDirectory(reporters=reporters), if_silent=if_silent)


@pytest.mark.parametrize(
    "bmc",
    [
        Says({ME}),
        Says({"CHASSIS-9", ME}),
        Says({ME.lower() + " "}),
        Says({"CHASSIS-9"}, {ME}),  # Supermicro: the agent reports the board's
        Says({"To be filled by O.E.M."}, {ME}),
        Says({"SYS-41A1"}),  # Redfish on Supermicro: another of the machine's numbers
        Says({"sys-41a1 ", "CHASSIS-9"}),
        Says(set(), {"CN1374009H00JK"}),  # iDRAC6: the board's, as DMI has it in dots
        Says({"NOBODYS"}, {UUID.upper()}),
        Says(set(), {"33221100-5544-7766-8899-aabbccddeeff"}),  # the other order of bytes
    ],
)
async def test_who_says_the_serial_is_the_machines_own_whoever_reported_it(bmc: Says) -> None:
    await is_own(bmc, reporters=frozenset())


@pytest.mark.parametrize(
    "bmc", [Says({"B002"}), Says({"B002", ""}, {"CNA"}), Says({"SYS-42B2"}), Says({"CHASSIS-9", "sys-42b2"})]
)
async def test_who_says_a_number_of_another_is_not_though_the_agent_reported_the_address(bmc: Says) -> None:
    with pytest.raises(PermanentError, match=r"says that it belongs to .*-?2, not to A001: nothing was switched"):
        await is_own(bmc)


async def test_a_board_that_came_from_another_machine_speaks_for_neither_by_its_service_tag() -> None:
    with pytest.raises(PermanentError, match="says that it belongs to B002, not to A001"):
        await is_own(Says(set(), {"B002"}))


async def test_a_number_in_dots_may_be_pinned_as_it_stands_in_dmi() -> None:
    await is_own(Says({"CN1374009H00JK"}), pinned=".4JXKYM1.CN1374009H00JK.", reporters=frozenset())


@pytest.mark.parametrize("said", ["CHASSIS-9", "CNSHARED00000", "NOBODYS"])
async def test_a_number_that_nobody_has_or_several_proves_nothing(said: str) -> None:
    await is_own(Says({said}))
    for reporters in (frozenset[str](), frozenset({ME, "B002"})):
        with pytest.raises(PermanentError, match=f"says that it belongs to {said}, not to A001"):
            await is_own(Says({said}), reporters=reporters)
    with pytest.raises(PermanentError, match=f"says that it belongs to {said}, not to A001"):
        await is_own(Says({said}), if_silent="nobody")


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


async def test_nobody_is_believed_at_an_address_that_every_machine_has() -> None:
    """The BMC of this server's own host may answer there; whatever it says, nothing is switched."""
    access = BmcAccess("169.254.0.17", 623, "oci", "secret", owners=build.owners_of)
    for bmc in (Says(set()), Says({ME})):
        with pytest.raises(PermanentError, match=r"169\.254\.0\.17 is no address of one machine's BMC: nothing was "):
            await verify_owner(bmc, access, ME, FakeDirectory(reporters=frozenset({ME})))
