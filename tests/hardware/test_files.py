"""Files of reports, and what ``match`` prints of each."""

import json

import pytest

from reconciler.hardware.files import split_reports
from reconciler.hardware.racking import rack
from reconciler.model.hardware import Match, Unracked
from reconciler.render.match import match_line, match_text

from .machines import machine, nic, racking

ONE = {"machine": [{"serial": "A1"}], "blockdevices": [{"name": "sda"}]}
OTHER = {"machine": [{"serial": "B2"}]}
PRETTY = json.dumps(ONE, indent=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n \n", []),
        (json.dumps(ONE), [(1, ONE)]),
        (f"{PRETTY}\n", [(1, ONE)]),
        (f"\n\n{PRETTY}", [(3, ONE)]),
        (f"{json.dumps(ONE)}\n\n{json.dumps(OTHER)}\n", [(1, ONE), (3, OTHER)]),
        (f"{json.dumps(ONE)}\r\n{json.dumps(OTHER)}", [(1, ONE), (2, OTHER)]),
        (json.dumps({"serial": "A1", "report": ONE, "answer": "Ok"}), [(1, ONE)]),
        (json.dumps({"file": "a.json", "report": ONE}, indent=1), [(1, ONE)]),
        (json.dumps({"file": "a", "report": ONE}) + "\n" + json.dumps(OTHER), [(1, ONE), (2, OTHER)]),
    ],
)
def test_a_file_holds_one_report_or_one_per_line(text: str, expected: list[tuple[int, object]]) -> None:
    assert [(line, json.loads(body)) for line, body in split_reports(text.encode())] == expected


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (PRETTY[:-4], [1]),
        (f"garbage\n{json.dumps(ONE)}\n", [1, 2]),
        (f"{json.dumps(ONE)}\ngarbage\n", [1, 2]),
        ("garbage\nmore garbage\n", [1]),
        ("[" * 100_000 + "\n", [1]),
    ],
)
def test_what_is_no_json_comes_back_with_its_line_to_be_refused(text: str, lines: list[int]) -> None:
    found = split_reports(text.encode())
    assert [report.line for report in found] == lines
    assert any(report.body.strip() in text.encode() for report in found)


def test_a_match_is_one_object_for_programs() -> None:
    hardware = machine(nics=(nic("eno1", 1, "sw1a", "swp7"), nic("eno2", 2, "sw2a", "swp7")))
    line = match_line(
        hardware, Match(("r640",), {"r440": "no"}), rack(hardware, {"dc2": racking()}), ("sdf (2.2TB LUN)",)
    )
    assert line == {
        "serial": "2S2JGM2",
        "profiles": ["r640"],
        "refused": {"r440": "no"},
        "left_over": ["sdf (2.2TB LUN)"],
        "racking": {
            "dc": "2", "row": "b", "rack": "1", "u": 7, "height": 1, "location": "zone-1",
            "compute_aggregate": None, "switch": "sw1a", "port": "swp7",
            "doubt": "switch sw1a is in rack 1 of row b in datacenter 2, but sw2a in rack 2 of row b in datacenter 2",
        },
    }  # fmt: skip


def test_a_match_is_a_few_lines_for_people() -> None:
    hardware = machine(product="PowerEdge R740xd", nics=(nic("eno1", 1, "sw1a", "swp7"),))
    assert (
        match_text(
            hardware, Match(("a", "b"), {"c": "needs UEFI, booted in BIOS mode"}), rack(hardware, {"dc2": racking()})
        )
        == """\
2S2JGM2  PowerEdge R740xd, 256GiB of memory, 5 disks (3.36TB)
  matches several profiles, so none is taken: a, b
    not c: needs UEFI, booted in BIOS mode
  stands in datacenter 2, row b, rack 1, unit 7 to 8, location zone-1
"""
    )
    assert match_text(hardware, Match(), Unracked("no Racking knows the switch x")).splitlines()[1:] == [
        "  matches no profile",
        "  stands at no known place: no Racking knows the switch x",
    ]
    text = match_text(hardware, Match(("store",)), Unracked("no switch"), ("sdd (2.2TB LUN)", "sde (2.2TB LUN)"))
    assert text.splitlines()[1:3] == ["  matches store", "    leaves alone: sdd (2.2TB LUN), sde (2.2TB LUN)"]
