"""Patterns of paths."""

import time

import pytest

from reconciler.specs.authority.globs import fits, problem_with


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("**", ["a", "a/b", "a/b/c", ".x"], []),
        ("a/**", ["a/b", "a/b/c", "a/.x"], ["a", "ab", "b/a/c", "A/b"]),
        ("**/a", ["a", "b/a", "b/c/a"], ["a/b", "ba"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/bb", "b", "xa/b"]),
        ("*", ["a", ".x", "a b"], ["a/b", ""][:1]),
        ("a/*.yaml", ["a/x.yaml", "a/.yaml"], ["a/b/x.yaml", "a/x.yml", "a/x.yaml/y"]),
        ("a?c", ["abc", "a.c"], ["ac", "a/c", "abbc"]),
        ("*a*b*", ["ab", "xaxbx", "aab"], ["ba", "a/b"]),
        ("a/**/*", ["a/b", "a/b/c"], ["a"]),
        ("a.b", ["a.b"], ["axb", "a.b\n", "a.B"]),
    ],
)
def test_a_pattern_means_these_paths_and_no_others(pattern: str, fitting: list[str], others: list[str]) -> None:
    assert problem_with(pattern) is None
    assert [path for path in (*fitting, *others) if fits(path, pattern)] == fitting


@pytest.mark.parametrize(
    "pattern", ["", "/a", "a/", "a//b", "./a", "a/../b", "a**", "**a/b", "a[b]", "{a,b}", "!a", "a\\b"]
)
def test_what_is_no_pattern_is_told(pattern: str) -> None:
    assert problem_with(pattern) is not None


def test_no_path_takes_long() -> None:
    began = time.process_time()
    assert not fits("a" * 4000 + "/" + "/".join("b" * 40), "**/*a*a*a*a*a*b/**/c/**/d")
    assert time.process_time() - began < 5
