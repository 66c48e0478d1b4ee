"""OCI's own variables, and its database's columns."""

from collections.abc import Mapping

import pytest

from ...reference import database, facts
from ...reference.clusters import VERSION
from ...reference.database import Column
from ...reference.facts import Variable


@pytest.fixture(scope="session")
def variables() -> dict[str, Variable]:
    """Machines' and clusters' together, by name."""
    found = facts.settings(VERSION)
    return {**found["machines"], **found["clusters"]}


@pytest.fixture(scope="session")
def columns() -> dict[str, Mapping[str, Column]]:
    """Column by table and name."""
    return {table: database.columns()[table] for table in ("clusters", "machines")}
