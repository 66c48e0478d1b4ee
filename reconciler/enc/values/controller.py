"""Values for controllers, messaging and database nodes. The docstring of each is the reason that ``explain`` shows."""

import base64
from collections.abc import Mapping
from typing import Any

import yaml

from ...model.bridges import bridge_numbers, bridges_at
from ...model.kinds.fleet import pollster_name
from ...model.roles import has_external_bridge, is_on_vm_networks
from ..conditions import has_osds, has_swift
from ..params import Derived, Value, derived
from ..view import NodeView, View

DNS_PORT, MDNS_PORT, RNDC_PORT = 53, 5354, 953
"""Of BIND, of Designate's own DNS on controllers that feeds it, and of BIND's remote control."""

SWIFT, CEPH, FILES = "swift", "ceph", "file"


def machine_interface(v: View) -> Value:
    """br-ex where controllers route for instances, as they do without network nodes; else eth0"""
    return "br-ex" if has_external_bridge(v.node.role, v.cluster.spec.roles) else "eth0"


def all_bridge_mappings(v: View) -> Value:
    """Each external network name of a compute or network node, with the bridges; where it routes, its location's"""
    spec = v.cluster.spec
    if not is_on_vm_networks(v.node.role, spec.roles):
        return v.cluster.cached(("all bridges",), lambda: _mapped(v, bridge_numbers(spec)))
    return _mapped(v, bridges_at(spec, v.node.member.allocation.location))


def all_external_networks(v: View) -> Value:
    """The names of the external networks of all compute and network nodes, one for each bridge"""
    numbers = bridge_numbers(v.cluster.spec).values()
    return v.cluster.cached(
        ("all externals",), lambda: tuple(f"{name}{n or ''}" for name in _external_names(v) for n in numbers)
    )


def _mapped(v: View, numbers: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"{name}{n or ''}:{bridge}" for name in _external_names(v) for bridge, n in numbers.items())


def _external_names(v: View) -> dict[str, None]:
    nodes = v.cluster.by_role("compute", "network")
    return dict.fromkeys(str(node.settings["neutron_external_network_name"].value) for node in nodes)


def others_than_first(what: str) -> Derived:
    """The hostname or address of every controller but the first."""

    def compute(v: View) -> Value:
        head = v.cluster.first("controller")
        return tuple(getattr(node, what) for node in v.cluster.by_role("controller") if node is not head)

    return derived(compute, f"the {what} of every controller but the first")


def glance_backend(v: View) -> Value:
    """The preferred store that the cluster has, Ceph first with glance_prefer_ceph_over_swift; else file"""
    present = {SWIFT: has_swift.holds(v), CEPH: has_osds.holds(v)}
    order = (CEPH, SWIFT) if v.setting("glance_prefer_ceph_over_swift") is True else (SWIFT, CEPH)
    return next((store for store in order if present[store]), FILES)


def redirect(v: View) -> Value:
    """haproxy_custom_url, where it is not empty: Puppet takes an empty text for an address"""
    return v.setting("haproxy_custom_url") or None


def gpu_nodes(v: View) -> tuple[NodeView, ...]:
    """Computes that give their GPUs to instances."""
    nodes = v.cluster.by_role("compute")
    return v.cluster.cached(("gpus",), lambda: tuple(n for n in nodes if n.settings["use_gpu"].value is True))


def somebody_has_gpus(v: View) -> Value:
    """Whether any compute has use_gpu"""
    return bool(gpu_nodes(v))


def gpu_definitions(v: View) -> Value:
    """Name, vendor, product and type of every kind of GPU in the cluster, for flavors to ask for"""

    def words(node: NodeView, name: str) -> list[str]:
        return str(node.settings[name].value or "").split()

    def find() -> Value:
        kinds = [
            ".".join((*kind, str(node.settings["gpu_device_type"].value)))
            for node in gpu_nodes(v)
            for kind in zip(
                words(node, "gpu_name"), words(node, "gpu_vendor_id"), words(node, "gpu_product_id"), strict=False
            )
        ]
        return tuple(dict.fromkeys(kinds))

    return v.cluster.cached(("gpu kinds",), find)


def designate_pools(v: View) -> Value:
    """Designate's pool: the dns nodes and their name servers' names, as YAML in base64"""
    return v.cluster.cached(("designate pools",), lambda: _base64(yaml.safe_dump([_pool(v)], sort_keys=False)))


# Descriptions are stored in Designate's database: they stay as OCI words them, so that no imported pool changes.
def _pool(v: View) -> dict[str, Any]:
    masters = [{"host": node.address, "port": MDNS_PORT} for node in v.cluster.by_role("controller")]
    servers = v.cluster.by_role("dns")
    return {
        "name": "default",
        "description": "OCI generated BIND Pool file",
        "nameservers": [{"host": node.address, "port": DNS_PORT} for node in servers],
        "ns_records": [
            {"hostname": f"{v.setting('designate_ns1')}.", "priority": 100},
            {"hostname": f"{v.setting('designate_ns2')}.", "priority": 10},
        ],
        "targets": [_target(node, list(map(dict, masters))) for node in servers],
    }


def _target(node: NodeView, masters: list[dict[str, Any]]) -> dict[str, Any]:
    rndc = {"rndc_host": node.address, "rndc_port": RNDC_PORT, "rndc_key_file": "/etc/designate/rndc.key"}
    return {
        "type": "bind9",
        "description": f"BIND Instance for {node.hostname}",
        "masters": masters,
        "options": {"host": node.address, "port": DNS_PORT, **rndc},
    }


def pollster_files(v: View) -> Value:
    """File names of telemetry.pollsters of the fleet"""
    return tuple(sorted(v.fleet.telemetry.pollsters))


def pollster_names(v: View) -> Value:
    """The names that the pollsters' first entries have, in the order of their files"""
    pollsters = v.fleet.telemetry.pollsters
    return v.cluster.cached(("pollsters",), lambda: tuple(pollster_name(pollsters[file]) for file in sorted(pollsters)))


def pollster_texts(v: View) -> Value:
    """The pollsters' files in base64, in the order of their names"""
    pollsters = v.fleet.telemetry.pollsters
    return tuple(_base64(pollsters[file]) for file in sorted(pollsters))


def gnocchi_resources(v: View) -> Value:
    """telemetry.gnocchi_resources of the fleet, in base64"""
    text = v.fleet.telemetry.gnocchi_resources
    return None if text is None else _base64(text)


def cloudkitty_metrics(v: View) -> Value:
    """telemetry.cloudkitty_metrics of the fleet, in base64"""
    text = v.fleet.telemetry.cloudkitty_metrics
    return None if text is None else _base64(text)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
