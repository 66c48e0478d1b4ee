"""Computes, network nodes, volumes and the smaller roles: one row per sentence of the rule."""

from dataclasses import replace

import pytest

from .shapes import cluster, compiled, machine, values


def test_gpus_of_several_kinds_are_given_kind_by_kind() -> None:
    kinds = "use_gpu: true, gpu_name: a100 t4, gpu_vendor_id: 10de 10de, gpu_product_id: 20b0 1eb8"
    given = cluster(
        {"controller": 1, "compute": 2},
        machines=machine("compute", 1, f'{kinds}, gpu_device_type: type-PF, vfio_ids: ["10de:20b0", "10de:1eb8"]'),
    )
    found = values(given)
    assert found["gpu_name"] == ("a100", "t4")
    assert found["gpu_vendor_id"] == ("10de", "10de")
    assert found["gpu_product_id"] == ("20b0", "1eb8")
    assert (found["gpu_device_type"], found["vfio_ids"]) == ("type-PF", "10de:20b0,10de:1eb8")
    without = values(given, number=2)
    assert without["use_gpu"] is False
    assert "gpu_name" not in without


def test_a_machine_has_the_cluster_s_cpu_unless_it_says_otherwise() -> None:
    own = machine("compute", 2, "cpu_model: EPYC, cpu_model_extra_flags: [svm, -x2apic]")
    given = cluster({"controller": 1, "compute": 2}, "cpu_mode: custom, cpu_model: Skylake-Server", machines=own)
    assert [values(given, number=n)["cpu_mode"] for n in (1, 2)] == ["custom", "custom"]
    assert [values(given, number=n)["cpu_model"] for n in (1, 2)] == ["Skylake-Server", "EPYC"]
    assert [values(given, number=n).get("cpu_model_extra_flags") for n in (1, 2)] == [None, "svm,-x2apic"]


def test_what_nova_skips_is_told_in_its_own_words() -> None:
    given = cluster({"controller": 1, "compute": 1}, "nova_skip_cpu_compare_on_dest: true")
    assert values(given)["nova_skip_cpu_compare_on_dest"] == "yes"
    assert values(given)["nova_skip_cpu_compare_at_startup"] == "no"
    rows = compiled(given).classes["oci::compute"]
    assert [rows[f"nova_skip_cpu_compare_{when}"].origin for when in ("on_dest", "at_startup")] == [
        "nova_skip_cpu_compare_on_dest in the words of nova.conf, specs/a.yaml:22",
        "nova_skip_cpu_compare_at_startup in the words of nova.conf, default",
    ]


BRIDGES = """    lb-1: {subnet: 10.0.4.0/24, role: ovs-bridge, bridge: br-lb, bridge_number: 0}
    lb-2: {subnet: 10.0.5.0/24, role: ovs-bridge, bridge: br-lb, bridge_number: 0}
    fast: {subnet: 10.0.6.0/24, role: ovs-bridge, bridge: br-fast, bridge_number: 1}
"""


@pytest.mark.parametrize(
    ("networks", "mappings", "names"),
    [
        ("", ("external:br-ex",), ("external",)),
        (BRIDGES, ("external:br-lb", "external1:br-fast"), ("external", "external1")),
    ],
    ids=["no bridge named", "two bridges, one of them in two networks"],
)
@pytest.mark.parametrize("role", ["compute", "network"])
def test_each_bridge_is_an_external_network_once(
    role: str, networks: str, mappings: tuple[str, ...], names: tuple[str, ...]
) -> None:
    found = values(cluster({"controller": 1, "compute": 1, "network": 1}, networks=networks), role)
    assert (found["bridge_mapping_list"], found["external_network_list"]) == (mappings, names)


def test_another_bridge_renames_no_physical_network_wherever_it_is_written() -> None:
    old = "    provider: {subnet: 10.0.6.0/24, role: ovs-bridge, bridge: br-lb, bridge_number: 0}\n"
    new = "    fast: {subnet: 10.0.4.0/24, role: ovs-bridge, bridge: br-fast, bridge_number: 1}\n"
    for networks in (new + old, old + new):
        found = values(cluster({"controller": 1, "compute": 1}, networks=networks))
        assert found["bridge_mapping_list"] == ("external:br-lb", "external1:br-fast")


FAR = """    near: {subnet: 10.0.4.0/24, role: ovs-bridge, bridge: br-near, bridge_number: 0, location: zone-1}
    far: {subnet: 10.0.5.0/24, role: ovs-bridge, bridge: br-far, bridge_number: 1, location: zone-2}
"""
ABROAD = "    far: {subnet: 10.0.5.0/24, role: ovs-bridge, bridge: br-BRIDGE, location: zone-2}\n"


@pytest.mark.parametrize(
    ("networks", "zone", "mappings"),
    [
        (FAR, "zone-1", ("external:br-near",)),
        (FAR, "zone-2", ("external1:br-far",)),
        (ABROAD.replace("BRIDGE", "far"), "zone-1", ()),
        (ABROAD.replace("BRIDGE", "ex"), "zone-1", ("external:br-ex",)),
    ],
    ids=[
        "the first",
        "the second",
        "of the br-ex that it is given nothing is known",
        "br-ex is that of the other zone",
    ],
)
@pytest.mark.parametrize("role", ["compute", "network"])
def test_a_node_is_told_of_the_bridges_of_its_location(
    role: str, networks: str, zone: str, mappings: tuple[str, ...]
) -> None:
    given = cluster({"controller": 1, "compute": 1, "network": 1}, networks=networks)
    members = tuple(replace(m, allocation=replace(m.allocation, location=zone)) for m in given.members)
    found = values(replace(given, members=members), role)
    assert found["bridge_mapping_list"] == mappings
    assert found["external_network_list"] == tuple(each.partition(":")[0] for each in mappings)


@pytest.mark.parametrize("role", ["compute", "network"])
def test_instances_talk_over_a_network_of_their_own_where_there_is_one(role: str) -> None:
    roles = {"controller": 1, "compute": 1, "network": 1}
    assert values(cluster(roles, addresses={"vm": "10.0.2.9"}), role)["vmnet_ip"] == "10.0.2.9"
    assert values(cluster(roles), role)["vmnet_ip"] == values(cluster(roles), role)["machine_ip"]


def test_one_node_that_routes_has_all_install_dynamic_routing() -> None:
    roles = {"controller": 1, "compute": 2, "network": 1}
    given = cluster(roles, machines=machine("network", 1, "neutron_install_dragent: true"))
    assert [values(given, number=n)["use_dynamic_routing"] for n in (1, 2)] == [True, True]
    assert values(cluster(roles))["use_dynamic_routing"] is False


@pytest.mark.parametrize(
    ("roles", "settings", "expected"),
    [({}, "", True), ({"network": 1}, "", False), ({"network": 1}, "force_dhcp_agent: true", True)],
    ids=["no network nodes", "network nodes", "forced"],
)
def test_computes_hand_out_addresses_where_nobody_else_does(
    roles: dict[str, int], settings: str, expected: bool
) -> None:
    found = values(cluster({"controller": 1, "compute": 1, **roles}, settings))
    assert found["has_subrole_dhcp_agent"] is expected


@pytest.mark.parametrize(
    ("roles", "prefer_swift", "expected"),
    [
        ({}, "true", "none"),
        ({"swiftproxy": 1, "cephosd": 1}, "true", "swift"),
        ({"swiftproxy": 1, "cephosd": 1}, "false", "ceph"),
        ({"swiftstore": 1}, "false", "swift"),
        ({"cephosd": 1}, "true", "ceph"),
    ],
)
@pytest.mark.parametrize("role", ["compute", "volume"])
def test_backups_go_to_the_preferred_store_that_there_is(
    role: str, roles: dict[str, int], prefer_swift: str, expected: str
) -> None:
    nodes = {"controller": 1, "cephmon": 1, "compute": 1, "volume": 1, **roles}
    found = values(cluster(nodes, f"cinder_backup_prefer_swift: {prefer_swift}"), role)
    assert found["backup_backend"] == expected


@pytest.mark.parametrize(
    ("backends", "listed", "group"),
    [("no-override", (), "zvol2vg0"), ("LVM_SSD_1:LVM_HDD_1", ("LVM_SSD_1", "LVM_HDD_1"), "zvol2vg")],
)
def test_a_volume_group_is_named_after_the_node(backends: str, listed: tuple[str, ...], group: str) -> None:
    given = cluster({"controller": 1, "volume": 2}, f'cinder_enabled_backends: "{backends}"')
    found = values(given, "volume", 2)
    assert (found["enabled_backend_list"], found["vgname"]) == (listed, group)


@pytest.mark.parametrize(
    ("roles", "expected"), [({"controller": 1, "sql": 1}, "10.0.1.250"), ({"controller": 1}, "203.0.113.2")]
)
@pytest.mark.parametrize("role", ["compute", "network", "volume"])
def test_the_database_is_where_the_sql_nodes_or_else_the_controllers_are(
    role: str, roles: dict[str, int], expected: str
) -> None:
    given = cluster({**roles, role: 1})
    sql = replace(given.vips[0], usage="sql", address="10.0.1.250")
    assert values(replace(given, vips=(*given.vips, sql)), role)["sql_vip_ip"] == expected


def test_notifications_go_to_messaging_nodes() -> None:
    for role in ("compute", "network", "volume"):
        found = values(cluster({"controller": 1, "messaging": 2, role: 1}), role)
        assert found["messaging_nodes_for_notifs"] is True
        assert found["all_rabbits_ips"] == ("10.0.1.3", "10.0.1.4")
        assert "all_rabbits" not in values(cluster({"controller": 1, role: 1}), role)


def test_designate_shows_on_computes_and_on_the_network_nodes_of_a_cluster_with_computes() -> None:
    with_it = cluster({"controller": 1, "compute": 1, "network": 1}, "install_designate: true")
    assert [values(with_it, role).get("has_subrole_designate") for role in ("compute", "network")] == [True, True]
    assert "has_subrole_designate" not in values(
        cluster({"controller": 1, "network": 1}, "install_designate: true"), "network"
    )
    assert "has_subrole_designate" not in values(cluster({"controller": 1, "compute": 1}))


def test_two_nodes_are_a_cluster() -> None:
    found = values(cluster({"controller": 1, "compute": 1}))
    assert (found["cluster_has_osds"], found["backup_backend"]) == (False, "none")
    assert "has_subrole_ceilometer" not in found
    assert "ceph_mon_host" not in found


def test_an_external_swift_reaches_computes_and_volumes() -> None:
    given = cluster({"controller": 1, "compute": 1, "volume": 1}, "extswift_use_external: true, extswift_user_name: me")
    for role in ("compute", "volume"):
        found = values(given, role)
        assert (found["extswift_use_external"], found["extswift_user_name"]) == (True, "me")


def test_a_test_node_knows_what_there_is_to_test() -> None:
    full = values(cluster({"controller": 1, "tempest": 1, "compute": 1, "volume": 1, "swiftproxy": 1}), "tempest")
    assert {name for name in full if name.startswith("cluster_has")} == {
        "cluster_has_cinder",
        "cluster_has_compute",
        "cluster_has_swift",
    }
    bare = values(cluster({"controller": 1, "tempest": 1}), "tempest")
    assert not [name for name in bare if name.startswith("cluster_has")]
    assert len(bare["refstack_object_test_list"]) > 1000


def test_name_servers_have_the_api_s_ipv6_address_where_it_has_one() -> None:
    roles = {"controller": 1, "dns": 1}
    found = values(cluster(roles, 'api_use_ipv6: true, vip6_ipaddr: "2001:db8::7"'), "dns")
    assert (found["vip_ipaddr"], found["vip6_ipaddr"]) == ("203.0.113.2", "2001:db8::7")
    assert found["pass_designate_rndckey"].ref.form == "rndc"
    assert "vip6_ipaddr" not in values(cluster(roles), "dns")


@pytest.mark.parametrize(
    ("role", "count"),
    [("elastic", 16), ("debmirror", 14), ("radosgw", 46), ("billmon", 27), ("billosd", 32), ("dns", 17)],
)
def test_a_class_is_given_as_many_parameters_as_oci_gives_it(role: str, count: int) -> None:
    """Counted on the running OCI; an address on Ceph's network gives two more, IPv6 one more."""
    given = cluster({"controller": 1, "cephmon": 1, "cephosd": 1, "billmon": 1, role: 1})
    assert len(values(given, role)) == count - (2 if role == "radosgw" else 0)
