"""Whatever is sent, the answer is hardware that can be stored and shown, or a ReportError that names a field."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.hardware.changes import changes
from reconciler.hardware.fields import MAX_BYTES
from reconciler.hardware.files import split_reports
from reconciler.hardware.report import ReportError, digest, parse_report
from reconciler.model.hardware import Hardware

REPORTS = Path(__file__).parent / "reports"
STOCK = [
    json.loads(path.read_text())
    for path in sorted(REPORTS.glob("*/report.json"))
    if path.parent.name.startswith(("stock", "our-agent"))
]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["", "null", "0", "-1", "1e9", "x\n", "\ud800", "\x00", "9" * 30, "é", "yes", "sda/../b", "٣"])
)  # fmt: skip
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


def parsed(body: bytes) -> Hardware | None:
    """The hardware, or None when it was refused in the agreed way."""
    try:
        hardware = parse_report(body)
    except ReportError as error:
        assert error.field
        assert str(error) == f"{error.field}: {error.why}"
        assert str(error).isprintable()
        assert len(str(error)) < 600
        return None
    json.dumps(asdict(hardware), allow_nan=False).encode()
    repr(hardware).encode()
    assert digest(hardware) == digest(parse_report(body))
    assert changes(hardware, hardware) == ()
    return hardware


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every value inside, and of the whole."""
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [path, *(deeper for key, item in inside for deeper in paths(item, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value at one place."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbf{}")
@example(b"[" * 100_000)
@example(b'{"a":' * 20_000)
def test_no_bytes_break_the_parser(body: bytes) -> None:
    assert parsed(body) is None
    split_reports(body)


@given(anything)
def test_no_json_breaks_the_parser(value: Any) -> None:
    assert parsed(json.dumps(value).encode()) is None


@given(st.dictionaries(st.sampled_from(sorted(STOCK[0])), st.lists(anything, max_size=3) | anything))
def test_no_json_under_the_names_we_know_breaks_the_parser(value: dict[str, Any]) -> None:
    parsed(json.dumps(value).encode())


@settings(max_examples=400)
@given(st.data())
def test_one_value_replaced_in_a_real_report_breaks_nothing(data: st.DataObject) -> None:
    report = data.draw(st.sampled_from(STOCK))
    place = data.draw(st.sampled_from(paths(report)))
    parsed(json.dumps(put(report, place, data.draw(anything))).encode())


@given(st.data())
def test_one_byte_replaced_in_a_real_report_breaks_nothing(data: st.DataObject) -> None:
    body = bytearray(json.dumps(data.draw(st.sampled_from(STOCK))).encode())
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    parsed(bytes(body))


@given(st.randoms(), st.sampled_from(STOCK))
def test_the_order_in_which_parts_are_listed_is_no_change(random: Any, report: dict[str, Any]) -> None:
    shuffled = {key: random.sample(part, len(part)) for key, part in report.items()}
    before, after = (parse_report(json.dumps(one).encode()) for one in (report, shuffled))
    assert digest(before) == digest(after)
    assert changes(before, after) == ()


@pytest.mark.parametrize("size", [MAX_BYTES, MAX_BYTES + 1])
def test_a_report_has_a_largest_size(size: int) -> None:
    body = json.dumps(STOCK[0]).encode()
    padded = body + b" " * (size - len(body))
    if size <= MAX_BYTES:
        assert parse_report(padded) == parse_report(body)
    else:
        with pytest.raises(ReportError, match=f"report: is {MAX_BYTES + 1} bytes long, more than {MAX_BYTES}"):
            parse_report(padded)
