"""The networks on which machines boot, and the addresses there that belong to DHCP or to other servers.

DHCP knows nobody's address but those that it hands out itself, and the planner hands out addresses without asking DHCP.
So each keeps out of what the specs give to the other.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise

from .kinds import BootNetwork, ClusterSpec, FleetSpec
from .kinds.base import SettingValue


@dataclass(frozen=True, slots=True)
class BootPool:
    """A network on which machines boot, with nothing left to default."""

    subnet: IPv4Network
    gateway: IPv4Address
    first: IPv4Address
    last: IPv4Address
    dns: tuple[IPv4Address, ...]


def pools(fleet: FleetSpec) -> tuple[BootPool, ...]:
    """The networks that the fleet's machines boot on.

    Raises:
        ValueError: There is none, or no address of one can be handed out.
    """
    given, networks = fleet.provisioning, boot_networks(fleet)
    if not networks:
        raise ValueError(
            f"provisioning.address {given.address} is in none of the trusted networks, so it is not clear where "
            "machines boot: name their networks in provisioning.boot.networks"
        )
    return tuple(_pool(network, given.address) for network in networks)


def _pool(network: BootNetwork, server: IPv4Address) -> BootPool:
    gateway = gateway_on(network)
    if network.range:
        return BootPool(network.subnet, gateway, network.range.first, network.range.last, network.dns)
    first, last = longest_run(network.subnet, {gateway, server, *network.dns})
    return BootPool(network.subnet, gateway, first, last, network.dns)


def longest_run(subnet: IPv4Network, taken: Iterable[IPv4Address]) -> tuple[IPv4Address, IPv4Address]:
    """First and last of the most addresses in a row that nobody has; the network's own and the broadcast address apart.

    Raises:
        ValueError: There is no free address.
    """
    ends = [int(subnet.network_address), int(subnet.broadcast_address)]
    borders = sorted({*ends, *(int(address) for address in taken if address in subnet)})
    gaps = [(after - before, -before) for before, after in pairwise(borders) if after - before > 1]
    if not gaps:
        raise ValueError(f"no address of {subnet} is free for machines that boot")
    size, before = max(gaps)
    return IPv4Address(-before + 1), IPv4Address(-before + size - 1)


def boot_networks(fleet: FleetSpec) -> tuple[BootNetwork, ...]:
    """The networks that are written, else the trusted one that the provisioning server is in; empty: there is none."""
    given = fleet.provisioning
    return given.boot.networks or tuple(
        BootNetwork(subnet=subnet) for subnet in given.trusted_networks if given.address in subnet
    )


def gateway_on(network: BootNetwork) -> IPv4Address:
    """The router that DHCP tells of."""
    return network.gateway or network.subnet.network_address + 1


@dataclass(frozen=True, slots=True)
class DhcpRange:
    """Addresses that DHCP hands out because the specs say so, first and last as numbers."""

    first: int
    last: int

    def __contains__(self, address: int) -> bool:
        return self.first <= address <= self.last


def written_ranges(fleet: FleetSpec) -> tuple[DhcpRange, ...]:
    """The ranges of DHCP that are written, lowest first. Where none is written, DHCP takes what is free by default."""
    ranges = (network.range for network in boot_networks(fleet))
    found = (DhcpRange(int(one.first), int(one.last)) for one in ranges if one is not None)
    return tuple(sorted(found, key=lambda one: (one.first, one.last)))


def routers(fleet: FleetSpec) -> frozenset[IPv4Address]:
    """The gateways of the networks on which machines boot. No node and no BMC may have their addresses."""
    return frozenset(at for network in boot_networks(fleet) if (at := gateway_on(network)) in network.subnet)


def named_servers(fleet: FleetSpec, clusters: Mapping[str, ClusterSpec]) -> frozenset[IPv4Address]:
    """Servers that the specs name by their address: of DNS, Puppet, files, time, mail, logs and the like.

    Whoever is not pinned to such an address does not get it. One that is the whole of a network is a virtual address.
    """
    texts = [*fleet.mirrors.model_dump().values(), fleet.provisioning.boot.images or "", fleet.http_proxy.address]
    for settings in (fleet.settings, *(cluster.settings for cluster in clusters.values())):
        texts += [text for value in settings.values() for text in _texts(value)]
    found = {address for text in texts if (address := _host(text)) is not None}
    found |= {*fleet.puppet.servers, *(address for network in boot_networks(fleet) for address in network.dns)}
    whole = {network.subnet for cluster in clusters.values() for network in cluster.networks.values()}
    return frozenset(address for address in found if IPv4Network(address) not in whole)


def _texts(value: SettingValue) -> Iterator[str]:
    """The texts of a setting that may name a server; a URL may be the cluster's own API, so it is left out."""
    for text in (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ():
        if "/" not in text:
            yield text


_HOST = re.compile(r"(?:\w+://)?(?:[^/@]*@)?(\d+(?:\.\d+){3})(?::\d+)?(?:/.*)?")


def _host(text: str) -> IPv4Address | None:
    """The address in a URL, or in ``host:port``; None: there is none, or a name."""
    try:
        return IPv4Address(found[1]) if (found := _HOST.fullmatch(text)) else None
    except ValueError:  # 10.1.1.300
        return None
