"""OCI's facts, which lie in the folder beside the checkout; without it, tests that compare with them are skipped."""

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def tunables(shared: Path) -> dict[str, dict[str, Any]]:
    """Name to type, default and roles, of machines' and clusters' tunables together."""
    facts = json.loads((shared / "oci-facts/settings-43.0.45.json").read_text())
    return {**facts["machines"], **facts["clusters"]}


@pytest.fixture(scope="session")
def columns(shared: Path) -> dict[str, dict[str, str]]:
    """Table to column to its SQL type."""
    facts = json.loads((shared / "oci-facts/database-43.0.45.json").read_text())
    return {table: facts[table] for table in ("clusters", "machines")}
