"""``ConfigureRaid`` against the simulator's controller: it answers storcli and refuses what a real one refuses."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.execution.handlers import handlers
from reconciler.execution.ports import Ran
from reconciler.model.actions import ConfigureRaid
from reconciler.model.contents import Contents, VolumeFound
from reconciler.model.disk_id import ControllerId, Finding, InstalledSystem
from reconciler.model.errors import ForeignDataError, PermanentError, TemporaryError
from reconciler.model.raid import RaidDisk, RaidVolume
from reconciler.provisioning import commands, fence, fence_script, raid
from reconciler.simulator.storcli import PATH, Controller

from ..fakes.machine import FakeMachine
from . import build
from .build import World
from .test_handlers import met_on

SIZE = 240_000_000_000
DISKS = tuple(RaidDisk(0, 32, slot, f"PHYF{slot}") for slot in range(4))
MIRROR = RaidVolume(1, DISKS[:2], ("WB", "RA", "Direct"))
ACTION = ConfigureRaid(serial=build.SERIAL, generation=1, volumes=(MIRROR,), single=())


class Machine(FakeMachine):
    """A live system with storcli in it, and a controller behind that."""

    def __init__(self, folder: Path, volumes: Iterable[tuple[int, list[int]]] = ()) -> None:
        super().__init__()
        self.slots = {slot: (f"PHYF{slot}", "SSD", SIZE) for slot in range(4)}
        self.controller = Controller(folder / "controller.json", lambda: self.slots)
        self.controller.begin(volumes)
        self.refused = ""
        self.found = Ran(0, f"{PATH}\n", "")

    def answer(self, command: str) -> Ran:
        if command == raid.FIND_TOOL:
            return self.found
        said = None if self.refused and self.refused in command else self.controller.answer(command)
        if command.startswith(PATH):
            self.log.append(command)
            return Ran(*said, "") if said else Ran(1, "E: firmware is busy\n", "")
        return super().answer(command)

    @property
    def changes(self) -> list[str]:
        """What it was told, but for questions."""
        return [c.removeprefix(f"{PATH} ") for c in self.log if c.startswith(PATH) and " show " not in c]


async def configured(machine: Machine, action: ConfigureRaid = ACTION) -> World:
    world = World(machine=machine)
    await handlers(world.tools)[ConfigureRaid](action)
    assert all(shell.closed for shell in world.shells.shells)
    return world


async def test_a_volume_is_made_recorded_before_and_blanked_after(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    world = await configured(machine)
    assert machine.changes == ["/c0 add vd type=raid1 drives=32:0,32:1 wb ra direct J", "/c0/v0 start init J"]
    assert world.records.erased == [("0:32:0 PHYF0", "0:32:1 PHYF1")]
    assert machine.controller.volumes() == [SIZE]
    await configured(machine)
    assert len(machine.changes) == 2, "what is there is left alone"


async def test_a_controller_that_has_what_is_wanted_is_left_alone(tmp_path: Path) -> None:
    machine = Machine(tmp_path, [(1, [0, 1]), (0, [2])])
    world = await configured(machine)
    assert (machine.changes, world.records.erased) == ([], [])


OLD = (Finding(ControllerId(0), Contents.of(VolumeFound(0, 0, ("0:32:1",)))),)


async def test_a_volume_in_the_way_is_deleted_only_once_that_was_allowed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, [(0, [1]), (0, [3])])
    with pytest.raises(ForeignDataError) as met:
        await configured(machine)
    assert (met.value.found, machine.changes) == (OLD, [])
    allowed = replace(ACTION, may_hold=OLD)
    assert allowed.id == ACTION.id
    await configured(machine, allowed)
    assert machine.changes[0] == "/c0/v0 delete force J"
    assert machine.controller.kept["volumes"].keys() == {"0", "1"}, "the volume on other disks stays"


async def test_a_volume_with_a_finished_install_on_it_stays_whatever_else_may_go(tmp_path: Path) -> None:
    machine = Machine(tmp_path, [(0, [1])])
    machine.facts, machine.look_exit = [met_on("sda", "refused", "0123456789ab")], fence_script.REFUSED
    with pytest.raises(ForeignDataError) as met:
        await configured(machine, replace(ACTION, whatever=True, ours=("0:32:1 PHYF1",)))
    assert met.value.found == (Finding(ControllerId(0), InstalledSystem("n1.example.com", "0123456789ab")),)
    assert machine.changes == []
    machine.facts, machine.look_exit = [met_on("sda", "allowed", "0123456789ab")], 0
    await configured(machine, replace(ACTION, whatever=True, may_erase=("0123456789ab",)))
    assert b"ALLOWED=0123456789ab\n" in machine.files[fence.SCRIPT_FILE]
    assert machine.controller.volumes() == [SIZE]


async def test_nothing_is_deleted_while_somebody_works_on_the_disks(tmp_path: Path) -> None:
    machine = Machine(tmp_path, [(0, [1])])
    machine.facts, machine.look_exit = [{"disk": "sda", "mounted": "/dev/sda1 on /mnt"}], fence_script.REFUSED
    with pytest.raises(PermanentError, match="somebody works in the live system and has mounted /dev/sda1 on /mnt"):
        await configured(machine, replace(ACTION, whatever=True))
    assert machine.changes == []


@pytest.mark.parametrize("how", [{"whatever": True}, {"ours": ("0:32:1 PHYF1",)}], ids=["policy", "ours"])
async def test_nobody_is_asked_about_what_may_go(tmp_path: Path, how: dict[str, object]) -> None:
    machine = Machine(tmp_path, [(0, [1])])
    await configured(machine, replace(ACTION, **how))
    assert machine.controller.volumes() == [SIZE]


@pytest.mark.parametrize(
    ("slots", "why"),
    [
        ({0: ("PHYF0", "SSD", SIZE)}, r"disk 0:32:1 \(PHYF1\) is gone"),
        ({0: ("PHYF0", "SSD", SIZE), 1: ("OTHER", "SSD", SIZE)}, "disk 0:32:1 is OTHER, the plan saw PHYF1"),
    ],
)
async def test_a_disk_that_vanished_between_plan_and_act_stops_it(
    tmp_path: Path, slots: dict[int, tuple[str, str, int]], why: str
) -> None:
    machine = Machine(tmp_path, [(0, [3])])
    machine.slots = slots
    with pytest.raises(PermanentError, match=f"nothing was erased: {why}"):
        await configured(machine, replace(ACTION, whatever=True))
    assert machine.changes == []


async def test_killed_after_any_command_it_is_completed_by_the_next(tmp_path: Path) -> None:
    for refused in ("delete", "add vd", "start init"):
        machine = Machine(tmp_path, [(0, [0]), (0, [1])])
        machine.refused = refused
        with pytest.raises(PermanentError, match=rf"{refused}.* failed: its answer is not readable: 'E: firmware is"):
            await configured(machine, replace(ACTION, whatever=True))
        machine.refused = ""
        await configured(machine, replace(ACTION, ours=tuple(disk.identity for disk in MIRROR.disks)))
        assert machine.controller.volumes() == [SIZE]


async def test_options_that_no_controller_knows_erase_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, [(0, [0])])
    with pytest.raises(PermanentError, match="nothing was erased: RAID options ; reboot are not known"):
        await configured(machine, replace(ACTION, whatever=True, volumes=(replace(MIRROR, options=("; reboot",)),)))
    assert machine.changes == []


async def test_another_machine_or_an_installed_system_is_not_touched(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.serial = "B002"
    with pytest.raises(PermanentError, match="is not A001"):
        await configured(machine)
    machine.serial, machine.installed_runs = "A001", True
    machine.disk = {commands.MARKER_FILE: commands.Marker("A001", "n1", 1, "id").render().encode()}
    with pytest.raises(PermanentError, match=r"the installed system n1 .* runs here"):
        await configured(machine)
    assert machine.changes == []


async def test_a_live_system_without_a_tool_says_so(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="has neither storcli, perccli nor megacli"):
        await configured(FakeMachine())


async def test_tools_that_list_no_disk_erase_nothing_and_are_asked_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path, [(0, [0])])
    machine.found = Ran(raid.NONE_LISTS, "", "")
    with pytest.raises(TemporaryError, match="no tool of the live system lists a disk behind a RAID controller"):
        await configured(machine, replace(ACTION, whatever=True))
    machine.found = Ran(0, "/usr/sbin/storcli2\n", "")
    with pytest.raises(PermanentError, match="storcli2 alone lists its disks"):
        await configured(machine, replace(ACTION, whatever=True))
    assert machine.changes == []
