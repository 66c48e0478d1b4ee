"""Pages for people: tables are whole, links lead somewhere, and what is named exists."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main

from reconciler.cli.app import app
from reconciler.model.actions import Action
from reconciler.model.history import Phase
from reconciler.model.kinds import KINDS
from reconciler.model.machine import InstallStatus

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page for folder in ("", "docs/", "examples/**/", "cluster-specs/**/") for page in ROOT.glob(f"{folder}*.md")
)

GLOSSARY = ROOT / "docs/glossary.md"
LIFE = ROOT / "docs/life-of-a-machine.md"
STYLE = ROOT / "docs/style.md"

OF_PYTHON = {"Mapping", "NamedTuple", "None", "Protocol", "StrEnum"}

_BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:)([^)\s]*)\)")
_CLASS = re.compile(r"`([A-Z][a-z]\w+)`")
_FUNCTION = re.compile(r"`(\w+\(\))`")
_DEFINED = re.compile(r"^(?: *class |(?=\w+ = ))(\w+)", re.MULTILINE)
_FUNCTION_DEFINED = re.compile(r"^ *(?:async )?def (\w+)", re.MULTILINE)
_TEST = re.compile(r"`(test_\w+)`")
_INLINE_COMMAND = re.compile(r"`reconciler ([^`]+)`")
_COMMAND = re.compile(r"^[ #]*(?:\S*/)?reconciler ([^#|\n]+)", re.MULTILINE)
_OPTION = re.compile(r"(?<!\S)--[a-z][\w-]*")


def prose(page: Path) -> str:
    """The text of a page without its blocks of code."""
    return _BLOCK.sub("", page.read_text())


def headings(page: Path) -> list[str]:
    return _HEADING.findall(prose(page))


def anchor(heading: str) -> str:
    """The fragment by which GitHub and GitLab link to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def leads_nowhere(link: str, page: Path) -> bool:
    path, _, fragment = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return True
    return bool(fragment) and fragment not in map(anchor, headings(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_and_headings_of_ours_resolve(page: Path) -> None:
    assert [link for link in _LINK.findall(prose(page)) if leads_nowhere(link, page)] == []


def cells(row: str) -> int:
    return len(re.findall(r"(?<!\\)\|", row)) - 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_table_has_a_head_and_rows_of_its_width(page: Path) -> None:
    for is_table, lines in groupby(prose(page).splitlines(), lambda line: line.startswith("|")):
        if is_table:
            table = list(lines)
            assert set("".join(table[1:2])) == set("|-"), f"a table without a head: {table[0]}"
            assert [row for row in table if cells(row) != cells(table[0])] == []


@cache
def defined(folder: str) -> frozenset[str]:
    """The names of all classes and unions, and of all functions with brackets behind them, below a folder."""
    texts = [path.read_text() for path in (ROOT / folder).rglob("*.py")]
    classes_and_unions = {name for text in texts for name in _DEFINED.findall(text)}
    functions = {f"{name}()" for text in texts for name in _FUNCTION_DEFINED.findall(text)}
    return frozenset(classes_and_unions | functions)


@pytest.mark.parametrize("page", [GLOSSARY, LIFE, STYLE], ids=lambda page: page.name)
def test_classes_functions_and_tests_that_a_page_names_exist(page: Path) -> None:
    text = prose(page)
    classes, functions = {*_CLASS.findall(text)}, {*_FUNCTION.findall(text)}
    tests = {f"{name}()" for name in _TEST.findall(text)}
    assert classes
    assert classes - defined("reconciler") - KINDS.keys() - OF_PYTHON == set()
    assert (functions | tests) - defined("reconciler") - defined("tests") == set()


@cache
def commands() -> Mapping[str, frozenset[str]]:
    """Every command by its words, with its options; the program itself by none."""

    def below(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, frozenset[str]]]:
        yield " ".join(words), frozenset(name for each in command.params for name in (*each.opts, *each.secondary_opts))
        for name, inner in getattr(command, "commands", {}).items():
            yield from below(inner, (*words, name))

    return dict(below(typer.main.get_command(app), ()))


def misnamed(line: str) -> list[str]:
    """The command of a line, where there is no such command, or those of its options that it does not have."""
    words = re.sub(r"^(?:--\w+ \S+ )*", "", line).split()
    known = next(name for end in (3, 2, 1, 0) if (name := " ".join(words[:end])) in commands())
    if not known and words and not words[0].startswith("-"):
        return words[:1]
    return [name for name in _OPTION.findall(line) if name not in commands()[known] | commands()[""] | {"--help"}]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_that_a_page_names_exist(page: Path) -> None:
    lines = [" ".join(found.split()) for found in _INLINE_COMMAND.findall(prose(page))]
    lines += [found for block in _BLOCK.findall(page.read_text()) for found in _COMMAND.findall(block)]
    assert [line for line in lines if not line.startswith("COMMAND") and misnamed(line)] == []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("plan --observed FILE", []),
        ("--specs examples/all-roles validate", []),
        ("--help", []),
        ("secrets set bmc:SERIAL:bmc/password", []),
        ("schema --settings-page FILE", ["--settings-page"]),
        ("serve", ["serve"]),
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str, wrong: list[str]) -> None:
    assert misnamed(line) == wrong


def test_the_glossary_has_each_word_once_in_alphabetical_order() -> None:
    words = [word.casefold() for word in headings(GLOSSARY)[1:]]
    assert words == sorted(set(words))


def test_each_phase_has_a_heading_in_the_life_of_a_machine() -> None:
    assert {phase.value for phase in Phase} - {anchor(heading) for heading in headings(LIFE)} == set()


def test_each_status_and_each_action_has_its_place_in_the_life_of_a_machine() -> None:
    told = set(re.findall(r"`([^`]+)`", prose(LIFE)))
    named = [*InstallStatus, *(action.__name__ for action in get_args(Action))]
    assert not set(named) - told, f"docs/life-of-a-machine.md says nothing of: {', '.join(sorted(set(named) - told))}"


WAITS = re.compile(r"^\| it waits for \| what to do \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)


def said(folder: str) -> Iterator[str]:
    """Every text that is made in a room, with a gap where a value goes."""
    for path in sorted((ROOT / "reconciler" / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_each_wait_that_operating_quotes_is_one_that_code_can_say() -> None:
    (table,) = WAITS.findall((ROOT / "docs/operating.md").read_text())
    quoted = [row.split("|")[1].strip() for row in table.splitlines()]
    assert len(quoted) > 4
    texts = [text for room in ("planning", "hardware", "execution") for text in said(room)]
    parts = {wait: [part.strip() for part in wait.split("...") if part.strip()] for wait in quoted}
    beginnings = [wait for wait, (first, *_) in parts.items() if not any(text.startswith(first) for text in texts)]
    rest = [part for _, *more in parts.values() for part in more if not any(part in text for text in texts)]
    assert (beginnings, rest) == ([], [])
