"""The serial by which a machine is known: the agent chooses by the rule by which the server takes or refuses."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from reconciler.hardware.report import ReportError, parse_report
from reconciler.model.fillers import PLACEHOLDERS, is_no_serial
from reconciler.provisioning import commands

from .box import AGENT, a_root, needs, printed

SCRIPT = AGENT.read_text()
WORDS = [
    *sorted(PLACEHOLDERS), "", " ", "..........", ". . .", "-", "0", "0000000", "00000000-0000-0000-0000-000000000000",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "XXXXXXX", "11111", "1111", "AAAAAA", "1234567890", "0123456789AB",
    "01234567890123456789AB", "123456", "345678", "3456789", "34567891", "9012345678", "Type1 - 123456789",
    "Type2 - Board Serial Number", "To  be filled by O.E.M.", "None", "none ", "NB-1234567890", "-64",
    "7XK9Z01", "S12345678", "489089M+1632RT0A1B", "a/b", "VMware-56 4d fa 72 69 7a 39 13", "4c4c4544-0042-3610-8034",
    "SYS-1234567890", "SYS-9876543210", "SN-12345", "SN-1234567890", "SN 7XK9Z01", "MB: 0000", "SYSTEM1", "SNAP-0001",
    "EVAL", "IATPASS", "NNNNNNN", "Serial Number xxxxxx", "Unknow", "1", "12", "A-1", "1234", "123456789000",
    "<BAD INDEX>", "<OUT OF SPEC>",
    "<7XK9Z01", "00020003-0004-0005-0006-000700080009", "00020003-0004-0005-0006-00070008000A",
    "78563412-3412-7856-90AB-CDDEEFAABBCC", "..CN7475147L04TX.", "12345678A", "Serial Number 7", "ab", "abcdef",
    "A" * 65,
]  # fmt: skip


def block(name: str) -> str:
    found = re.search(rf"^{name}='\n?(.*?)'$", SCRIPT, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_agent_and_server_have_one_list_of_words() -> None:
    assert set(re.split(r"[|\n]", block("FILLERS").strip())) == PLACEHOLDERS


def test_agent_and_server_have_one_rule() -> None:
    shared = re.search(r"'(def text.*?)'\"\$_filter\"", SCRIPT, re.DOTALL)
    assert shared is not None
    rule = shared[1] + block("SERIAL") + "map([., is_filler, is_taken])"
    said = subprocess.run(
        [needs("jq"), rule, "--arg", "fillers", block("FILLERS")],
        input=json.dumps(WORDS), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = [tuple(row) for row in json.loads(said.stdout)]
    assert found == [(word, is_no_serial(word), server_takes(word) and not set("+~") & set(word)) for word in WORDS]
    assert {taken for _, filler, taken in found if filler} == {False}
    assert server_takes("489089M+1632RT0A1B"), "of a machine that has no other"


def server_takes(serial: str) -> bool:
    report = {"machine": [{"serial": serial}], "memory": [{"size": "1"}]}
    try:
        return parse_report(json.dumps(report).encode()).serial == serial
    except ReportError:
        return False


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize(
    ("wrote", "system", "board"),
    [
        ("RACK7-U12\n", "123456789", "Default string"),
        ("# by hand\n\nRACK7  U12 \nRACK8-U1\n", "123456789", "2S2JGM2"),
        ("\n", "2S2JGM2", ""),
        ("", "CZ3  4508TBF", ""),
        ("", "489089M+1632RT0A1B", "None"),
        ("", "Default string", "a/b"),
        ("", "2S2JGM2", "CN7792"),
        (None, "64", "Not Specified"),
    ],
)
def test_who_asks_over_ssh_finds_the_machine_that_the_agent_reports(
    tmp_path: Path, shell: str, wrote: str | None, system: str, board: str
) -> None:
    dmi = tmp_path / "dmi"
    dmi.mkdir()
    for keyword, text in {
        "system-manufacturer": "HPE", "system-serial-number": system, "baseboard-serial-number": board,
        "chassis-serial-number": "Default string", "system-uuid": "03000200-0400-0500-0006-000700080009",
    }.items():  # fmt: skip
        (dmi / f"-s {keyword}").write_text(f"{text}\n")
    (dmi / "-t memory").write_text("Memory Device\n\tSize: 32 GB\n\tType: DDR4\n")
    root = a_root(tmp_path, {"dmidecode": (f"{dmi}/", "")}, shell)
    if wrote is not None:
        Path(root["SERIAL_FILE"]).write_text(wrote)
    command = commands.READ_SERIAL.replace(commands.SERIAL_FILE, root["SERIAL_FILE"])
    said = subprocess.run([f"{root['PATH']}/sh", "-c", command], env=root, capture_output=True, text=True, check=True)
    found = commands.serials_in(said.stdout)
    try:
        serial = parse_report(printed(root).encode()).serial
    except ReportError:
        assert found == set()
    else:
        assert serial in found
        assert not wrote or len(found) <= 2, "what an operator wrote counts alone"


def test_agent_and_server_read_one_file_by_one_text() -> None:
    assert f"SERIAL_FILE:-{commands.SERIAL_FILE}}}" in SCRIPT
    assert commands.FIRST_LINE in SCRIPT


RACK, SLED = "Rack Mount Chassis", "Multi-system"


@pytest.mark.parametrize(
    ("maker", "system", "board", "chassis", "kind", "chosen"),
    [
        ("Dell Inc.", "2S2JGM2", "CN7792", "2S2JGM2", SLED, "2S2JGM2"),
        ("Dell Inc.", "None", "CN7792", "", RACK, "CN7792"),
        ("GIGABYTE", "01234567890123456789AB", "JI5P47", "01234567", RACK, "JI5P47"),
        ("Lenovo", "J100", "X3HE", "J300", RACK, "J300"),
        ("Lenovo", "J100", "X3HE", "None", RACK, "J100"),
        ("Lenovo", "J100", "X3HE", "J300", SLED, "J100"),
        ("Supermicro", "S2121", "NM175", "C8260", "Other", "NM175"),
        ("Supermicro", "S2121", "..........", "C8260", "Other", "S2121"),
        ("Oracle Corporation", "1634NM", "489089M+16", "1634NM", RACK, "1634NM"),
        ("AIC", "NODE4", "ENC1", "ENC1", SLED, "NODE4"),
        ("AIC", "NODE4", "BOARD4", "ENC1", SLED, "BOARD4"),
        ("AIC", "", "0123456789", "Default string", RACK, "6f1e2d3c-4b5a-4968-8776-a5b4c3d2e1f0"),
        ("AIC", "", "489089M+16", "", RACK, "6f1e2d3c-4b5a-4968-8776-a5b4c3d2e1f0"),
        ("OpenStack Foundation", "6f1e2d3c-4b5a-4968", "", "", "Other", "6f1e2d3c-4b5a"),
        ("QEMU", "Not Specified", "", "", "Other", "6f1e2d3c-4b5a-4968-8776-a5b4c3d2e1f0"),
    ],
)
def test_which_serial_is_chosen(
    tmp_path: Path, maker: str, system: str, board: str, chassis: str, kind: str, chosen: str
) -> None:
    """The order differs by maker, as it always did, so that a machine keeps its name."""
    dmi = tmp_path / "dmi"
    dmi.mkdir()
    for keyword, text in {
        "system-manufacturer": maker, "system-serial-number": system, "baseboard-serial-number": board,
        "chassis-serial-number": chassis, "chassis-type": kind, "system-uuid": "6f1e2d3c-4b5a-4968-8776-a5b4c3d2e1f0",
    }.items():  # fmt: skip
        (dmi / f"-s {keyword}").write_text(f"{text}\n")
    report = json.loads(printed(a_root(tmp_path, {"dmidecode": (f"{dmi}/", "")}, "dash")))
    machine = report["machine"][0]
    assert machine["serial"] == chosen
    assert (machine["system_serial"], machine["board_serial"]) == (system, board)
