"""What RAID tools print, what is made of it, and what they are told. A case is a folder below ``raid/``:

``case.json`` names the tool and the layout that is wanted; ``disks.txt`` and ``volumes.txt`` are the tool's answers,
and so is ``without_enclosure.txt``, where the controller has such disks and storcli is asked;
``told.txt`` is what follows. ``GOLDEN=overwrite pytest`` writes that anew, for review in the diff.
"""

import json
import os
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from reconciler.model.raid import RaidDisk, RaidLayout, RaidVolume
from reconciler.provisioning import raid

from ..agent import box as agent

CASES = sorted(path for path in (Path(__file__).parent / "raid").iterdir())
LAYOUTS = TypeAdapter(RaidLayout)
NO_DRIVE = '{"Controllers": [{"Command Status": {"Status": "Failure", "Description": "No drive found!"}}]}'


def told(case: Path) -> str:
    """Why it stops, or what is in its way, and every command."""
    given = json.loads((case / "case.json").read_text())
    layout = LAYOUTS.validate_python(given["wanted"])
    dialect = raid.dialect_of(f"/usr/sbin/{given['tool']}")
    asked = ["disks", "volumes", "without_enclosure"][: len(dialect.questions)]
    answers = [case / f"{what}.txt" for what in asked]
    state = dialect.understand([path.read_text() if path.exists() else NO_DRIVE for path in answers])
    if changed := raid.changed(layout, state):
        return "".join(f"stop: {each}\n" for each in changed)
    todo = raid.steps(layout, state)
    lines = [f"in the way, {on}: {what}" for on, what in raid.in_the_way(todo, state, frozenset())]
    ours = frozenset(disk.identity for disk in layout.disks)
    assert raid.in_the_way(todo, state, ours) == ()
    return "".join(f"{line}\n" for line in [*lines, *map(dialect.command, todo)]) or "as wanted\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_controller_needs(case: Path) -> None:
    golden, got = case / "told.txt", told(case)
    if os.environ.get("GOLDEN") == "overwrite":
        golden.write_text(got)
    assert got == golden.read_text()


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_drives_that_leave_fields_out_are_read_as_the_agent_reads_them(shell: str, tmp_path: Path) -> None:
    case = Path(__file__).parent / "raid/storcli-broken-drive-leaves-fields-out"
    drives, volumes = (case / "disks.txt").read_text(), (case / "volumes.txt").read_text()
    (tmp_path / "%call%eall%sall show all J").write_text(drives)
    report = json.loads(agent.printed(agent.a_root(tmp_path, {"storcli64": (f"{tmp_path}/", "")}, shell)))
    state = raid.dialect_of("storcli64").understand((drives, volumes, NO_DRIVE))
    found = {disk.place: ("".join(disk.serials), disk.told) for disk in state.disks}
    listed = report["phys-blockdevices"]
    assert {(0, 32, int(one["slot"])): (one["serial"], one["state"]) for one in listed}.items() <= found.items()
    assert (len(listed), len(found)) == (2, 4), "the agent leaves out drives that say no size"
    (volume,) = state.volumes
    assert volume.disks == {(0, 32, 5)}, "its other member is in no slot"


DISK = RaidDisk(0, 32, 0, "A")


@pytest.mark.parametrize("path", ["/usr/sbin/storcli64; reboot", "/usr/sbin/ssacli", "", "storcli64\n/x"])
def test_a_tool_that_we_do_not_know_is_not_run(path: str) -> None:
    with pytest.raises(ValueError, match="is no RAID tool that we know"):
        raid.dialect_of(path)


@pytest.mark.parametrize("tool", ["storcli64", "megacli"])
@pytest.mark.parametrize(
    ("volume", "why"),
    [
        (RaidVolume(0, (DISK,), ("WB", "$(reboot)")), r"RAID options \$\(reboot\) are not known; there are WT, WB"),
        (RaidVolume(1, (DISK, RaidDisk(1, 32, 1, "B"))), "RAID 1 of 0:32:0, 1:32:1 is of disks behind 2 controllers"),
    ],
)
def test_what_no_controller_can_make_is_refused(tool: str, volume: RaidVolume, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        raid.dialect_of(tool).command(raid.Create(volume))


@pytest.mark.parametrize("tool", ["storcli64", "megacli"])
@pytest.mark.parametrize("answer", ["", "Segmentation fault\n", "[]", "{"])
def test_an_answer_cut_short_is_not_taken_for_no_disks(tool: str, answer: str) -> None:
    with pytest.raises(ValueError, match="answer is not readable"):
        dialect = raid.dialect_of(tool)
        dialect.understand([answer for _ in dialect.questions])


FAILED = """{"Controllers": [{"Command Status": {"Controller": 0, "Status": "Failure", "Description": "Add VD Failed",
    "Detailed Status": [{"VD": 0, "Status": "Failed", "ErrCd": 15, "ErrMsg": "VD is in use"}]}}]}"""


@pytest.mark.parametrize(
    ("tool", "printed", "why"),
    [
        ("storcli64", '{"Controllers": [{"Command Status": {"Status": "Success"}}]}', None),
        ("storcli64", FAILED, "Add VD Failed; VD is in use"),
        ("storcli64", '{"Controllers": []}', "it answers for no controller"),
        ("storcli64", "Killed", "its answer is not readable: 'Killed'"),
        ("megacli", "\nAdapter 0: Created VD 2\n\nAdapter 0: Configured the Adapter!!\n\nExit Code: 0x00\n", None),
        ("megacli", "\nThe required data is missing.\n\nExit Code: 0x0d\n", "The required data is missing.; Exit Code"),
        ("megacli", "", "it says nothing"),
    ],
)
def test_how_a_command_ended(tool: str, printed: str, why: str | None) -> None:
    said = raid.dialect_of(tool).done(printed)
    assert said is None if why is None else said is not None and why in said
