"""What a comparison of roots says, of roots that are three entries long."""

import re

import pytest

from .compare import Right, differences, unused
from .listing import Entry

FILE: Entry = {"kind": "file", "mode": "0644", "owner": "root:root", "content": "one\ntwo\n"}
ROOT = {"etc": {"kind": "folder", "mode": "0755", "owner": "root:root"}, "etc/one": FILE}


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        ({}, []),
        ({"content": "one\n2\n"}, ["etc/one:\n    @@ -2 +2 @@\n    -two\n    +2"]),
        ({"mode": "0600"}, ["etc/one: mode 0644 by debian, 0600 by image"]),
        ({"owner": "root:ssl"}, ["etc/one: owner root:root by debian, root:ssl by image"]),
    ],
)
def test_a_difference_is_told_with_both_sides(differs: dict[str, str], said: list[str]) -> None:
    assert list(differences(ROOT, ROOT | {"etc/one": FILE | differs}, ())) == said


def test_what_one_lacks_is_told() -> None:
    more = ROOT | {"etc/two": FILE}
    assert list(differences(ROOT, more, ())) == ["etc/two: only image has it, file 0644 root:root"]
    assert list(differences(more, ROOT, ())) == ["etc/two: only debian has it, file 0644 root:root"]


def test_a_row_of_the_table_excuses_its_paths_only() -> None:
    other = ROOT | {"etc/two": FILE, "etc/three": FILE}
    assert [line.partition(":")[0] for line in differences(ROOT, other, [Right("etc/t.o", "")])] == ["etc/three"]


def test_a_row_may_still_ask_for_what_has_to_be_the_same() -> None:
    rule = Right("etc/one", "numbers differ", lambda text: re.sub(r"\d", "", text))
    told = ROOT | {"etc/one": FILE | {"content": "1 one\n"}}
    assert list(differences(told, ROOT | {"etc/one": FILE | {"content": "2 one\n"}}, [rule])) == []
    assert list(differences(told, ROOT | {"etc/one": FILE | {"content": "2 two\n"}}, [rule])) != []
    assert list(differences(told, ROOT, [rule])) != []


def test_a_row_that_excuses_nothing_is_told() -> None:
    other = ROOT | {"etc/two": FILE}
    assert unused(ROOT, other, [Right("etc/two", ""), Right("etc/one", "")]) == ["etc/one"]
