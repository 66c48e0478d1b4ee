"""Rows for people and for programs."""

import json
from collections.abc import Mapping, Sequence

from .options import Format, note

_LEAST = 30
"""Columns for the last cell of a row, which alone is folded. Where a terminal has less, it wraps as it likes."""


def print_rows(
    rows: Sequence[Mapping[str, object]], columns: Mapping[str, str], format: Format, *, nothing: str
) -> None:
    """Rows as JSON with every key, or as a table of some (key -> title). ``nothing`` is told when there are none."""
    if format is Format.JSON:
        print(json.dumps(list(rows), indent=1))
    elif rows:
        _print_table(rows, columns)
    else:
        note(nothing)


def _print_table(rows: Sequence[Mapping[str, object]], columns: Mapping[str, str]) -> None:
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
