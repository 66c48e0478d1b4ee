"""What Markdown would show otherwise than it was meant: tables that are torn, links that lead nowhere."""

import re
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(path for where in (".", "docs", "examples/*", "cluster-specs") for path in ROOT.glob(f"{where}/*.md"))
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    """Without what stands in blocks of code."""
    return CODE.sub("", page.read_text())


def anchor(heading: str) -> str:
    """As GitHub and GitLab make it."""
    return re.sub(r"[^\w -]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def cells(row: str) -> int:
    return len(re.findall(r"(?<!\\)\|", row)) - 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_table_has_a_head_and_rows_of_its_width(page: Path) -> None:
    for is_table, lines in groupby(text_of(page).splitlines(), lambda line: line.startswith("|")):
        if is_table:
            table = list(lines)
            assert set("".join(table[1:2])) == set("|-"), f"a table without a head: {table[0]}"
            assert [row for row in table if cells(row) != cells(table[0])] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(text_of(page)):
        path, _, place = link.partition("#")
        if ":" in path:
            continue  # another host's
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: there is no {target}"
        if place:
            assert place in {anchor(line) for line in text_of(target).splitlines() if line.startswith("#")}, link
