"""Facts of each role that more than one part of the program asks for: one row per role.

A role of the users' own, declared by a ``Role`` document, has the defaults of ``RoleFacts``. What the Puppet class of a
role is given stands in ``enc``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from .gates import GateName


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """What is true of every node of a role."""

    help: str = ""  # what the role is for
    puppet_class: str = ""  # besides those of every node; empty: what its Role document says
    leads: bool = False  # its nodes run their cluster's commands, log in to each other, and get new documents last
    votes: bool = False  # a majority must stay up: Galera, RabbitMQ, Ceph's monitors
    vip: str | None = None  # usage of the virtual address that they bring up, as networks have it
    runs_instances: bool = False  # a hypervisor of Nova's: controllers are told of each
    carries_vm_traffic: bool = False
    stands_in_for_network: bool = False  # carries virtual machines' traffic where the cluster has no network nodes
    on_ceph_network: bool = False
    runs_monitors: bool = False  # of the cluster's Ceph; where no node does, its controllers run them
    runs_osds: bool = False
    may_run_osds: bool = False  # where the setting ``compute_is_cephosd`` is on; then on the Ceph network too
    stores_data: bool = False  # has data disks
    stores_if: tuple[str, ...] = ()  # settings of which one must be on for its nodes to store data
    installer_formats_data: bool = False  # with XFS, before the first boot. Ceph and Cinder prepare disks by Puppet
    makes_volume_groups: bool = False  # of its data disks, as ``cinder_separate_volume_groups`` says
    object_store: Literal["swift", "ceph"] | None = None  # which of Keystone's object stores it belongs to
    has_proxy_certificate: bool = False  # that of ``swift_proxy_hostname``
    shows_progress: bool = False  # documents change once a node, or all of the role, have been in service
    max_unavailable: int | None = None  # by default; None: ``policy.max_unavailable.default``
    first_boot_needs: tuple[str, ...] = ()  # packages that OCI's first boot calls before Puppet runs
    gates: tuple[GateName, ...] = ()  # besides those of every node; each must hold before a node serves
    gates_if_there: tuple[GateName, ...] = ()  # of services that another role may run in its place
    units: tuple[str, ...] = ()  # systemd units that are active on every node of the role
    ports: tuple[int, ...] = ()  # TCP ports on which something listens on every node of the role
    needs: tuple[str, ...] = ()  # roles whose services its nodes' first Puppet run needs


COMMON_GATES = (GateName.LOGIN, GateName.FAILED_UNITS)
"""Of every node, whatever its role."""

_UNITS, _PORTS = GateName.UNITS, GateName.PORTS
_GALERA = (GateName.GALERA, GateName.GALERA_SIZE)
_RABBITMQ = (GateName.RABBITMQ, GateName.RABBITMQ_SIZE)

_PROXY = ("swift_store_account", "swift_store_container", "swift_store_object")

ROLES: Mapping[str, RoleFacts] = {
    "controller": RoleFacts(
        "APIs and schedulers; the database, the message queue and Ceph's monitors where no other role has them",
        "oci::controller", leads=True, votes=True, vip="api", stands_in_for_network=True, shows_progress=True,
        max_unavailable=1, first_boot_needs=("lvm2", "xfsprogs"),
        gates=(_UNITS, _PORTS, GateName.KEYSTONE, GateName.CATALOG),
        gates_if_there=(*_GALERA, *_RABBITMQ, GateName.CEPH_MON), units=("haproxy", "memcached"), ports=(11211,),
        needs=("sql", "sqlmsg", "messaging", "cephmon", "cephosd"),
    ),
    "messaging": RoleFacts(
        "The message queue, telemetry and rating", "oci::messaging", votes=True, vip="messaging",
        gates=(_UNITS, *_RABBITMQ), gates_if_there=_GALERA, units=("rabbitmq-server",), needs=("sqlmsg",),
    ),
    "sql": RoleFacts(
        "The database", "oci::sql", votes=True, vip="sql", first_boot_needs=("lvm2", "xfsprogs"),
        gates=(_UNITS, _PORTS, *_GALERA), units=("mariadb",), ports=(3306, 4567),
    ),
    "sqlmsg": RoleFacts(
        "The database of telemetry and rating", "oci::sql", votes=True, vip="sqlmsg",
        first_boot_needs=("lvm2", "xfsprogs"),
        gates=(_UNITS, _PORTS, *_GALERA), units=("mariadb",), ports=(3306, 4567),
    ),
    "compute": RoleFacts(
        "Runs instances", "oci::compute", runs_instances=True, carries_vm_traffic=True, may_run_osds=True,
        stores_if=("compute_is_cephosd",), first_boot_needs=("lvm2", "xfsprogs", "adduser", "lsb-release"),
        gates=(_UNITS,), gates_if_there=(GateName.CEPH_OSDS,),
        units=("nova-compute", "neutron-openvswitch-agent", "openvswitch-switch"),
        needs=("controller", "messaging", "network"),
    ),
    "network": RoleFacts(
        "Routes between instances and the world", "oci::network", carries_vm_traffic=True,
        gates=(_UNITS,), needs=("controller", "messaging"),
        units=("neutron-openvswitch-agent", "neutron-dhcp-agent", "neutron-metadata-agent", "openvswitch-switch"),
    ),
    "volume": RoleFacts(
        "Block storage by Cinder, on disks of its own or in Ceph", "oci::volume", stores_data=True,
        makes_volume_groups=True, first_boot_needs=("lvm2",), gates=(_UNITS,), units=("cinder-volume",),
        needs=("controller", "messaging"),
    ),
    "cephmon": RoleFacts(
        "Ceph's monitors", "oci::cephmon", votes=True, on_ceph_network=True, runs_monitors=True,
        gates=(GateName.CEPH_MON,),
    ),
    "cephosd": RoleFacts(
        "Ceph's data", "oci::cephosd", on_ceph_network=True, runs_osds=True, stores_data=True, shows_progress=True,
        max_unavailable=1, gates=(GateName.CEPH_OSDS,), needs=("cephmon",),
    ),
    "billmon": RoleFacts(
        "Monitors of the Ceph for telemetry and rating", "oci::cephmon", votes=True, gates=(GateName.CEPH_MON,),
    ),
    "billosd": RoleFacts(
        "Data of the Ceph for telemetry and rating", "oci::cephosd", runs_osds=True, stores_data=True,
        shows_progress=True, gates=(GateName.CEPH_OSDS,), needs=("billmon",),
    ),
    "swiftproxy": RoleFacts(
        "Swift's API", "oci::swiftproxy", stores_if=_PROXY, installer_formats_data=True, object_store="swift",
        has_proxy_certificate=True, gates=(_UNITS, GateName.SWIFT_PROXY, GateName.SWIFT_RINGS),
        gates_if_there=(GateName.SWIFT_SERVERS,), units=("swift-proxy", "memcached"), needs=("controller",),
    ),
    "swiftstore": RoleFacts(
        "Swift's data", "oci::swiftstore", stores_data=True, installer_formats_data=True, object_store="swift",
        max_unavailable=1, gates=(_PORTS, GateName.SWIFT_SERVERS, GateName.SWIFT_RINGS), ports=(873,),
    ),
    "radosgw": RoleFacts(
        "Ceph's object store", "oci::radosgw", on_ceph_network=True, object_store="ceph",
        needs=("controller", "cephmon", "cephosd"),
    ),
    "dns": RoleFacts("Name servers of Designate", "oci::dns", needs=("controller",)),
    "tempest": RoleFacts("Runs OpenStack's tests", "oci::tempest", needs=("controller",)),
    "elastic": RoleFacts("Searches logs", "oci::elastic"),
    "debmirror": RoleFacts("A mirror of Debian", "oci::debmirror"),
}  # fmt: skip
"""Roles that exist without anybody writing a ``Role`` document."""

BUILT_IN_ROLES = tuple(ROLES)

_USERS_OWN = RoleFacts()


def facts_of(role: str) -> RoleFacts:
    """The role's row; of a role of the users' own, the defaults."""
    return ROLES.get(role, _USERS_OWN)


_MONITORS, _THEIR_STAND_IN = "cephmon", "controller"


def needed_by(role: str, asked: Collection[str]) -> tuple[str, ...]:
    """Roles of the cluster whose services must run before a node of this role runs Puppet for the first time.

    Controllers run Ceph's monitors where no other role does. OSDs then come after them, and they wait for no OSD.

    Args:
        role: The node's.
        asked: All that the cluster asks for.
    """
    stands_in = _MONITORS not in asked and _THEIR_STAND_IN in asked
    found = dict.fromkeys(facts_of(role).needs)
    if stands_in and _MONITORS in found and role != _THEIR_STAND_IN:
        found[_THEIR_STAND_IN] = None
    wait_for_it = {other for other in found if stands_in and _MONITORS in facts_of(other).needs}
    if role == _THEIR_STAND_IN:
        found = {other: None for other in found if other not in wait_for_it}
    return tuple(other for other in found if other in asked)


def rank_in_bring_up(role: str, asked: Collection[str]) -> int:
    """How many roles come one after the other before this one; 0: it waits for none."""
    return max((rank_in_bring_up(other, asked) + 1 for other in needed_by(role, asked)), default=0)


def gates_of(role: str, classes: Collection[str] = ()) -> tuple[GateName, ...]:
    """Gates that must hold on a node of this role.

    A controller or a hyperconverged compute runs nothing but Ceph at first, and has the gates of that until then.

    Args:
        role: The node's.
        classes: Puppet classes that it was given last; empty: not known.
    """
    return (*COMMON_GATES, *dict.fromkeys(gate for facts in as_now(role, classes) for gate in facts.gates))


def gates_if_there(role: str, classes: Collection[str] = ()) -> tuple[GateName, ...]:
    """Gates that must hold on a node of this role if it has the service at all."""
    return tuple(dict.fromkeys(gate for facts in as_now(role, classes) for gate in facts.gates_if_there))


def as_now(role: str, classes: Collection[str]) -> tuple[RoleFacts, ...]:
    """The rows whose services run on a node of this role, to which Puppet applied these classes."""
    facts = facts_of(role)
    if not classes or not facts.puppet_class or facts.puppet_class in classes:
        return (facts,)
    return tuple(other for other in ROLES.values() if other.puppet_class in classes)


def is_on_vm_networks(role: str, asked: Collection[str]) -> bool:
    """Whether its nodes have addresses on the networks of virtual machines, and the cluster's own bridges.

    A controller has, where the cluster asks for no network nodes, whether or not it asks for computes yet: it keeps the
    addresses that it was enrolled with when they come.

    Args:
        role: The node's.
        asked: All that the cluster asks for.
    """
    facts = facts_of(role)
    return facts.carries_vm_traffic or (facts.stands_in_for_network and "network" not in asked)


def has_external_bridge(role: str, asked: Collection[str]) -> bool:
    """Whether its nodes are installed with ``br-ex`` on their management network's interface, and Puppet told of it.

    A controller is only where it has instances to route for. In a cluster without computes it keeps a plain interface,
    though it has addresses on the networks of virtual machines.

    Args:
        role: The node's.
        asked: All that the cluster asks for.
    """
    serves_instances = any(facts_of(other).runs_instances for other in asked)
    return is_on_vm_networks(role, asked) and (facts_of(role).carries_vm_traffic or serves_instances)
