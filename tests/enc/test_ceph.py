"""Ceph in shapes that no recorded cluster has: hyperconverged, in zones, with telemetry's own."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.enc.params import SecretText, SecretWords
from reconciler.enc.view import ClusterInput

from .build import member
from .shapes import START, cluster, compiled, machine, own_class, values

HYPERCONVERGED = {"controller": 3, "compute": 3}
IS_OSD = "compute_is_cephosd: true"


@pytest.mark.parametrize(
    ("settings", "served", "controller", "compute"),
    [
        (IS_OSD, (), "oci::cephmon", "oci::cephosd"),
        (IS_OSD, ("controller",), "oci::cephmon", "oci::cephosd"),
        (IS_OSD, ("controller", "compute"), "oci::controller", "oci::compute"),
        (f"{IS_OSD}, initial_mon_on_ctrl: false", (), "oci::controller", "oci::cephosd"),
        (f"{IS_OSD}, initial_mon_on_ctrl: false", ("controller",), "oci::controller", "oci::compute"),
        ("compute_is_cephosd: false", (), "oci::controller", "oci::compute"),
    ],
    ids=["new", "monitors run", "OSDs run", "second stage", "controllers are up", "no OSDs"],
)
def test_a_hyperconverged_cluster_starts_in_two_stages(
    settings: str, served: tuple[str, ...], controller: str, compute: str
) -> None:
    given = cluster(HYPERCONVERGED, settings, served=served)
    assert own_class(given, "controller") == controller
    assert own_class(given, "compute") == compute


def test_a_machine_that_joins_later_turns_nobody_back() -> None:
    given = cluster(HYPERCONVERGED, IS_OSD, served=("controller", "compute"))
    late = [member("z", role, 9, f"10.0.1.{n}", "mgmt", "zone-1") for role, n in (("controller", 90), ("compute", 91))]
    begun = [replace(one, begun_at=START + timedelta(days=30)) for one in late]
    for more in (late, begun):
        grown = replace(given, members=(*given.members, *more))
        assert {own_class(grown, "controller", n) for n in (1, 9)} == {"oci::controller"}
        assert {own_class(grown, "compute", n) for n in (1, 9)} == {"oci::compute"}


def test_a_compute_without_osds_never_becomes_an_osd_node() -> None:
    given = cluster({"controller": 3, "cephosd": 3, "compute": 1})
    assert own_class(given, "controller") == "oci::cephmon"
    assert own_class(given, "compute") == "oci::compute"


def test_the_first_stage_gives_what_ceph_needs_and_no_more() -> None:
    given = cluster(HYPERCONVERGED, f"{IS_OSD}, kernel_from_backports: true")
    monitor, osd = values(given, "controller"), values(given)
    assert monitor["ceph_mon_host"] == osd["ceph_mon_host"] == "10.0.1.2,10.0.1.3,10.0.1.4"
    assert (len(monitor), len(osd)) == (23, 28)
    assert osd["block_devices"] == ("sdb", "sdc")
    rows = compiled(given).classes["oci::generic"]
    assert rows["skip_etc_pki_setup"].value is True
    later = cluster(HYPERCONVERGED, IS_OSD, served=("controller", "compute"))
    assert "skip_etc_pki_setup" not in compiled(later).classes["oci::generic"]


def test_a_hyperconverged_compute_gets_its_disks_and_uses_ceph() -> None:
    given = cluster(HYPERCONVERGED, f"{IS_OSD}, use_ceph_if_available: false", served=("controller", "compute"))
    found = values(given)
    assert (found["block_devices"], found["use_ceph_if_available"]) == (("sdb", "sdc"), True)
    assert found["ceph_mon_initial_members"].split(",")[0] == "z-controller-1.example.com"
    without = values(cluster({"controller": 1, "compute": 1}))
    assert "block_devices" not in without
    assert "ceph_fsid" not in without
    assert without["cluster_has_osds"] is False


@pytest.mark.parametrize(
    ("served", "expected"), [((), True), (("cephosd",), False)], ids=["new", "has been in service"]
)
def test_osds_are_made_until_the_node_has_been_in_service(served: tuple[str, ...], expected: bool) -> None:
    given = cluster({"controller": 1, "cephmon": 1, "cephosd": 1}, served=served)
    assert values(given, "cephosd")["ceph_osd_initial_setup"] is expected


def test_the_ceph_of_telemetry_has_secrets_and_monitors_of_its_own() -> None:
    given = cluster({"controller": 1, "cephmon": 1, "cephosd": 1, "billmon": 2, "billosd": 1})
    for role, service, monitors in (
        ("cephosd", "ceph", "10.0.1.3"),
        ("billosd", "bill", "10.0.1.5,10.0.1.6"),
        ("billmon", "bill", "10.0.1.5,10.0.1.6"),
    ):
        found = values(given, role)
        assert found["ceph_mon_host"] == monitors
        assert (found["ceph_fsid"].ref.service, found["ceph_fsid"].ref.form) == (service, "uuid")
        assert found["ceph_admin_key"].ref.form == "cephx"
        assert found["pass_cephadm_ssh_pub"].ref.service == service


def test_parameters_of_an_osd_node_depend_on_its_role() -> None:
    given = cluster({"controller": 1, "cephmon": 1, "cephosd": 1, "billmon": 1, "billosd": 1})
    only_ceph = {"configure_dkms", "ceph_multiple_cluster_az"}
    assert set(values(given, "cephosd")) - set(values(given, "billosd")) == only_ceph
    assert set(values(given, "cephmon")) - set(values(given, "billmon")) == only_ceph


@pytest.mark.parametrize("role", ["cephosd", "radosgw"])
def test_ceph_has_a_network_of_its_own_where_the_node_has_an_address_on_one(role: str) -> None:
    roles = {"controller": 1, "cephmon": 1, "cephosd": 1, "radosgw": 1}
    names = ("use_ceph_cluster_net", "cephnet_ip", "cephnet_network_addr", "cephnet_network_cidr", "cephnet_mtu")
    found = values(cluster(roles, addresses={"ceph": "10.0.3.7"}), role)
    assert [found[name] for name in names] == [True, "10.0.3.7", "10.0.3.0", 24, 9000]
    found = values(cluster(roles), role)
    assert [found.get(name) for name in names] == [False, found["machine_ip"], None, None, 0]


def two_zones() -> ClusterInput:
    machines = "".join(machine(role, 2, "ceph_az: 2") for role in ("cephmon", "cephosd", "compute"))
    roles = {"controller": 1, "cephmon": 2, "cephosd": 2, "compute": 2}
    return cluster(roles, "ceph_multiple_cluster_az: true", machines=machines)


@pytest.mark.parametrize("zone", [1, 2])
@pytest.mark.parametrize("role", ["cephmon", "cephosd", "compute"])
def test_a_node_belongs_to_the_ceph_of_its_zone(role: str, zone: int) -> None:
    found = values(two_zones(), role, zone)
    assert found["ceph_az"] == zone
    assert found["ceph_mon_initial_members"] == f"z-cephmon-{zone}.example.com"
    kinds = {row.ref.kind for row in found.values() if isinstance(row, SecretText) and row.ref.service == "ceph"}
    assert kinds
    assert all(kind.endswith(f"-az{zone}") for kind in kinds)


def test_a_compute_knows_the_ceph_of_every_zone() -> None:
    found = values(two_zones())
    assert [str(words) for words in found["ceph_multiple_az_libvirtdata"]] == [
        f"ceph/libvirtuuid-az{zone} ceph/openstackkey-az{zone}" for zone in (1, 2)
    ]
    assert all(isinstance(words, SecretWords) for words in found["ceph_multiple_az_libvirtdata"])
    first, second = found["ceph_multiple_az_cinder_conf"]
    assert (first["az"], second["az_name"]) == (1, "az-2")
    assert str(second["fsid"]) == "ceph/fsid-az2"
    assert second["mon_host"] == "10.0.1.4"
    assert (
        values(two_zones())["ceph_multiple_az_cinder_conf"]
        == values(two_zones(), number=2)["ceph_multiple_az_cinder_conf"]
    )
