"""A recorded OCI: its files, and a server with its databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.model.settings import SettingsTable
from reconciler.oci_import.file_io import read_repositories
from reconciler.oci_import.files import OciFiles, given_from_texts
from reconciler.specs.settings_table import load_table

from ..few_keys import few_keys as few_keys  # in force for all tests here
from ..reference import configuration
from ..reference.clusters import CLUSTERS
from .mariadb import MariaDb, running

SHAPES = {"a_swift_only": "swift", "c_compute_ceph": "cl1", "g_bgp_dns_sql": "bgp"}
"""What the cluster is called, by the name of its recording."""


@pytest.fixture(scope="session")
def table() -> SettingsTable:
    return load_table()


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return configuration.recorded().write(tmp_path_factory.mktemp("oci"))


@pytest.fixture(scope="session")
def given(config: Path) -> OciFiles:
    return given_from_texts(
        (config / "openstack-cluster-installer.conf").read_text(),
        (config / "hardware-profiles.json").read_text(),
        (config / "auto-racking.json").read_text(),
        read_repositories(config / "repos"),
    )


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """One server for all tests; each database that they change is one of its own."""
    with running() as server:
        for shape in SHAPES:
            server.load(shape, CLUSTERS[shape].sql)
        yield server
