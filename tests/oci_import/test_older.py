"""Databases of earlier versions, with fewer columns: imported, and their nodes are given what their module accepts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.app.plans import planned
from reconciler.app.site import Site
from reconciler.model.plan import Act
from reconciler.specs.puppet_module import known_signatures

from .mariadb import MariaDb
from .older import load_older
from .test_database import command, site_of

VERSIONS = ("42.2.5", "43.0.10")


@pytest.fixture(params=VERSIONS, scope="module")
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def url(version: str, mariadb: MariaDb) -> str:
    name = f"c_{version.replace('.', '_')}"
    url = load_older(mariadb, name, version, "c_compute_ceph")
    mariadb.sql(
        "UPDATE clusters SET haproxy_timeout_server = '1m';"  # the default of then
        "UPDATE machines SET installed = 'yes', cpu_allocation_ratio = 16, ram_allocation_ratio = 1.5;",
        name,
    )
    if version == "43.0.10":
        mariadb.sql("UPDATE clusters SET ceph_configure_osbpo = 'yes';", name)
    else:
        mariadb.sql("UPDATE clusters SET cinder_default_storage_availability_zone = 'zone-7';", name)
    return url


@pytest.fixture(scope="module")
def site(url: str, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("older")
    (folder / "config.yaml").write_text(f"state: {folder}/var\n")
    assert command(url, config, folder) == 0
    site = site_of(folder)
    yield site
    site.close()


def test_the_fleet_says_which_module_its_puppet_server_has(site: Site, version: str) -> None:
    assert site.specs.tree().fleet.puppet.module_version == version


def test_there_is_nothing_to_do_and_every_node_has_a_document(site: Site) -> None:
    observed = site.observe()
    assert len(observed.machines) == 17
    assert [view.enc_problem for view in observed.machines if view.enc_problem] == []
    assert [step for step in planned(site)[0].steps if isinstance(step, Act)] == []


def test_documents_hold_only_what_that_version_accepts(site: Site, version: str) -> None:
    site.observe()
    signatures = known_signatures()[version]
    for held in site.snapshot().allocations.values():
        compiled = site.documents.compiled(held.hostname)
        assert compiled is not None
        for name, parameters in compiled.document.items():
            assert [key for key in parameters if not signatures.accepts(name, key)] == []


def test_what_was_the_default_of_then_is_written_down(site: Site, version: str) -> None:
    cluster = site.specs.tree().clusters["cl1"]
    assert cluster.settings["haproxy_timeout_server"] == "1m"
    assert cluster.roles["compute"].settings["cpu_allocation_ratio"] == 16
    assert cluster.settings["hw_machine_type"] == ("x86_64=pc" if version == "42.2.5" else "q35")
    if version == "42.2.5":
        assert cluster.settings["cinder_default_storage_availability_zone"] == "zone-7"
        assert cluster.settings["initial_mon_on_ctrl"] is False  # it knew no such stage


def test_switches_that_are_no_more_are_kept_by_overlays(site: Site, version: str) -> None:
    found = {name for name in site.specs.tree().overlays if name.endswith("ceph-configure-osbpo")}
    roles = {"cephmon", "cephosd", "compute"} if version == "43.0.10" else set()
    assert found == {f"oci-cl1-{role}-ceph-configure-osbpo" for role in roles}


def test_what_classes_of_then_and_own_roles_do_not_take_is_not_pinned(
    version: str, mariadb: MariaDb, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """OCI gives the API's address on lo the prefix of its network, in every class that takes one."""
    name = f"g_{version.replace('.', '_')}"
    url = load_older(mariadb, name, version, "g_bgp_dns_sql")
    mariadb.sql(
        "UPDATE networks SET ip = '203.0.113.64', cidr = 26, iface1 = '10g1', iface2 = '10g2' WHERE name = 'bgp-pub';"
        "INSERT INTO roles (name) VALUES ('acme');"
        "UPDATE machines SET role = 'acme' WHERE hostname = 'bgp-volume-2.example.com';",
        name,
    )
    (tmp_path / "config.yaml").write_text(f"state: {tmp_path}/var\n")
    status = command(url, config, tmp_path)
    assert status == 0, capsys.readouterr().err
    site = site_of(tmp_path)
    pinned = {name.removesuffix("-api-prefix") for name in site.specs.tree().overlays if name.endswith("-api-prefix")}
    site.close()
    taken = {"cephmon", "cephosd", "compute", "controller", "messaging", "network", "volume"}
    assert pinned == {f"oci-bgp-{role}" for role in taken}
