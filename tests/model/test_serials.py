"""What may be a machine's serial, and when two numbers are one."""

import pytest

from reconciler.hardware.report import ReportError, parse_report
from reconciler.model.fillers import PLACEHOLDERS, is_filler, is_no_serial, is_uuid, other_order
from reconciler.model.serials import as_serial, number, numbers

FILLERS = (
    """
..........|- - -|0123456789|123456|987654321|0123456789ABCDEF|01234567890123456789AB|None|To be filled by O.E.M.
Not Settable|Base Board Serial Number|xxxxxxxxxxx|1111111111|00000000-0000-0000-0000-000000000000
FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF|03000200-0400-0500-0006-000700080009|(null string)|SYS-1234567890|SYS-9876543210
SN-12345|SN-1234567890|1111111|0|12345|1234567|123456789000|12345678901234567|000000|NNNNNNN|EVAL|IATPASS
Tulip Computers|Serial Number xxxxxx|SN-123456fvgv3i0b8o5n6n7k|Unknow|MB-1234567890|<BAD INDEX>|<OUT OF SPEC>
00020003-0004-0005-0006-000700080009
""".strip()
    .replace("\n", "|")
    .split("|")
)


@pytest.mark.parametrize("text", FILLERS)
def test_what_firmware_says_in_place_of_a_serial_identifies_nobody(text: str) -> None:
    assert is_filler(text)
    assert number(text) is None
    with pytest.raises(ReportError, match="is what firmware says when it has no serial"):
        reported(text)


@pytest.mark.parametrize("text", ["1", "12", "-64", "SN-12", "...7.."])
def test_what_is_as_short_as_a_place_or_a_revision_tells_no_machine_from_others(text: str) -> None:
    assert is_no_serial(text) and number(text) is None
    with pytest.raises(ReportError):
        reported(text)


@pytest.mark.parametrize("uuid", sorted(filter(is_uuid, PLACEHOLDERS)))
def test_a_uuid_that_says_nothing_does_so_in_either_order_of_bytes(uuid: str) -> None:
    assert other_order(uuid) != uuid
    for text in (uuid, other_order(uuid)):
        assert is_filler(text) and number(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "A001",
        "1234",
        "S1",
        "A-1",
        "SN-4711A",
        "SYSTEM7",
        "NBA-0007",
        "AAAB",
        "ZM000S000001",
        "VMware-42 1c",
        "489089M+1443AZ0000",
        "AAA001",
    ],
)
def test_a_number_that_a_machine_may_have_is_one(text: str) -> None:
    assert not is_filler(text)
    assert reported(text) == text


def test_a_slash_gets_a_letter_that_a_path_can_hold_and_stays_another_number() -> None:
    assert reported("5FQ1/CN70/163") == "5FQ1~CN70~163" == as_serial("5FQ1/CN70/163")
    assert number("5fq1/CN70/163") == number("5FQ1~CN70~163 ") != number("5FQ1-CN70-163")


def test_a_uuid_is_one_in_either_order_of_bytes() -> None:
    assert number("00112233-4455-6677-8899-AABBCCDDEEFF") == number("33221100-5544-7766-8899-aabbccddeeff")
    assert number("00112233-4455-6677-8899-aabbccddeeff") != number("00112233-4455-6677-9988-aabbccddeeff")


@pytest.mark.parametrize(
    ("board", "known"),
    [
        (".4JXKYM1.CN1374009H00JK.", {".4jxkym1.cn1374009h00jk.", "cn1374009h00jk"}),
        ("..CN1374009R00ZP.", {"..cn1374009r00zp.", "cn1374009r00zp"}),
        (".4JXKYM1.CN1374009H00JK.01. ", {".4jxkym1.cn1374009h00jk.01.", "cn1374009h00jk"}),
        (".4JXKYM1.0000000000.", {".4jxkym1.0000000000."}),
        ("CN1374009H00JK", {"cn1374009h00jk"}),
        ("1.CN1374009H00JK", {"1.cn1374009h00jk"}),
        ("............", set()),
    ],
)
def test_of_a_boards_number_in_dots_the_boards_own_part_is_a_number_too(board: str, known: set[str]) -> None:
    assert numbers([board]) == known


def reported(serial: str) -> str:
    return parse_report(f'{{"machine": [{{"serial": "{serial}"}}], "memory": [{{"size": "1"}}]}}'.encode()).serial
