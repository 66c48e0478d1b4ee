from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.model.diagnostics import Location
from reconciler.specs import yaml_reader
from reconciler.specs.yaml_reader import MAX_BYTES, MAX_PROBLEMS, read_yaml

TEXT = """\
name: cl1
networks:
  mgmt: {subnet: 10.0.0.0/8, interfaces: [eth0, eth1]}
  vm:
    interfaces:
      - eth2
notes: |
  several
  lines
---
- second
"""


def places_of(text: str) -> Any:
    documents, problems, *_ = read_yaml(text.encode(), "f")
    assert problems == ()
    return documents[0].places


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 1, 1),
        (("name",), 1, 7),  # a scalar: the value
        (("networks",), 2, 1),  # a mapping: its key
        (("networks", "mgmt"), 3, 3),
        (("networks", "mgmt", "subnet"), 3, 18),
        (("networks", "mgmt", "interfaces", 1), 3, 49),
        (("networks", "vm", "interfaces"), 5, 5),
        (("networks", "vm", "interfaces", 0), 6, 9),
        (("notes",), 7, 8),
    ],
)
def test_every_value_has_its_place(path: tuple[str | int, ...], line: int, column: int) -> None:
    assert places_of(TEXT)[path] == Location("f", line, column)


def test_keys_have_places_too() -> None:
    places = places_of(TEXT)
    assert places.key(("networks", "mgmt", "subnet")) == Location("f", 3, 10)
    assert places.key(("networks", "vm", "interfaces", 0)) == Location("f", 6, 9)


def test_what_is_not_there_is_found_at_what_holds_it() -> None:
    places = places_of(TEXT)
    assert places.nearest(("networks", "vm", "mtu")) == places["networks", "vm"]
    assert ("networks", "vm", "mtu") not in places
    with pytest.raises(KeyError):
        places["name", "x"]


def test_places_below_a_path_count_from_there() -> None:
    below = places_of(TEXT).below("networks")
    assert below["vm", "interfaces"] == Location("f", 5, 5)
    assert set(below) == {
        (), ("mgmt",), ("mgmt", "subnet"), ("mgmt", "interfaces"), ("mgmt", "interfaces", 0),
        ("mgmt", "interfaces", 1), ("vm",), ("vm", "interfaces"), ("vm", "interfaces", 0),
    }  # fmt: skip
    assert len(below) == 9
    assert list(places_of(TEXT).below("nothing")) == []


def test_columns_count_characters_not_bytes() -> None:
    assert places_of("{ä: ö, ü: 1}")["ü",] == Location("f", 1, 11)


def test_a_file_may_hold_several_documents_and_empty_ones() -> None:
    documents, problems, *_ = read_yaml(b"---\n---\na: 1\n---\n# nothing\n---\n~\n---\nb\n", "f")
    assert [document.value for document in documents] == [{"a": 1}, None, "b"]
    assert problems == ()


def test_documents_before_a_syntax_error_are_kept() -> None:
    documents, problems, *_ = read_yaml(b"a: 1\n---\nb: [\n", "f")
    assert [document.value for document in documents] == [{"a": 1}]
    assert [problem.summary for problem in problems] == ["Invalid YAML"]


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"a: 1\n---\nb: 2\n", True),
        (b"", True),
        (b"1: 1\n", True),
        (b"a: 1\n---\nb: [\n", False),
        (b"1: 1\n" * MAX_PROBLEMS, False),
        (b"[" * 100, False),
        (b"a" * (MAX_BYTES + 1), False),
        (b"\xff", False),
        (b"\x00", False),
    ],
)
def test_a_file_whose_reading_stopped_early_is_not_whole(data: bytes, whole: bool) -> None:
    assert read_yaml(data, "f").whole is whole


def test_an_alias_is_the_value_and_its_place_is_its_own() -> None:
    documents, problems, *_ = read_yaml(b"a: &x [1, 2]\nb: *x\n", "f")
    assert documents[0].value == {"a": [1, 2], "b": [1, 2]}
    assert documents[0].places["b", 0] == documents[0].places["a", 0]
    assert problems == ()


def test_a_large_file_is_refused_unread() -> None:
    documents, problems, *_ = read_yaml(b"a" * (MAX_BYTES + 1), "f")
    assert documents == ()
    assert [problem.summary for problem in problems] == ["File too large"]


def test_a_hopeless_file_is_given_up() -> None:
    _, problems, *_ = read_yaml(b"1: 1\n" * 1000, "f")
    assert len(problems) == MAX_PROBLEMS


@pytest.mark.parametrize("bomb", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000, "&a [" * 100_000])
def test_deep_nesting_is_refused_early(bomb: str) -> None:
    documents, problems, *_ = read_yaml(bomb.encode(), "f")
    assert documents == ()
    assert {problem.summary for problem in problems} <= {"Nested too deeply", "Invalid YAML", "Anchor used twice"}


def test_aliases_cannot_nest_deeper_than_text() -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 40))]
    _, problems, *_ = read_yaml("\n".join(lines).encode(), "f")
    assert [problem.summary for problem in problems] == ["Nested too deeply"]


PIECES = st.sampled_from(
    ["a", "b: ", ": ", "- ", "? ", "\n", "\n  ", " ", "[", "]", "{", "}", ",", "&x ", "*x", "!!int ", "!t ", "|\n", ">",
     '"', "'", "#", "---\n", "...\n", "%YAML 1.2\n", "<<: ", "1", "0o7", ".nan", "~", "\t", "\\u0000", "\x00", "\ufeff",
     "\u2028", "é", "😀", "\r\n", "@", "`", "null", "true"]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=40).map(lambda parts: "".join(parts).encode())))
@example(b'"\\ud800"')
@example(b"&a a: *a")
@example(b"a: &a\n  b: *a")
@example(b"? ? a")
@example(b"[")
@example("\ufeff\ufeffa: 1".encode())
@example(b"%TAG ! tag:x,2002:\n--- !y\n")
def test_no_bytes_are_too_strange(data: bytes) -> None:
    documents, problems, text, _ = read_yaml(data, "f")
    lines = yaml_reader.lines_of(text)
    for problem in problems:
        assert problem.at is not None
        assert 1 <= problem.at.line <= len(lines)
        assert 1 <= problem.at.column <= len(lines[problem.at.line - 1]) + 1
    for document in documents:
        assert all(place.line <= len(lines) for place in document.places.values())


@pytest.mark.parametrize("text", [TEXT, "a: !!str 12\nb: [~, 0123, 1e3]\n", "a: &x {b: c}\nd: *x\n", "[a, {b: c}]"])
def test_the_parser_in_python_reads_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> list[Any]:
        documents, problems, *_ = read_yaml(text.encode(), "f")
        return [[(document.value, dict(document.places)) for document in documents], problems]

    with_c = read()
    monkeypatch.setattr(yaml_reader, "_PARSER", yaml.Loader)
    assert read() == with_c
    for broken in (b"\ta: b", b"a: [", b"[" * 5000, b"a: @b", b"%YAML 9.9\n---\n", b"\xff", b"&a a: *a"):
        read_yaml(broken, "f")
