"""``oci::controller`` in clusters of many shapes."""

import base64
from typing import Any

import pytest
import yaml

from reconciler.enc.view import EncError
from reconciler.model.roles import has_external_bridge

from .openstack import FLEET, compiled, machine, openstack, rows, subroles

CONTROLLERS = {"controller": 3}
SWIFT = {"swiftproxy": 2, "swiftstore": 3}
OFF = {"heat": False, "barbican": False}
FULL = {**CONTROLLERS, "compute": 2, "network": 2, "cephmon": 3, "cephosd": 3}


@pytest.mark.parametrize(
    ("nodes", "settings", "expected"),
    [
        ({}, "{}", {"swift": False, "network_node": True}),
        ({"swiftstore": 3}, "{}", {"network_node": True}),
        ({"swiftproxy": 1}, "{}", {"network_node": True}),
        (
            {"compute": 1},
            "{}",
            {"swift": False, "network_node": True, "glance": True, "nova": True, "neutron": True, "aodh": True}
            | {"octavia": True, "magnum": True, "manila": True},
        ),
        ({"network": 1}, "{}", {"swift": False, "network_node": False}),
        ({"volume": 1}, "{}", {"swift": False, "network_node": True}),
        ({"sql": 3}, "{}", {"swift": False, "network_node": True, "db": False}),
        ({"metal": 1}, "{}", {"swift": False, "network_node": True, "ironic": True}),
        ({"dns": 2}, "{install_designate: true}", {"swift": False, "network_node": True}),
        ({"radosgw": 2}, "{}", {"swift": False, "network_node": True}),
        ({"radosgw": 2, "cephmon": 3, "cephosd": 3}, "{}", {"swift": False, "network_node": True, "radosgw": True}),
    ],
)
def test_sub_roles_follow_the_other_nodes(nodes: dict[str, int], settings: str, expected: dict[str, bool]) -> None:
    without = {} if "compute" in nodes else OFF
    assert subroles(openstack({**CONTROLLERS, **nodes}, settings=settings)) == expected | without


@pytest.mark.parametrize(
    ("nodes", "asked", "settings", "expected"),
    [
        (SWIFT, None, "{}", OFF),
        (SWIFT, {"compute": 0}, "{}", OFF),
        (SWIFT, {"compute": 1}, "{}", {"glance": True}),
        ({"compute": 1}, None, "{}", {"glance": True}),
        (SWIFT, None, "{install_glance: true}", {**OFF, "glance": True}),
        (SWIFT, None, "{install_heat: true, install_barbican: true}", {}),
        ({"compute": 1}, None, "{install_heat: false}", {"heat": False}),
        ({"compute": 1}, None, "{install_glance: false, install_barbican: false}", {"barbican": False}),
    ],
)
def test_clusters_without_instances_lack_services_for_them_unless_they_ask(
    nodes: dict[str, int], asked: dict[str, int] | None, settings: str, expected: dict[str, bool]
) -> None:
    given = openstack({**CONTROLLERS, **nodes}, settings=settings, asked=asked)
    found, known = subroles(given), ("barbican", "glance", "heat")
    everything = {"glance": True} if "compute" in nodes and "install_glance" not in settings else {}
    assert {name: found[name] for name in known if name in found} == everything | expected
    for service in ("heat", "barbican"):
        assert rows(given)[f"install_{service}"] is found.get(service, True)


@pytest.mark.parametrize("nodes", [{"compute": 1, "cephmon": 3, "cephosd": 3}, {**FULL}, {**FULL, "volume": 2}])
def test_computes_with_ceph_bring_telemetry_and_volumes(nodes: dict[str, int]) -> None:
    found = subroles(openstack({**CONTROLLERS, **nodes}))
    assert {n for n in ("gnocchi", "ceilometer", "panko", "cloudkitty", "cinder", "gnocchi_services") if found[n]} == {
        *("gnocchi", "ceilometer", "panko", "cloudkitty", "cinder", "gnocchi_services")
    }


def test_messaging_nodes_take_gnocchi_from_the_controllers() -> None:
    given = openstack({**FULL, "messaging": 2})
    assert subroles(given)["gnocchi_services"] is False
    assert rows(given)["messaging_nodes_for_notifs"] is True
    assert rows(given)["all_rabbits_short_hostnames"] == ("os-messaging-1", "os-messaging-2")
    assert "all_rabbits" not in rows(openstack(FULL))


CEPH = {"cephmon": 3, "cephosd": 3}


@pytest.mark.parametrize(
    ("nodes", "settings", "glance", "backup"),
    [
        ({}, "{}", "file", "none"),
        (CEPH, "{}", "ceph", "ceph"),
        (SWIFT, "{}", "swift", "swift"),
        ({**CEPH, **SWIFT}, "{}", "ceph", "swift"),
        ({**CEPH, **SWIFT}, "{glance_prefer_ceph_over_swift: false}", "swift", "swift"),
        ({**CEPH, **SWIFT}, "{cinder_backup_prefer_swift: false}", "ceph", "ceph"),
        (SWIFT, "{cinder_backup_prefer_swift: false}", "swift", "swift"),
        (CEPH, "{glance_prefer_ceph_over_swift: false}", "ceph", "ceph"),
    ],
)
def test_images_and_backups_go_where_they_can(nodes: dict[str, int], settings: str, glance: str, backup: str) -> None:
    found = rows(openstack({**CONTROLLERS, **nodes}, settings=settings))
    assert (found["glance_backend"], found["cinder_backup_backend"]) == (glance, backup)


def test_the_database_is_on_controllers_or_on_sql_nodes() -> None:
    found = rows(openstack(CONTROLLERS), "os-controller-2")
    assert (found["first_sql"], found["is_first_sql"]) == ("os-controller-1.example.com", False)
    assert found["non_master_sql"] == ("os-controller-1.example.com", "os-controller-3.example.com")
    assert (found["sql_vip_ip"], found["sql_vip_netmask"], found["sql_vip_iface"]) == ("203.0.113.2", 24, "eno1")
    found = rows(openstack({**CONTROLLERS, "sql": 2}))
    assert (found["first_sql"], found["is_first_sql"]) == ("os-sql-1.example.com", False)
    assert found["all_sql"] == found["non_master_sql"] == ("os-sql-1.example.com", "os-sql-2.example.com")
    assert (found["sql_vip_ip"], found["sql_vip_netmask"], found["sql_vip_iface"]) == ("203.0.114.2", 32, "eno1")


def test_nodes_come_in_natural_order() -> None:
    found = rows(openstack({"controller": 11}), "os-controller-2")
    assert found["all_masters_short_names"] == tuple(f"os-controller-{n}" for n in range(1, 12))
    assert found["all_masters_ids"] == tuple(range(1, 12))
    assert (found["first_master"], found["is_first_master"]) == ("os-controller-1.example.com", False)
    others = tuple(f"os-controller-{n}.example.com" for n in range(1, 12) if n != 2)
    assert found["other_masters"] == others
    assert found["non_first_master_controllers"] == tuple(f"os-controller-{n}.example.com" for n in range(2, 12))


def test_corosync_knows_nodes_by_a_number_that_stays() -> None:
    written = machine("OS-CONTROLLER-2", "{corosync_node_id: 27}")
    own = {"os-controller-3": {"hostname": "argon.example.com"}}
    given = openstack(CONTROLLERS, more=written, own=own)
    assert rows(given)["all_masters_ids"] == (3, 1, 27), "argon comes first by name, and keeps the number it was given"


def test_two_nodes_of_one_corosync_number_get_no_document() -> None:
    written = machine("OS-CONTROLLER-2", "{corosync_node_id: 3}")
    with pytest.raises(
        EncError, match=r"os-controller-2.* and os-controller-3.* by the same number, 3: .*OS-CONTROLLER-3"
    ):
        rows(openstack(CONTROLLERS, more=written))


def test_the_node_that_comes_first_is_first_whatever_its_number() -> None:
    found = rows(openstack(CONTROLLERS, more=machine("OS-CONTROLLER-3", "{comes_first: true}")))
    assert (found["first_master"], found["is_first_master"]) == ("os-controller-3.example.com", False)
    assert found["first_sql"] == "os-controller-3.example.com"
    assert found["non_first_master_controllers"] == ("os-controller-1.example.com", "os-controller-2.example.com")
    assert found["all_masters_short_names"] == ("os-controller-1", "os-controller-2", "os-controller-3")


def test_controllers_route_for_instances_without_network_nodes() -> None:
    for more, told in (({}, "eth0"), ({"compute": 1}, "br-ex"), ({"compute": 1, "network": 1}, "eth0")):
        nodes = {**CONTROLLERS, **more}
        assert rows(openstack(nodes, asked=nodes))["machine_iface"] == told


def test_a_controller_is_told_of_the_bridge_that_it_is_installed_with() -> None:
    """The installer asks which roles the cluster asks for: a controller may be there long before its first compute."""
    for counts in ({}, {"compute": 1}, {"compute": 1, "network": 1}, {"network": 1}):
        asked = {**CONTROLLERS, **counts}
        told = rows(openstack(CONTROLLERS, asked=asked))["machine_iface"]
        assert (told == "br-ex") == has_external_bridge("controller", asked), counts


BRIDGES = """
    lb-1: {subnet: 192.168.41.0/24, role: ovs-bridge, bridge: br-lb, bridge_number: 0}
    lb-2: {subnet: 192.168.42.0/24, role: ovs-bridge, bridge: br-lb, bridge_number: 0}
    out: {subnet: 192.168.43.0/24, role: ovs-bridge, bridge: br-out, bridge_number: 1}
    vm: {subnet: 192.168.70.0/24, role: vm-net}
"""


def test_each_external_network_is_mapped_to_each_bridge_once() -> None:
    found = rows(openstack({**CONTROLLERS, "compute": 2}, networks=BRIDGES))
    assert found["bridge_mapping_list"] == ("external:br-lb", "external1:br-out")
    assert found["external_network_list"] == ("external", "external1")
    assert rows(openstack(CONTROLLERS, networks=BRIDGES))["bridge_mapping_list"] == ()
    assert rows(openstack({**CONTROLLERS, "compute": 1}))["bridge_mapping_list"] == ("external:br-ex",)


APART = """
    near: {subnet: 192.168.41.0/24, role: ovs-bridge, bridge: br-near, bridge_number: 0, location: zone-1}
    far: {subnet: 192.168.42.0/24, role: ovs-bridge, bridge: br-far, bridge_number: 1, location: zone-2}
"""


def test_a_controller_knows_all_external_networks_and_maps_the_bridges_that_it_routes_over() -> None:
    for more, told in (({}, ("external:br-near",)), ({"network": 1}, ("external:br-near", "external1:br-far"))):
        nodes = {**CONTROLLERS, "compute": 2, **more}
        found = rows(openstack(nodes, networks=APART, asked=nodes))
        assert found["bridge_mapping_list"] == told
        assert found["external_network_list"] == ("external", "external1")


def test_instances_are_reached_on_the_networks_for_them() -> None:
    own = {"os-controller-1": {"addresses": {"vm": "192.168.70.3"}}}
    given = openstack({**CONTROLLERS, "compute": 1}, networks=BRIDGES, own=own)
    assert rows(given)["vmnet_ip"] == "192.168.70.3"
    assert rows(given, "os-controller-2")["vmnet_ip"] == rows(given, "os-controller-2")["machine_ip"]


GPUS = """
apiVersion: reconciler/v1
kind: Machine
metadata: {name: OS-COMPUTE-1}
spec: {settings: {use_gpu: true, gpu_name: t4 a30, gpu_vendor_id: 10de 10de, gpu_product_id: 1eb8 20b7}}
---
apiVersion: reconciler/v1
kind: Machine
metadata: {name: OS-COMPUTE-2}
spec: {settings: {use_gpu: true, gpu_name: t4, gpu_vendor_id: 10de, gpu_product_id: 1eb8}}
---
apiVersion: reconciler/v1
kind: Machine
metadata: {name: OS-COMPUTE-3}
spec: {settings: {use_gpu: true, gpu_name: t4, gpu_vendor_id: 10de, gpu_product_id: 1eb8, gpu_device_type: type-PF}}
"""


def test_every_kind_of_gpu_is_listed_once() -> None:
    found = rows(openstack({**CONTROLLERS, "compute": 4}, more=GPUS))
    assert found["use_gpu"] is True
    assert found["gpu_def"] == ("t4.10de.1eb8.type-PCI", "a30.10de.20b7.type-PCI", "t4.10de.1eb8.type-PF")
    without = rows(openstack({**CONTROLLERS, "compute": 4}))
    assert without["use_gpu"] is False and "gpu_def" not in without


def test_dynamic_routing_is_needed_once_anybody_routes() -> None:
    own = machine("OS-NETWORK-1", "{neutron_install_dragent: true}")
    assert rows(openstack({**CONTROLLERS, "network": 1}, more=own))["use_dynamic_routing"] is True
    assert rows(openstack({**CONTROLLERS, "network": 1}))["use_dynamic_routing"] is False


def test_designate_feeds_every_name_server() -> None:
    given = openstack({**CONTROLLERS, "compute": 1, "dns": 2}, settings="{install_designate: true}")
    found = rows(given)
    assert found["has_subrole_designate"] is True
    assert found["dns_nodes"] == ("os-dns-1.example.com", "os-dns-2.example.com")
    (pool,) = yaml.safe_load(base64.b64decode(str(found["designate_pools_yaml"])))
    assert [s["host"] for s in pool["nameservers"]] == list(found["dns_nodes_ip"])
    assert [r["hostname"] for r in pool["ns_records"]] == ["ns1.example.com.", "ns2.example.com."]
    assert [len(t["masters"]) for t in pool["targets"]] == [3, 3]
    assert {t["options"]["rndc_host"] for t in pool["targets"]} == {s["host"] for s in pool["nameservers"]}


TELEMETRY = (
    FLEET
    + """
  telemetry:
    pollsters:
      swift.yaml: "- name: dynamic.swift\\n  unit: B\\n"
      radosgw.yaml: "- name: dynamic.radosgw\\n"
    gnocchi_resources: "resources: []\\n"
    cloudkitty_metrics: "metrics: {}\\n"
"""
)


def test_telemetry_files_are_handed_on() -> None:
    found: dict[str, Any] = dict(rows(openstack(CONTROLLERS, fleet=TELEMETRY)))
    assert found["dynamic_pollsters_files"] == ("radosgw.yaml", "swift.yaml")
    assert found["dynamic_pollsters_names"] == ("dynamic.radosgw", "dynamic.swift")
    assert base64.b64decode(found["dynamic_pollsters_data"][1]) == b"- name: dynamic.swift\n  unit: B\n"
    assert base64.b64decode(found["gnocchi_resources_yaml"]) == b"resources: []\n"
    assert base64.b64decode(found["cloudkitty_metrics_yml"]) == b"metrics: {}\n"
    without = rows(openstack(CONTROLLERS))
    assert without["dynamic_pollsters_names"] == () and "gnocchi_resources_yaml" not in without


def test_a_machine_kept_off_bgp_is_not_told_to_speak_it() -> None:
    own = machine("OS-CONTROLLER-2", "{force_no_bgp2host: true}")
    given = openstack(CONTROLLERS, settings="{bgp_to_the_host: true}", more=own)
    assert rows(given)["bgp_to_the_host"] is True
    assert rows(given, "os-controller-2")["bgp_to_the_host"] is False


@pytest.mark.parametrize("url", ["", "https://www.example.com/"])
def test_an_empty_redirect_is_not_given(url: str) -> None:
    assert (
        rows(openstack(CONTROLLERS, settings=f'{{haproxy_custom_url: "{url}"}}')).get("haproxy_custom_url", "") == url
    )


def test_ceph_secrets_come_with_ceph() -> None:
    assert "ceph_fsid" not in rows(openstack(CONTROLLERS))
    found = rows(openstack({**CONTROLLERS, **CEPH, "radosgw": 1}))
    assert (found["ceph_fsid"], found["ceph_bootstrap_rgw_key"]) == ("ceph/fsid", "ceph/bootstraprgwkey")
    assert found["ceph_mon_initial_members"] == ",".join(f"os-cephmon-{n}.example.com" for n in (1, 2, 3))
    assert "ceph_libvirtuuid" in rows(openstack({**CONTROLLERS, "volume": 1}))
    assert "ceph_libvirtuuid" not in rows(
        openstack({**CONTROLLERS, "volume": 1}, settings="{ceph_use_cephadm_to_deploy: true}")
    )


def test_two_nodes_are_a_cluster() -> None:
    found = rows(openstack({"controller": 1, "compute": 1}))
    assert (found["other_masters"], found["non_master_sql"]) == ((), ())
    assert found["compute_nodes"] == ("os-compute-1.example.com",)


def test_an_address_that_is_not_there_yet_is_said() -> None:
    given = openstack({**CONTROLLERS, "sql": 1})
    without = type(given)(
        name=given.name, tree=given.tree, members=given.members, vips=given.vips[:1],
        signatures=given.signatures,
    )  # fmt: skip
    with pytest.raises(
        EncError, match=r"os-controller-1\.example\.com needs the virtual address for sql of the cluster os"
    ):
        compiled(without)
