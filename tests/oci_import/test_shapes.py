"""Clusters of other shapes than the recorded ones, made of them by the statements in ``shapes/``.

The first line of a file names the database that it changes. Of each: the tree is valid, every node has a document,
the first plan is empty; and what OCI got wrong for its like is pinned.
"""

import base64
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.app.plans import planned
from reconciler.app.site import Site
from reconciler.model.diagnostics import Severity
from reconciler.model.plan import Act
from reconciler.oci_import.assemble import Imported
from reconciler.oci_import.files import OciFiles

from ..reference.clusters import CLUSTERS
from .mariadb import MariaDb
from .takeover import take_over

FOLDER = Path(__file__).parent / "shapes"
Shape = Callable[[str], tuple[Imported, Site]]


@pytest.fixture(scope="module")
def shape(mariadb: MariaDb, given: OciFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shape]:
    opened: list[Site] = []

    @cache
    def imported(name: str) -> tuple[Imported, Site]:
        statements = (FOLDER / f"{name}.sql").read_text()
        base = statements.split(":")[0].removeprefix("-- from ")
        url = mariadb.load(name, CLUSTERS[base].sql)
        mariadb.sql(statements, name)
        mariadb.sql("DELETE FROM ips WHERE usefor = 'machine' AND machine NOT IN (SELECT id FROM machines)", name)
        found, site = take_over(url, given, tmp_path_factory.mktemp(name))
        opened.append(site)
        return found, site

    yield imported
    for site in opened:
        site.close()


def classes(site: Site, hostname: str) -> dict[str, dict[str, Any]]:
    document = site.documents.get(f"{hostname}.example.com")
    assert document is not None, site.documents.why_not(f"{hostname}.example.com")
    found = yaml.safe_load(document.yaml)["classes"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.sql")))
def test_every_shape_is_imported_whole_and_leaves_nothing_to_do(shape: Shape, name: str) -> None:
    found, site = shape(name)
    assert [problem.detail for problem in site.specs.load().problems if problem.severity is Severity.ERROR] == []
    problems = {view.allocation.hostname: view.enc_problem for view in site.observe().machines if view.allocation}
    assert {hostname: problem for hostname, problem in problems.items() if problem} == {}
    assert all(site.documents.get(hostname) for hostname in problems)
    assert len(problems) == len(found.enrolled)
    assert [step for step in planned(site)[0].steps if isinstance(step, Act)] == []


def test_while_ceph_is_set_up_alone_nodes_keep_the_classes_of_that(shape: Shape) -> None:
    found, site = shape("hyperconverged_first_stage")
    assert "oci::cephmon" in classes(site, "cl1-controller-1")
    for name in ("cl1-compute-1", "cl1-compute-2", "cl1-compute-3"):  # B3: the third was not asked to be one
        assert {"oci::compute", "oci::cephosd"} & set(classes(site, name)) == {"oci::cephosd"}
    assert classes(site, "cl1-compute-1")["oci::generic"]["skip_etc_pki_setup"] is True
    assert classes(site, "cl1-compute-3")["oci::generic"]["skip_etc_pki_setup"] is False
    text = found.tree.texts()
    assert "# DECIDE: in cl1, OCI still sets up nothing but Ceph" in text["clusters/cl1.yaml"]
    assert "# DECIDE: cl1-compute-3.example.com is no OSD node by its own settings" in text["machines/cl1.yaml"]


def test_when_ceph_is_there_they_have_their_own(shape: Shape) -> None:
    _, site = shape("hyperconverged_second_stage")
    assert "oci::controller" in classes(site, "cl1-controller-1")
    assert "oci::compute" in classes(site, "cl1-compute-1")
    assert classes(site, "cl1-controller-1")["oci::controller"]["initial_cluster_setup"] is False


def test_of_gpus_with_one_name_nova_is_told_of_the_first(shape: Shape) -> None:
    """B7."""
    found, site = shape("gpus")
    given = classes(site, "cl1-controller-1")["oci::controller"]["gpu_def"]
    assert given == ["nvidia-t4.10de.1eb8.type-PF", "nvidia-a2.10de.25b6.type-PF"]
    assert "oci-cl1-controller-gpus" in found.tree.documents("EncOverlay")


def test_keys_of_each_zones_ceph_have_the_names_that_documents_ask_for(shape: Shape) -> None:
    """B5: what OCI hands out at random cannot be pinned, and is told."""
    found, site = shape("multi_az_ceph")
    fsids = {
        str(ref.kind): site.store.secret(ref) for ref, _ in site.store.list_secrets() if ref.kind.startswith("fsid")
    }
    assert set(fsids) == {"fsid", "fsid-az1", "fsid-az2", "fsid-az3"}
    assert classes(site, "cl1-cephosd-2")["oci::cephosd"]["ceph_fsid"] == fsids["fsid-az2"]
    assert any("ceph_multiple_az_cinder_conf of cl1" in line for line in found.tree.leftover)


def test_a_bridge_counts_once_per_location_and_tunnels_use_the_management_network(shape: Shape) -> None:
    """B7 and B1."""
    _, site = shape("bridges_and_vm_networks")
    mapped = ["external:br-lb", "external1:br-lb", "external2:br-lb"]
    for name, puppet_class in (("controller-1", "oci::controller"), ("compute-2", "oci::compute")):
        assert classes(site, f"cl1-{name}")[puppet_class]["bridge_mapping_list"] == mapped
    compute = classes(site, "cl1-compute-1")["oci::compute"]
    assert compute["vmnet_ip"] == compute["machine_ip"]


def test_a_swift_that_oci_has_as_another_cluster_is_linked(shape: Shape) -> None:
    found, site = shape("external_swift")
    cluster = found.tree.documents("Cluster")["cl1"]
    assert cluster["links"] == {"swift": "swift"}
    written = {name: value for name, value in cluster["settings"].items() if name.startswith("extswift")}
    assert written == {"extswift_project_name": "backups", "extswift_user_name": "cl1", "extswift_password": "sesame"}
    given = classes(site, "cl1-controller-1")["oci::controller"]
    assert given["extswift_use_external"] is True
    assert given["extswift_auth_url"] == "https://swift-api.example.com/identity"
    assert given["extswift_proxy_url"] == "https://swift-api.example.com/object/v1/AUTH_"
    assert given["extswift_region"] == "RegionTwo"


def test_a_password_that_stands_in_the_tree_is_marked(shape: Shape) -> None:
    text = shape("external_keystone")[0].tree.texts()["clusters/cl1.yaml"]
    line = text.splitlines().index("    external_keystone_admin_password: sesame")
    assert "DECIDE" in text.splitlines()[line - 1]


def test_first_nodes_corosyncs_numbers_and_the_first_setup_stay(shape: Shape) -> None:
    _, site = shape("another_first")
    controller = classes(site, "bgp-controller-1")["oci::controller"]
    assert controller["first_master"] == "bgp-controller-2.example.com"
    assert controller["first_sql"] == "bgp-sql-2.example.com"
    assert controller["all_sql_ids"] == [21, 22, 23]
    assert controller["initial_cluster_setup"] is True
    assert classes(site, "bgp-messaging-1")["oci::messaging"]["all_rabbits_ids"] == [24, 25, 26]
    assert classes(site, "bgp-sqlmsg-1")["oci::sql"]["first_sql"] == "bgp-sqlmsg-3.example.com"


def test_the_databases_address_stays_beside_its_vlan(shape: Shape) -> None:
    """B7."""
    _, site = shape("another_first")
    for name, puppet_class in (("controller-1", "oci::controller"), ("sql-1", "oci::sql"), ("sqlmsg-1", "oci::sql")):
        assert classes(site, f"bgp-{name}")[puppet_class]["sql_vip_iface"] == "bond0"


def test_every_node_is_told_the_drivers_of_the_first_machine(shape: Shape) -> None:
    """B6."""
    found, site = shape("another_first")
    pinned = [spec["for"]["nodes"] for name, spec in found.tree.documents("EncOverlay").items() if "-facts-" in name]
    assert any("bgp-compute-1.example.com" in nodes for nodes in pinned)
    told = [
        yaml.safe_load(base64.b64decode(classes(site, name)["oci::generic"]["oci_facts"]))
        for name in ("bgp-controller-1", "bgp-compute-1")
    ]
    assert told[0]["nic_drivers"] == told[1]["nic_drivers"] != ["mlx5_core"]
    assert told[1]["role"] == "compute"


def test_data_disks_are_those_that_oci_took_for_such(shape: Shape) -> None:
    """B4: told of nvme0 or of nothing, it takes nvme0n1 for a data disk; disks that it was told of, it leaves out."""
    _, site = shape("disks_named_by_hand")

    def told(name: str) -> list[str]:
        disks = classes(site, name)["oci::cephosd"]["block_devices"]
        assert isinstance(disks, list)
        return disks

    assert "nvme0n1" in told("cl1-cephosd-1")
    assert "nvme0n1" not in told("cl1-cephosd-2")
    assert not {"sda", "sdb"} & set(told("cl1-cephosd-3"))
    assert "sda" not in told("cl1-cephosd-4")
    assert "nvme0n1" in told("cl1-compute-3")
