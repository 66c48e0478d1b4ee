"""What of a changed Puppet parameter people are told."""

import pytest

from reconciler.model.plan import EncChange
from reconciler.render.plan_groups import MOST_PARTS, EncLine, enc_lines
from reconciler.render.value_diff import differences

SOURCES = [{"uri": "http://a", "suites": "trixie"}, {"uri": "http://b", "suites": "epoxy"}]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (1, 1, []),
        (1, 2, ["~ : 1 -> 2"]),
        (None, [1], ["~ : null -> [1]"]),
        ({"a": 1}, [1], ['~ : {"a": 1} -> [1]']),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ["~ b: 2 -> 3"]),
        ({"a": 1}, {"b": 2}, ["- a: 1", "+ b: 2"]),
        ({"a": {"b": {"c": "x"}}}, {"a": {"b": {"c": "y"}}}, ['~ a.b.c: "x" -> "y"']),
        (["a", "b"], ["a", "b", "c"], ['+ [2]: "c"']),
        (["a", "b", "c"], ["b", "c"], ['- [0]: "a"']),
        (["a", "b"], ["a", "x"], ['~ [1]: "b" -> "x"']),
        (["a", "b"], ["b", "a"], ['+ [0]: "b"', '- [1]: "b"']),
        ((1, 2), [1, 2], []),  # as tuples and as JSON has it
        (SOURCES, [SOURCES[0], {**SOURCES[1], "suites": "flamingo"}], ['~ [1].suites: "epoxy" -> "flamingo"']),
        (SOURCES, SOURCES[1:], ['- [0]: {"suites": "trixie", "uri": "http://a"}']),
        ({"k": "x" * 200}, {"k": None}, [f'~ k: "{"x" * 99}... -> null']),
    ],
)  # fmt: skip
def test_the_smallest_part_that_differs_is_named(before: object, after: object, told: list[str]) -> None:
    assert [str(part) for part in differences(before, after)] == told


def change(host: str, before: object, after: object) -> EncChange:
    return EncChange(f"{host}.example.com", "oci::compute", "repos", before, after)


def test_a_plain_value_is_told_in_one_line_and_parts_below_theirs() -> None:
    assert enc_lines([change("n1", 1, 2)]) == [EncLine("oci::compute::repos: 1 -> 2  (n1.example.com)")]
    assert enc_lines([change("n2", {"a": [1]}, {"a": [1, 2]}), change("n1", {"a": [1]}, {"a": [1, 2]})]) == [
        EncLine("oci::compute::repos  (2 nodes, n1.example.com to n2.example.com)", ("+ a[1]: 2",))
    ]


def test_values_that_differ_far_behind_are_not_told_as_one_change() -> None:
    """Both begin with the same hundred characters."""
    long = "x" * 200
    found = enc_lines([change("n1", 0, f"{long}1"), change("n2", 0, f"{long}2")])
    assert [line.text.rpartition("  ")[2] for line in found] == ["(n1.example.com)", "(n2.example.com)"]


def test_of_many_parts_the_first_are_told() -> None:
    (line,) = enc_lines([change("n1", {}, {f"k{n:02}": n for n in range(MOST_PARTS + 3)})])
    assert (len(line.parts), line.parts[0], line.parts[-1]) == (MOST_PARTS + 1, "+ k00: 0", "and 3 more")
