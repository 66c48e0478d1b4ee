"""What is put aside of a report stays small and can be shown, whatever it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.hardware.fields import LEFT_OUT, MAX_EXTRA, storable
from reconciler.hardware.report import parse_report

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(st.dictionaries(st.text(), values))
def test_whatever_is_put_aside_can_be_stored_and_shown(extra: dict[str, object]) -> None:
    assert json.dumps(storable(extra), ensure_ascii=False).isprintable()


def test_of_too_much_the_smallest_stays_and_the_rest_is_said() -> None:
    many = {f"field{n}": "x" * n for n in range(400)}
    kept = storable(many)
    assert len(json.dumps(kept)) < MAX_EXTRA * 1.5
    assert "field1" in kept and "field399" not in kept
    assert kept[LEFT_OUT] == f"{400 - (len(kept) - 1)} unknown fields were left out, the largest is field399"


@pytest.mark.parametrize(
    ("said", "enclosure"), [("22", 22), ("252", 252), ("12345", 12345), ("N/A", None), ("0", None), ("", None), (0, 0)]
)
def test_an_enclosure_is_a_number_whichever_digits_it_has(said: object, enclosure: int | None) -> None:
    disk = {"controller": "0", "enclosure": said, "slot": "1", "size": "240057409536"}
    report = {"machine": [{"serial": "A001"}], "memory": [{"size": "1"}], "phys-blockdevices": [disk]}
    (found,) = parse_report(json.dumps(report).encode()).physical_disks
    assert found.enclosure == enclosure
