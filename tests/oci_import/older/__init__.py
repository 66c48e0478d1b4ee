"""Databases as earlier versions of OCI have them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ...reference import facts
from ...reference.clusters import CLUSTERS, VERSION
from ...reference.facts import Variable
from ..mariadb import MariaDb

_TYPES = {
    "int": "INT NOT NULL", "float": "FLOAT NOT NULL", "boolean": "ENUM('yes', 'no') NOT NULL",
    "string": "VARCHAR(128) NOT NULL", "fqdn": "VARCHAR(253) NOT NULL", "ip_list": "VARCHAR(255) NOT NULL",
}  # fmt: skip

Variables = Mapping[str, Mapping[str, Variable]]


def load_older(server: MariaDb, name: str, version: str, shape: str) -> str:
    """A database with the columns of an earlier version and the machines of a known cluster; its URL."""
    url = server.load(name, CLUSTERS[shape].sql)
    differing = yaml.safe_load((Path(__file__).parent / f"{version}.yaml").read_text())
    server.sql("\n".join(_statements(differing, facts.settings(version), facts.settings(VERSION))), name)
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


def _column(variable: Variable) -> str:
    return f"{_TYPES[variable.type]} DEFAULT '{variable.default}'"
