"""Hostnames and addresses: the lowest that is free, and nothing twice.

Which networks a machine gets an address on, its management network first:

==============  ====================================================================================
network role    machines
==============  ====================================================================================
a node role     of that role
all             all
vm-net          compute, network; controller where the cluster asks for no network machines
ceph-cluster    cephosd, cephmon, radosgw; compute with the setting ``compute_is_cephosd``
ovs-bridge      none: it carries no address of the machine's own
vip             none: its address is the cluster's
public          none: its first free address is the cluster's API address
==============  ====================================================================================

Every network counts only in its own location. (The roles are those to which OCI 43 gives such addresses.)
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address

from ..model.actions import Enroll, EnrolledVip
from ..model.boot_pools import DhcpRange, named_servers, routers, written_ranges
from ..model.in_force import Place, SettingsAt
from ..model.kinds import ClusterSpec, MachineSpec, Network
from ..model.machine import Allocation, MachineView, Observation, Vip
from ..model.roles import facts_of, is_on_vm_networks
from ..model.tree import SpecTree
from .candidates import UNPINNED
from .placement import FilledSlot


class NothingFreeError(Exception):
    """A machine cannot be given what it needs now; the text completes "waiting for"."""


def gateway_of(network: Network) -> str | None:
    """The network's gateway: what is written, or its first address. A /32 and a /31 have none unless written."""
    if network.gateway is not None:
        return str(network.gateway)
    return str(network.subnet[1]) if network.subnet.prefixlen < 31 else None


def networks_for(cluster: ClusterSpec, role: str, location: str | None, *, with_ceph: bool) -> list[str]:
    """Networks that such a machine gets an address on, the management network first (see the table above)."""
    wanted = [role, "all"]
    if is_on_vm_networks(role, cluster.roles):
        wanted.append("vm-net")
    if facts_of(role).on_ceph_network or with_ceph:
        wanted.append("ceph-cluster")
    fitting = [
        (not (network.management and network.may_manage(role)), wanted.index(network.role), name)
        for name, network in cluster.networks.items()
        if network.role in wanted and not network.public and network.location in (None, location)
    ]
    return [name for *_, name in sorted(fitting)]


def is_ceph_compute(spec: SpecTree, cluster: str, role: str, profile: str, serial: str) -> bool:
    """Whether a compute node also stores Ceph data: the narrowest ``compute_is_cephosd`` decides."""
    if not facts_of(role).may_run_osds or cluster not in spec.clusters:
        return False
    return SettingsAt(spec, Place(cluster, role, profile, serial)).is_on("compute_is_cephosd")


def missing_vips(cluster: str, spec: ClusterSpec, held: Mapping[tuple[str, str], Vip]) -> list[tuple[str, str]]:
    """Network and usage of every virtual address that the cluster needs and does not have; one per usage."""
    found: dict[str, str] = {}
    for name, network in sorted(spec.networks.items()):
        usage = network.vip_usage
        if usage is not None and (cluster, usage) not in held:
            found.setdefault(usage, name)
    return [(name, usage) for usage, name in sorted(found.items())]


class Book:
    """What is taken, and the lowest that is free. One book serves one plan, and only grows."""

    def __init__(self, spec: SpecTree, observed: Observation) -> None:
        self._spec = spec
        self._retired = observed.retired
        self._numbers: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._hosts: dict[str, str] = {}  # hostname -> serial of who holds it or has a right to it
        self._owners: dict[int, str] = {}  # address -> the same; "" for what no machine may have
        self._dhcp = written_ranges(spec.fleet)
        self._lowest: dict[tuple[str, str], int] = {}  # network -> no address below is free
        self._next: dict[tuple[str, str], int] = {}  # cluster and role -> no number below is free
        self.vips: dict[tuple[str, str], Vip] = {(vip.cluster, vip.usage): vip for vip in observed.vips}
        self._reserve(observed)
        for m in observed.machines:
            if m.allocation is not None:
                self._numbers[m.allocation.cluster, m.allocation.role].add(m.allocation.number)
                self._claim(m.serial, m.allocation)

    def _reserve(self, observed: Observation) -> None:
        """Keep what nobody may have, and what pinned machines and replacements have a right to."""
        never = [vip.address for vip in observed.vips]
        never += [str(self._spec.fleet.provisioning.address), *map(str, routers(self._spec.fleet))]
        said = [m.seen.hardware for m in observed.machines if m.seen]
        never += [bmc for one in said for bmc in (one.bmc_address, one.bmc_address_before) if bmc]
        never += [m.history.bmc.address for m in observed.machines if m.history.bmc.address]
        for cluster in self._spec.clusters.values():
            never += [gateway for network in cluster.networks.values() if (gateway := gateway_of(network))]
        self._owners |= {number: "" for text in never if (number := _number_of(text)) is not None}
        placed = {m.serial for m in observed.machines if m.allocation is not None}
        for serial, pin in sorted(self._spec.machines.items()):
            if serial in placed:
                continue
            if pin.replaces and pin.replaces in self._retired:
                self._claim(serial, self._retired[pin.replaces])
            if pin.hostname:
                self._hosts.setdefault(pin.hostname, serial)
            if pin.address:
                self._owners.setdefault(int(pin.address), serial)
        for server in named_servers(self._spec.fleet, self._spec.clusters):
            self._owners.setdefault(int(server), "")  # an operator may pin a node that is such a server

    def _claim(self, serial: str, allocation: Allocation) -> None:
        self._hosts[allocation.hostname] = serial
        for text in allocation.addresses.values():
            self._owners[int(IPv4Address(text))] = serial

    def enroll(self, m: MachineView, placed: FilledSlot) -> Enroll:
        """Give the machine everything it needs, or nothing.

        Raises:
            NothingFreeError: A network is full, or what it is pinned to is held by somebody else.
        """
        c, cluster = placed.candidate, self._spec.clusters[placed.cluster]
        pin = self._spec.machines.get(m.serial, UNPINNED)
        vips = self._new_vips(placed.cluster, cluster)
        addresses = self._addresses(m.serial, placed, cluster, pin, {vip.address for vip in vips})
        hostname, number = self._name(m.serial, placed, cluster, pin)
        self._hosts[hostname] = m.serial
        self._numbers[placed.cluster, c.role].add(number)
        self._owners |= {int(IPv4Address(text)): m.serial for text in addresses.values()}
        self.keep(vips)
        before = self._retired.get(m.serial)
        return Enroll(
            serial=m.serial,
            generation=before.generation + 1 if before else 1,
            cluster=placed.cluster,
            role=c.role,
            profile=c.profile,
            location=c.location,
            hostname=hostname,
            number=number,
            addresses=addresses,
            vips=tuple(EnrolledVip(vip.network, vip.usage, vip.address) for vip in vips),
            replaces=c.replaces,
        )

    def new_vips(self, cluster: str) -> list[Vip]:
        """The virtual addresses that the cluster still needs, as far as they can be had; taken from here on."""
        try:
            vips = self._new_vips(cluster, self._spec.clusters[cluster])
        except NothingFreeError:
            return []
        self.keep(vips)
        return vips

    def keep(self, vips: list[Vip]) -> None:
        """Take virtual addresses."""
        self.vips |= {(vip.cluster, vip.usage): vip for vip in vips}
        self._owners |= {int(IPv4Address(vip.address)): "" for vip in vips}

    def _new_vips(self, name: str, cluster: ClusterSpec) -> list[Vip]:
        given: list[Vip] = []
        for network, usage in missing_vips(name, cluster, self.vips):
            mine = {int(IPv4Address(vip.address)) for vip in given}
            address = next((a for a in self._free(name, network) if a not in mine), None)
            if address is None:
                raise NothingFreeError(f"an address for the {usage} VIP of {name}: network {network} is full")
            given.append(Vip(name, network, usage, str(IPv4Address(address))))
        return given

    def _addresses(
        self, serial: str, placed: FilledSlot, cluster: ClusterSpec, pin: MachineSpec, vips: set[str]
    ) -> dict[str, str]:
        """The machine's addresses by network: on each the pinned one, else its old one, else the lowest that is free.

        Args:
            serial: Of the machine.
            placed: The slot that it fills.
            cluster: The one of that slot.
            pin: The operator's word on this machine; its address is for the management network only.
            vips: Virtual addresses that are given out together with these.

        Raises:
            NothingFreeError: A network is full, or the pinned address is somebody else's.
        """
        c = placed.candidate
        ceph = is_ceph_compute(self._spec, placed.cluster, c.role, c.profile, serial)
        names = networks_for(cluster, c.role, c.location, with_ceph=ceph)
        old = placed.replaced.addresses if placed.replaced else {}
        taken = {int(IPv4Address(text)) for text in vips}
        given: dict[str, int] = {}
        for name in names:
            if name == names[0] and pin.address:
                given[name] = self._pinned(serial, name, cluster.networks[name], pin.address)
            elif name in old and self._owners.get(int(IPv4Address(old[name]))) == serial:
                given[name] = int(IPv4Address(old[name]))
            else:
                address = next((a for a in self._free(placed.cluster, name) if a not in taken), None)
                if address is None:
                    raise NothingFreeError(f"a free address: network {name} of {placed.cluster} is full")
                given[name] = address
            taken.add(given[name])
        return {name: str(IPv4Address(address)) for name, address in given.items()}

    def _pinned(self, serial: str, name: str, network: Network, address: IPv4Address) -> int:
        owner = self._owners.get(int(address), serial)
        if address not in network.subnet:
            raise NothingFreeError(
                f"another address: it is pinned to {address}, and its network {name} is {network.subnet}"
            )
        if owner == serial and any(int(address) in taken for taken in self._dhcp):
            raise NothingFreeError(f"another address: it is pinned to {address}, which DHCP hands out to who boots")
        if owner != serial:
            whose = f"{owner} has it" if owner else "it is a gateway, a BMC, a VIP or this server"
            raise NothingFreeError(f"another address: it is pinned to {address}, and {whose}")
        return int(address)

    def _free(self, cluster: str, name: str) -> Iterator[int]:
        """Free addresses of a network, lowest first."""
        network = self._spec.clusters[cluster].networks[name]
        spans = list(_without(self._dhcp, *_range(network)))
        lowest = self._lowest.get((cluster, name), 0)
        free = (a for first, last in spans for a in range(max(first, lowest), last + 1) if a not in self._owners)
        address = next(free, None)
        if address is None:
            self._lowest[cluster, name] = max((last for _, last in spans), default=0) + 1
            return
        self._lowest[cluster, name] = address
        yield address
        yield from (a for a in free if a not in self._owners)

    def _name(self, serial: str, placed: FilledSlot, cluster: ClusterSpec, pin: MachineSpec) -> tuple[str, int]:
        """Hostname and number: the pinned name, with 0; else those of the machine's old place; else the lowest free.

        Raises:
            NothingFreeError: Another machine has the pinned name.
        """
        role = placed.candidate.role
        if pin.hostname:
            owner = self._hosts.get(pin.hostname, serial)
            if owner != serial:
                raise NothingFreeError(f"another hostname: it is pinned to {pin.hostname}, and {owner} has it")
            return pin.hostname, 0
        if placed.replaced and self._hosts.get(placed.replaced.hostname) == serial:
            return placed.replaced.hostname, placed.replaced.number
        pool = (placed.cluster, role)
        number = self._next.get(pool, 1)
        while number in self._numbers[pool] or _hostname(*pool, number, cluster) in self._hosts:
            number += 1
        self._next[pool] = number
        return _hostname(*pool, number, cluster), number


def _hostname(cluster: str, role: str, number: int, spec: ClusterSpec) -> str:
    return f"{cluster}-{role}-{number}.{spec.domain}"


def _range(network: Network) -> tuple[int, int]:
    """First and last address that may be handed out. Gateways are kept apart."""
    subnet = network.subnet
    edge = 0 if subnet.prefixlen >= 31 else 1  # below /31 the first address names the network, the last broadcasts
    first, last = int(subnet.network_address) + edge, int(subnet.broadcast_address) - edge
    if network.range is not None:
        first, last = max(first, int(network.range.first)), min(last, int(network.range.last))
    return first, last


def _without(taken: Iterable[DhcpRange], first: int, last: int) -> Iterator[tuple[int, int]]:
    """What is left of the addresses from first to last, as firsts and lasts; ``taken`` is in order."""
    for one in taken:
        if one.first > first:
            yield first, min(last, one.first - 1)
        first = max(first, one.last + 1)
    yield first, last


def _number_of(text: str) -> int | None:
    """An IPv4 address as a number; None: the text is none."""
    try:
        return int(IPv4Address(text))
    except ValueError:
        return None
