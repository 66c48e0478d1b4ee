"""Nodes of OCI's installations, imported, with the modules of Debian 13: Puppet compiles a catalog for each role."""

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from ..enc.catalogs import EVERY_NODE, Puppet
from ..enc.enrolled import documents
from ..reference.clusters import CLUSTERS
from .conftest import SHAPES
from .mariadb import MariaDb
from .test_database import command, site_of

pytestmark = [pytest.mark.puppet, pytest.mark.lengthy]

Documents = Callable[[str], Mapping[str, bytes]]

ONE_OF_EACH = (
    ("a_swift_only", "swiftproxy"),
    ("a_swift_only", "swiftstore"),
    ("c_compute_ceph", "cephmon"),
    ("c_compute_ceph", "cephosd"),
    ("c_compute_ceph", "compute"),
    ("c_compute_ceph", "network"),
    ("c_compute_ceph", "volume"),
    ("g_bgp_dns_sql", "controller"),  # with Magnum, Manila and IPv6: three things that the modules cannot do
    ("g_bgp_dns_sql", "dns"),
    ("g_bgp_dns_sql", "messaging"),
    ("g_bgp_dns_sql", "sql"),
    ("g_bgp_dns_sql", "sqlmsg"),
    ("g_bgp_dns_sql", "tempest"),
)
"""The recorded installation that a role's node is taken from."""


@pytest.fixture(scope="module")
def imported(mariadb: MariaDb, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Documents:
    """The documents of an installation's nodes, by hostname."""

    @cache
    def import_it(shape: str) -> Mapping[str, bytes]:
        folder = tmp_path_factory.mktemp(shape)
        (folder / "config.yaml").write_text(f"state: {folder}/var\n")
        assert command(mariadb.url(shape), config, folder) == 0
        fleet = folder / "specs/fleet.yaml"
        text = fleet.read_text()
        assert 'module_version: "43.0.45"' in text
        fleet.write_text(text.replace('module_version: "43.0.45"', 'module_version: "43.0.10"'))
        with closing(site_of(folder)) as site:
            return documents(site, lambda held: True)

    return import_it


@pytest.mark.parametrize(("shape", "role"), ONE_OF_EACH)
def test_a_node_of_each_role_compiles(puppet: Puppet, imported: Documents, shape: str, role: str) -> None:
    hostname = f"{SHAPES[shape]}-{role}-1.example.com"
    puppet.compile(hostname, role, imported(shape)[hostname])


def test_the_roles_are_all_that_are_recorded() -> None:
    recorded = {machine.role for shape in SHAPES for machine in CLUSTERS[shape].machines.values()}
    assert sorted(recorded) == sorted(role for _, role in ONE_OF_EACH)


if EVERY_NODE:

    @pytest.mark.timeout(3600)
    @pytest.mark.parametrize("shape", SHAPES)
    def test_every_node_compiles(puppet: Puppet, imported: Documents, shape: str) -> None:
        for hostname, document in imported(shape).items():
            puppet.compile(hostname, hostname.split("-")[1], document)
