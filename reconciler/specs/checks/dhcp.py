"""DHCP and the planner, of which each hands out addresses without asking the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ...model.boot_pools import BootPool, boot_networks, pools
from ...model.diagnostics import Diagnostic
from .context import Check, CheckContext, error, warning
from .networks import each_network


@dataclass(frozen=True, slots=True)
class _HandedOut:
    """Addresses that the planner gives to nodes, to BMCs or to a cluster."""

    title: str  # as a sentence names the network
    subnet: IPv4Network
    first: IPv4Address
    last: IPv4Address
    where: tuple[Any, ...]  # kind, name, path


def no_address_is_handed_out_twice(context: CheckContext) -> Iterator[Diagnostic]:
    """Where machines boot, the specs say which addresses are DHCP's, if nodes or BMCs get the others.

    The planner keeps out of a range of DHCP that is written. Where none is written, DHCP takes all that it can.
    That machines boot in a whole wider trusted network is a guess, so there it is a warning.
    """
    if context.fleet_name is None:
        return
    try:
        found = pools(context.tree.fleet)
    except ValueError:  # where machines boot is not known, or no address is left there: "boot-files" says so
        return
    written = {network.subnet for network in boot_networks(context.tree.fleet) if network.range is not None}
    is_said = bool(context.tree.fleet.provisioning.boot.networks)
    for given in _given(context):
        for pool in found:
            if given.last < pool.first or pool.last < given.first:
                continue
            kind, name, *path = given.where
            at = context.parsed.at(kind, name, *path)
            if pool.subnet not in written:
                tell = error if is_said or pool.subnet == given.subnet else warning
                yield tell("Network without a range for DHCP", _undivided(given, pool), at)
            elif pool.first <= given.first and given.last <= pool.last:
                detail = (
                    f"DHCP hands out {pool.first} to {pool.last} to machines that boot: all of {given.title}. Write "
                    "a smaller range for DHCP in provisioning.boot.networks, or another subnet or range here."
                )
                yield error("DHCP has the whole network", detail, at)


def _undivided(given: _HandedOut, pool: BootPool) -> str:
    example = f"{{subnet: {pool.subnet}, range: {{first: ..., last: ...}}}}"
    return (
        f"Machines boot in {pool.subnet}, where DHCP hands out {pool.first} to {pool.last}, as no range is written; "
        f"{given.title} is there, too, so that a machine that boots could get the address of a node, a BMC or the API. "
        f'Say which addresses are DHCP\'s, in provisioning.boot of the Fleet: "networks: [{example}]". '
        "The others are given to nodes and BMCs."
    )


def _given(context: CheckContext) -> Iterator[_HandedOut]:
    for cluster, name, network in each_network(context):
        if network.role == "ovs-bridge":  # nodes have no address there
            continue
        first, last = _hosts(network.subnet)
        if network.range is not None:
            first, last = network.range.first, network.range.last
        where = ("Cluster", cluster, "networks", name, "subnet")
        yield _HandedOut(f'network "{name}" of cluster "{cluster}"', network.subnet, first, last, where)
    bmc = context.tree.fleet.bmc
    for index, one in enumerate(bmc.networks if bmc.manage else ()):
        at: tuple[Any, ...] = ("Fleet", context.fleet_name, "bmc", "networks", index, "subnet")
        yield _HandedOut(f'BMC network "{one.name}"', one.subnet, *_hosts(one.subnet), at)


def _hosts(subnet: IPv4Network) -> tuple[IPv4Address, IPv4Address]:
    edge = 1 if subnet.prefixlen < 31 else 0  # the first address names the network, the last broadcasts
    return subnet.network_address + edge, subnet.broadcast_address - edge


CHECKS: tuple[Check, ...] = (no_address_is_handed_out_twice,)
