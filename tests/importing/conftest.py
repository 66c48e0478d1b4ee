"""OCI's files of the reference data."""

from pathlib import Path

import pytest

from reconciler.importing.files import Given, given_from_texts
from reconciler.importing.folders import read_repositories
from reconciler.model.settings import SettingsTable
from reconciler.specs.settings_table import load_table


@pytest.fixture(scope="session")
def table() -> SettingsTable:
    return load_table()


@pytest.fixture(scope="session")
def config(shared: Path) -> Path:
    return shared / "oci-golden/config"


@pytest.fixture(scope="session")
def given(config: Path) -> Given:
    return given_from_texts(
        (config / "openstack-cluster-installer.conf").read_text(),
        (config / "hardware-profiles.json").read_text(),
        (config / "auto-racking.json").read_text(),
        read_repositories(config / "repos"),
    )
