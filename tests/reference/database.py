"""OCI's database: its columns, and the rows of a recorded cluster as far as they are not what a column has by itself.

``schema.tsv`` and ``keys.tsv`` are the tables of OCI 43.0.45, ``clusters/*/rows.jsonl`` the rows: a list of table and
values for each. Numbers are texts, as the database's client prints them.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent

Row = dict[str, str | None]
Tables = dict[str, list[Row]]


class Column(NamedTuple):
    """What a column takes, as SQL, and what it has where nothing is said: SQL too, or nothing."""

    type: str
    default: str

    @property
    def by_itself(self) -> str | None:
        """The default as the database's client prints it; None for NULL, and where there is no default."""
        return None if self.default in ("", "NULL") else self.default.strip("'")


@cache
def columns() -> Mapping[str, Mapping[str, Column]]:
    """The columns of every table, by name."""
    found: dict[str, dict[str, Column]] = {}
    for table, name, kind, default in _rows(FOLDER / "schema.tsv"):
        found.setdefault(table, {})[name] = Column(kind, default)
    return found


def read_rows(text: str) -> Tables:
    """The rows of ``rows.jsonl``, with every column, by table."""
    found: Tables = {}
    for table, values in map(json.loads, text.splitlines()):
        row = {name: column.by_itself for name, column in columns()[table].items()} | values
        found.setdefault(table, []).append(row)
    return found


def write_rows(tables: Mapping[str, Iterable[Row]]) -> str:
    """The text of ``rows.jsonl``: tables by name, rows in their order, columns by name."""
    kept = ([table, _said(table, row)] for table, rows in sorted(tables.items()) for row in rows)
    return "".join(f"{json.dumps(one, ensure_ascii=False, sort_keys=True)}\n" for one in kept)


def _said(table: str, row: Row) -> Row:
    return {
        name: row[name]
        for name, column in columns()[table].items()
        if not column.default or row[name] != column.by_itself
    }


def write_sql(tables: Tables) -> str:
    """Statements that make a database of all tables, with these rows."""
    return "\n".join([*_creations(), *_insertions(tables), ""])


def _creations() -> Iterator[str]:
    keys: dict[str, list[str]] = {}
    for table, name, names in _rows(FOLDER / "keys.tsv"):
        keys.setdefault(table, []).append(f"UNIQUE KEY `{name}` ({names})")
    for table, known in columns().items():
        lines = [f"`{n}` {c.type}{f' DEFAULT {c.default}' if c.default else ''}" for n, c in known.items()]
        body = ", ".join([*lines, "PRIMARY KEY (id)", *keys.get(table, ())])
        yield f"CREATE TABLE `{table}` ({body}) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4;"  # rows too long for InnoDB


def _insertions(tables: Tables) -> Iterator[str]:
    for table, rows in tables.items():
        for row in rows:
            values = ",".join("NULL" if value is None else _quoted(value) for value in row.values())
            yield f"INSERT INTO `{table}` ({', '.join(f'`{name}`' for name in row)}) VALUES ({values});"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


_INSERT = re.compile(r"INSERT INTO `(\w+)` \(([^)]*)\) VALUES \((.*)\);$")
_VALUE = re.compile(r"'((?:[^'\\]|\\.)*)'|([^,]+)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


def read_dump(text: str) -> Tables:
    """The rows of a dump that ``mariadb-dump --skip-extended-insert --complete-insert`` made, a row on each line."""
    found: Tables = {}
    for line in text.splitlines():
        if insert := _INSERT.fullmatch(line):
            table, names, values = insert.groups()
            found.setdefault(table, []).append(dict(zip(re.findall(r"`(\w+)`", names), _values(values), strict=True)))
    return found


def _values(text: str) -> Iterator[str | None]:
    for found in _VALUE.finditer(text):
        quoted, plain = found.groups()
        if quoted is not None:
            yield re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), quoted, flags=re.S)
        else:
            yield None if plain == "NULL" else plain


def _rows(path: Path) -> Iterator[list[str]]:
    return (line.split("\t") for line in path.read_text().splitlines()[1:])
