"""Values for computes, network nodes and volumes. The docstring of each is the reason that ``explain`` shows."""

from ...model.bridges import bridges_at
from ..conditions import has_osds, has_swift
from ..params import Derived, Value, derived
from ..view import View


def sql_address(v: View) -> Value:
    """The virtual address of the database: of the sql nodes, or the API's where controllers hold it"""
    if v.cluster.has("sql"):
        return v.cluster.vip("sql")
    return v.cluster.api_address if v.cluster.has("controller") else None


def _bridges(v: View) -> dict[str, str]:
    """Names of the external networks that the node has, and the bridge of each."""
    name = v.setting("neutron_external_network_name")
    here = bridges_at(v.cluster.spec, v.node.member.allocation.location)
    return {f"{name}{number or ''}": bridge for bridge, number in here.items()}


def bridge_mappings(v: View) -> Value:
    """neutron_external_network_name, numbered, and the bridge of each ovs-bridge network of the node's location"""
    return tuple(f"{network}:{bridge}" for network, bridge in _bridges(v).items())


def external_networks(v: View) -> Value:
    """The names of the external networks, one for each bridge of the node's location"""
    return tuple(_bridges(v))


def address_for_instances(v: View) -> Value:
    """The node's address on a network with role vm-net; the management address where it has none"""
    return next((to for network, to in v.node.networks if network.role == "vm-net"), v.node.address)


def bgp_to_the_host(v: View) -> Value:
    """bgp_to_the_host, but not on a machine with force_no_bgp2host"""
    return v.setting("bgp_to_the_host") is True and v.setting("force_no_bgp2host") is not True


def somebody_routes(v: View) -> Value:
    """Whether any node has neutron_install_dragent, so that all need Neutron's dynamic routing"""

    def find() -> bool:
        return any(node.settings["neutron_install_dragent"].value is True for node in v.cluster.nodes)

    return v.cluster.cached(("dynamic routing",), find)


def hands_out_addresses(v: View) -> Value:
    """Whether it runs a DHCP agent: force_dhcp_agent is set, or the cluster has no network nodes"""
    return v.setting("force_dhcp_agent") is True or not v.cluster.has("network")


def cpu_sockets(v: View) -> Value:
    """The sockets that the node reported"""
    return v.node.hardware.cpu.sockets


def uses_ceph(v: View) -> Value:
    """use_ceph_if_available, and always where the node runs OSDs itself"""
    return v.setting("use_ceph_if_available") is True or v.setting("compute_is_cephosd") is True


def backup_backend(v: View) -> Value:
    """The preferred store that the cluster has, Swift first with cinder_backup_prefer_swift; none: it has neither"""
    present = {"swift": has_swift.holds(v), "ceph": has_osds.holds(v)}
    order = ("swift", "ceph") if v.setting("cinder_backup_prefer_swift") is True else ("ceph", "swift")
    return next((store for store in order if present[store]), "none")


def in_words(name: str) -> Derived:
    """A boolean setting as Nova's configuration file takes it."""
    return derived(
        lambda v: "yes" if v.setting(name) is True else "no", f"{name} in the words of nova.conf", f"Setting.{name}"
    )


def listed(name: str) -> Derived:
    """A setting with several words, as a list."""
    return derived(lambda v: tuple(str(v.setting(name) or "").split()), f"{name} word by word", f"Setting.{name}")


def extra_cpu_flags(v: View) -> Value:
    """cpu_model_extra_flags, where there are any"""
    flags = v.setting("cpu_model_extra_flags")
    return ",".join(flags) if isinstance(flags, tuple) and flags else None


def lvm_backends(v: View) -> Value:
    """cinder_enabled_backends one by one; none for no-override"""
    backends = _text(v, "cinder_enabled_backends")
    return () if backends == "no-override" else tuple(backends.split(":"))


def volume_group(v: View) -> Value:
    """Named after the cluster and the node's number, with a 0 at the end unless cinder_enabled_backends is set"""
    own = "" if _text(v, "cinder_enabled_backends") != "no-override" else "0"
    return f"{v.cluster.name}vol{v.node.member.allocation.number}vg{own}"


def _text(v: View, name: str) -> str:
    return str(v.setting(name) or "")
