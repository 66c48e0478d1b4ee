"""Files that nodes get whole: ``/etc/hosts``, and the facts file for Facter."""

from ..model.hardware import ReportSection
from . import yaml_writer
from .view import ClusterView, View

HOSTS_BEGIN = "# OCISTA_MAINTAINED: written by Puppet; changes between here and the last line are lost."
HOSTS_END = "# OCIFIN_MAINTAINED: written by Puppet; changes between here and the first line are lost."
"""Puppet's module finds these lines by their capitals, and keeps what is before and after them."""

_BY_SNI = "_sni_name"
_LEFT_OUT_BY_OCI = frozenset({"horizon", "vigie"})


def hosts_of_node(v: View) -> str:
    """The beginning of ``/etc/hosts``, with the node's own name.

    Its length is a multiple of three bytes, so that its base64 can be followed by that
    of the rest, which is the same for the whole cluster.
    """
    lines = (
        HOSTS_BEGIN,
        "127.0.0.1\tlocalhost",
        f"{v.node.address}\t{v.node.hostname} {v.node.short_hostname}",
        "",
        "# IPv6",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "ff02::1\tip6-allnodes",
        "ff02::2\tip6-allrouters",
        "",
    )
    text = "\n".join(lines)
    return text + "#" * ((2 - len(text.encode())) % 3) + "\n"


def hosts_of_cluster(v: View) -> str:
    """The rest of ``/etc/hosts``: the server, virtual addresses, and all nodes, this one among them."""
    server = v.fleet.provisioning
    lines = [
        "# Puppet server",
        f"{server.address}\t{server.hostname}",
        "# Virtual addresses",
        *_virtual_addresses(v),
        f"# Nodes of {v.cluster.name}",
        *(f"{n.address}\t{n.hostname} {n.short_hostname}" for n in v.cluster.nodes),
        *(v.fleet.hosts or "").splitlines(),
        HOSTS_END,
    ]
    return "\n".join(lines) + "\n"


def _virtual_addresses(v: View) -> list[str]:
    """Lines of ``/etc/hosts`` for virtual addresses: of the API, its services by SNI, the database, other clusters."""
    cluster = v.cluster
    names = [cluster.api_hostname]
    complete = v.setting("complete_hosts_files") is True
    if v.setting("haproxy_use_sni") is True:
        services = (name for name in v.node.settings if name.endswith(_BY_SNI))
        named = (v.setting(name) for name in services if complete or name.removesuffix(_BY_SNI) not in _LEFT_OUT_BY_OCI)
        names += [f"{name}.{cluster.api_hostname}" for name in named if name]
    lines = [f"{cluster.api_address} {name}" for name in names] if cluster.api_address else []
    sql = next((vip for vip in cluster.given.vips if (vip.cluster, vip.usage) == (cluster.name, "sql")), None)
    network = cluster.spec.networks.get(sql.network) if sql else None
    if sql and (complete or network is None or network.role != "vip"):
        lines.append(f"{sql.address} {cluster.name}-sql.{cluster.spec.domain}")
    return lines + _linked_addresses(cluster)


def _linked_addresses(cluster: ClusterView) -> list[str]:
    """The API of the cluster whose Swift is used."""
    other = cluster.spec.links.swift
    spec = cluster.given.tree.clusters.get(other) if other else None
    if other is None or spec is None:
        return []
    name = spec.api.hostname or f"{other}-api.{spec.domain}"
    singles = (n.subnet for n in spec.networks.values() if n.public and n.subnet.prefixlen == 32)
    address = next((str(subnet.network_address) for subnet in singles), None) or next(
        (vip.address for vip in cluster.given.vips if (vip.cluster, vip.usage) == (other, "api")), None
    )
    return [f"{address} {name}"] if address else []


def facts(v: View) -> str:
    """The facts file: YAML for Facter. A fact is left out while the agent could not read what it says."""
    hardware = v.node.hardware
    drivers = tuple(dict.fromkeys(nic.driver for nic in hardware.nics if nic.driver))
    are_read = ReportSection.CONTROLLERS not in hardware.unread
    has_megaraid = hardware.has_raid_controller
    return "---\n" + yaml_writer.dump(
        {
            "role": v.node.role,
            "cluster": v.cluster.name,
            **({"blkdev_ctrls": tuple(each.product for each in hardware.controllers)} if are_read else {}),
            **({} if has_megaraid is None else {"has_megaraid": has_megaraid}),
            "nic_drivers": drivers,
        }
    )
