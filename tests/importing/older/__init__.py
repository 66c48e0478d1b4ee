"""Databases as earlier versions of OCI have them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ..mariadb import MariaDb

_TYPES = {
    "int": "INT NOT NULL", "float": "FLOAT NOT NULL", "boolean": "ENUM('yes', 'no') NOT NULL",
    "string": "VARCHAR(128) NOT NULL", "fqdn": "VARCHAR(253) NOT NULL", "ip_list": "VARCHAR(255) NOT NULL",
}  # fmt: skip

Variables = Mapping[str, Mapping[str, Mapping[str, Any]]]


def load_older(server: MariaDb, name: str, version: str, shape: str, shared: Path) -> str:
    """A database with the columns of an earlier version and the machines of a known cluster; its URL."""
    url = server.load(name, shared / f"oci-golden/{shape}/db.sql")
    known = {v: json.loads((shared / f"oci-facts/settings-{v}.json").read_text()) for v in (version, "43.0.45")}
    differing = yaml.safe_load((Path(__file__).parent / f"{version}.yaml").read_text())
    server.sql("\n".join(_statements(differing, known[version], known["43.0.45"])), name)
    return url


def _statements(differing: Mapping[str, Any], variables: Variables, today: Variables) -> Iterator[str]:
    for table, columns in differing["lacks"].items():
        if table == "passwords":  # a key of today's spans it
            yield "ALTER TABLE passwords DROP KEY unicpasswd;"
        yield f"ALTER TABLE {table} {', '.join(f'DROP `{column}`' for column in columns)};"
    for table, changed in differing["another"].items():
        for column, kind in changed.items():
            yield f"UPDATE {table} SET `{column}` = '' WHERE `{column}` IS NULL;"
            yield f"ALTER TABLE {table} MODIFY `{column}` {kind};"
    for table in ("machines", "clusters"):
        lacking = [f"DROP `{name}`" for name in today[table] if name not in variables[table]]
        yield f"ALTER TABLE {table} {', '.join(lacking)};"
        for name, variable in variables[table].items():
            if name not in today[table]:
                yield f"ALTER TABLE {table} ADD IF NOT EXISTS `{name}` {_column(variable)};"


def _column(variable: Mapping[str, Any]) -> str:
    return f"{_TYPES[variable['type']]} DEFAULT '{variable['default']}'"
