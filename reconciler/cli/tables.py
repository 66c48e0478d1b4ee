"""Rows for people and for programs."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from typer.core import TyperCommand

from .options import Format, note

_LEAST = 30
"""Columns for the last cell of a row, which alone is folded. Where a terminal has less, it wraps as it likes."""


RowT = TypeVar("RowT", bound=Mapping[str, Any])


class Listing(TyperCommand):
    """A command that lists, or shows what is named: also where the words "list" and "show" are written out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Leave the word out."""
        return super().parse_args(ctx, args[1:] if args[:1] in (["list"], ["show"]) else args)


def print_rows(
    rows: Sequence[RowT],
    columns: Mapping[str, str],
    format: Format,
    *,
    nothing: str,
    shown: Callable[[RowT], Mapping[str, object]] = lambda row: row,
) -> None:
    """Rows as JSON with every key, or as a table of some (key -> title), ``shown`` as people read them.

    ``nothing`` is printed when there are none.
    """
    if format is Format.JSON:
        print(json.dumps(list(rows), indent=1))
    elif rows:
        _print_table([shown(row) for row in rows], columns)
    else:
        note(nothing)


def clock(moment: str) -> str:
    """A moment of JSON, as a table has it: ``2026-11-22 03:00:00``."""
    return moment[:19].replace("T", " ")


def _print_table(rows: Sequence[Mapping[str, object]], columns: Mapping[str, str]) -> None:
    """Print rows with aligned columns. On a terminal only the last column wraps; elsewhere each row is one line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ..render.words import printable

    texts = [[printable("" if row[key] is None else str(row[key])) for key in columns] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, title in enumerate(columns.values(), 1):
        table.add_column(title, no_wrap=number < len(columns), overflow="fold")
    for row in texts:
        table.add_row(*map(Text, row))
    widths = [max(len(cell) for cell in column) for column in zip(columns.values(), *texts, strict=True)]
    console = Console(highlight=False)
    whole = sum(widths) + len(widths)
    console.width = max(console.width, whole - widths[-1] + _LEAST) if console.is_terminal else 2 * whole
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())
