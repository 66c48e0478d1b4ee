"""What RAID tools print, what is made of it, and what they are told. A case is a folder below ``raid/``:

``case.json`` names the tool and the layout that is wanted; ``disks.txt`` and ``volumes.txt`` are the tool's answers,
and so is ``without_enclosure.txt``, where the controller has such disks and storcli is asked;
``told.txt`` is what follows. ``GOLDEN=overwrite pytest`` writes that anew, for review in the diff.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from reconciler.model.raid import RaidDisk, RaidLayout, RaidVolume, disk_use, is_rotational
from reconciler.provisioning import raid
from reconciler.provisioning.raid.dialects import TOOLS

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


NONE = json.dumps({"Controllers": [{"Command Status": {"Status": "Failure", "Description": "No Controller found"}}]})
WITHOUT_DISKS = json.dumps({"Controllers": [{"Command Status": {}, "Response Data": {"Product Name": "SAS9361-8i"}}]})


def listing(path: str, serial: str) -> str:
    """What storcli says of one drive."""
    key, attributes = f"Drive {path}", {"SN": serial}
    row = {"EID:Slt": "32:0" if "/e32/" in path else " :0", "State": "UGood", "Size": "1.745 TB"}
    data = {key: [row], f"{key} - Detailed Information": {f"{key} Device attributes": attributes}}
    return json.dumps({"Controllers": [{"Command Status": {"Controller": 0}, "Response Data": data}]})


MEGACLI = f"""Adapter #0

Enclosure Device ID: 32
Slot Number: 0
PD Type: SATA
Raw Size: 1.745 TB [0xdf8fe2b0 Sectors]
Firmware state: Unconfigured(good), Spun Up
Inquiry Data: {"OF-MEGACLI":>20}INTEL SSDSC2KB019T8

Exit Code: 0x00
"""
FIRST, SECOND, THIRD = "%call show J", "%call%eall%sall show all J", "%call%sall show all J"


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({}, 1),
        ({f"storcli64 {FIRST}": NONE, "megacli": "Exit Code: 0x01\n"}, 2),
        ({f"storcli64 {FIRST}": NONE, f"perccli64 {SECOND}": listing("/c0/e32/s0", "OF-PERCCLI64")}, "perccli64"),
        ({f"storcli64 {FIRST}": WITHOUT_DISKS, f"perccli {SECOND}": listing("/c0/e32/s0", "OF-PERCCLI")}, "perccli"),
        ({f"storcli {THIRD}": listing("/c0/s0", "OF-STORCLI"), f"perccli {SECOND}": NONE}, "storcli"),
        ({f"storcli2 {SECOND}": listing("/c0/e32/s0", "OF-STORCLI2"), "megacli": MEGACLI}, "storcli2"),
        ({f"storcli64 {SECOND}": NONE, "megacli -PDList -aALL -NoLog": MEGACLI}, "megacli"),
    ],
    ids=["no-tool", "none-lists", "not-the-first", "no-disks", "no-enclosure", "storcli2", "megacli"],
)
def test_the_tool_that_lists_the_disks_is_taken_as_by_the_agent(
    answers: dict[str, str], found: int | str, shell: str, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    said.mkdir()
    for line, answer in answers.items():
        (said / line).write_text(answer)
    names = {line.partition(" ")[0] for line in answers}
    root = agent.a_root(tmp_path, {name: (f"{said}/{name} ", f"{said}/{name}") for name in names}, shell)
    ran = subprocess.run([f"{root['PATH']}/sh", "-c", raid.FIND_TOOL], env=root, capture_output=True, text=True)
    told = ran.returncode or Path(ran.stdout.strip()).name
    assert (told, ran.stderr) == (found, "")
    listed = json.loads(agent.printed(root)).get("phys-blockdevices", [])
    assert [disk["serial"] for disk in listed] == ([] if isinstance(found, int) else [f"OF-{found.upper()}"])


def test_tools_are_asked_in_the_order_of_the_agent() -> None:
    names = re.findall(r"^(?:STOR|MEGA)CLIS='(.*)'$", agent.AGENT.read_text(), re.MULTILINE)
    assert tuple(" ".join(names).split()) == TOOLS


def test_with_a_tool_that_only_lists_no_volume_is_made() -> None:
    with pytest.raises(ValueError, match="storcli2 alone lists its disks, and no volumes are made with it"):
        raid.dialect_of("/usr/sbin/storcli2")


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
        (RaidVolume(1, (DISK,)), "RAID 1 of 0:32:0 is of a number of disks that no controller makes it of"),
        (
            RaidVolume(10, tuple(RaidDisk(0, 32, n, "A") for n in range(5))),
            "RAID 10 of .* is of a number of disks that",
        ),
        (RaidVolume(5, tuple(RaidDisk(0, 32, n, "A") for n in range(2))), "RAID 5 of .* is of a number of disks that"),
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


@pytest.mark.parametrize("state", ["UBad", "GHS", "DHS", "Hotspare, Spun Up", "Sntze"])
def test_a_disk_that_can_be_no_member_stops_it_before_anything_is_deleted(state: str) -> None:
    found = raid.FoundDisk(0, 32, 1, frozenset({"S1"}), disk_use(state), told=state)
    assert raid.changed(RaidLayout((), (RaidDisk(0, 32, 1, "S1"),)), raid.RaidState((found,), ())) == [
        f"disk 0:32:1 cannot be used: it is {state}"
    ]


@pytest.mark.parametrize(
    ("medium", "is_hard_disk"),
    [("HDD", True), ("SSD", False), ("Hard Disk Device", True), ("Solid State Device", False), ("", None), ("-", None)],
)
def test_what_a_medium_is(medium: str, is_hard_disk: bool | None) -> None:
    assert is_rotational(medium) is is_hard_disk


@pytest.mark.parametrize(("media", "is_refused"), [("HS", True), ("SS", False), ("H?", False), ("??", False)])
def test_a_volume_of_ssds_and_hard_disks_is_refused_before_anything_is_deleted(media: str, is_refused: bool) -> None:
    layout = RaidLayout((RaidVolume(1, (RaidDisk(0, 32, 0, "S0"), RaidDisk(0, 32, 1, "S1"))),))
    found = tuple(
        raid.FoundDisk(0, 32, slot, frozenset({f"S{slot}"}), "good", rotational={"H": True, "S": False}.get(medium))
        for slot, medium in enumerate(media)
    )
    why = ["RAID 1 of 0:32:0, 0:32:1 is of SSDs and of hard disks, and no controller makes it of both"]
    assert raid.changed(layout, raid.RaidState(found, ())) == (why if is_refused else [])


def test_storcli_and_megacli_say_the_medium_of_each_disk() -> None:
    folder = Path(__file__).parent / "raid"
    seen = set()
    for case in CASES:
        tool = json.loads((case / "case.json").read_text())["tool"]
        answers = [folder / case.name / f"{what}.txt" for what in ("disks", "volumes", "without_enclosure")]
        dialect = raid.dialect_of(f"/usr/sbin/{tool}")
        texts = [path.read_text() if path.exists() else NO_DRIVE for path in answers[: len(dialect.questions)]]
        seen |= {(type(dialect).__name__, disk.rotational) for disk in dialect.understand(texts).disks}
    assert {("StorCli", True), ("StorCli", False), ("MegaCli", True)} <= seen
