"""The fleet's own networks, windows and Puppet version."""

from collections.abc import Iterator
from itertools import combinations

from ...model.diagnostics import Diagnostic
from ...model.nics import NO_RENAMING
from ..schema_errors import suggestion
from .context import Check, CheckContext, error, warning


def windows_can_open(context: CheckContext) -> Iterator[Diagnostic]:
    """Every maintenance window has a length and a time zone that exists."""
    if context.fleet_name is None:
        return
    for index, window in enumerate(context.tree.fleet.policy.windows):
        path = ("policy", "windows", index)
        begin, _, end = window.allow.rpartition(" ")[2].partition("-")
        if begin == end:
            detail = f'"{window.allow}" begins and ends at the same minute. For a whole day write 00:00-24:00.'
            yield error("Empty window", detail, context.parsed.at("Fleet", context.fleet_name, *path, "allow"))
        if not context.timezone_exists(window.timezone):
            detail = f'There is no time zone "{window.timezone}". Write a name such as "UTC" or "Europe/Zurich".'
            yield error("Unknown time zone", detail, context.parsed.at("Fleet", context.fleet_name, *path, "timezone"))
        if not window.for_:
            detail = (
                f'The window "{window.allow}" is for nothing. Write "for: [disruptive, destructive]", or one of them.'
            )
            yield error("Empty window", detail, context.parsed.at("Fleet", context.fleet_name, *path, "for"))


def puppet_module_is_known(context: CheckContext) -> Iterator[Diagnostic]:
    """We have the class signatures of the Puppet module that the fleet says it has."""
    version = context.tree.fleet.puppet.module_version
    if context.fleet_name is None or version is None or not context.module_versions:
        return
    if version not in context.module_versions:
        hint = suggestion(version, context.module_versions)
        detail = f'The classes of puppet-module-oci "{version}" are not known.{hint}'
        at = context.parsed.at("Fleet", context.fleet_name, "puppet", "module_version")
        yield error("Unknown Puppet module version", detail, at)


def somebody_is_trusted(context: CheckContext) -> Iterator[Diagnostic]:
    """Reports are accepted from somewhere, and not from everywhere."""
    if context.fleet_name is None:
        return
    networks = context.tree.fleet.provisioning.trusted_networks
    at = context.parsed.at("Fleet", context.fleet_name, "provisioning", "trusted_networks")
    if not networks:
        detail = "provisioning.trusted_networks is empty, so no machine may report or boot. Name their network."
        yield error("No trusted network", detail, at)
    for index, network in enumerate(networks):
        if network.prefixlen == 0:
            detail = f"{network} is everybody: any host that reaches this server could report and ask for classes."
            at = context.parsed.at("Fleet", context.fleet_name, "provisioning", "trusted_networks", index)
            yield error("Everybody is trusted", detail, at)


def bmc_networks_hold_together(context: CheckContext) -> Iterator[Diagnostic]:
    """BMC networks have names of their own, gateways inside, and one of them for each boot network."""
    if (fleet := context.fleet_name) is None:
        return
    networks = context.tree.fleet.bmc.networks
    for index, network in enumerate(networks):
        at = context.parsed.at("Fleet", fleet, "bmc", "networks", index, "gateway")
        if network.gateway is not None and network.gateway not in network.subnet:
            detail = f'Gateway {network.gateway} of BMC network "{network.name}" is outside {network.subnet}.'
            yield error("Gateway outside its subnet", detail, at)
    for (_, first), (index, second) in combinations(enumerate(networks), 2):
        path = ("bmc", "networks", index)
        if first.name == second.name:
            detail = f'Two BMC networks are called "{first.name}". Rename one.'
            yield error("Duplicate name", detail, context.parsed.at("Fleet", fleet, *path, "name"))
        if first.for_machines_in == second.for_machines_in:
            detail = f'"{first.name}" and "{second.name}" are both for machines in {first.for_machines_in}. Keep one.'
            yield error("Ambiguous BMC network", detail, context.parsed.at("Fleet", fleet, *path, "for_machines_in"))


def boot_networks_hold_together(context: CheckContext) -> Iterator[Diagnostic]:
    """Who boots somewhere may report from there; gateway and range are inside, and no address is in two networks."""
    if (fleet := context.fleet_name) is None:
        return
    given = context.tree.fleet.provisioning
    for index, network in enumerate(given.boot.networks):
        path = ("provisioning", "boot", "networks", index)
        if not any(network.subnet.subnet_of(trusted) for trusted in given.trusted_networks):
            detail = f"Machines that boot in {network.subnet} could not report: it is in no trusted network. Add it."
            yield error("Boot network is not trusted", detail, context.parsed.at("Fleet", fleet, *path, "subnet"))
        inside = [("gateway", network.gateway)]
        if network.range:
            inside += [("range", network.range.first), ("range", network.range.last)]
            if network.range.last < network.range.first:
                detail = f"The range ends at {network.range.last}, before {network.range.first} where it begins."
                yield error("Empty range", detail, context.parsed.at("Fleet", fleet, *path, "range"))
        for what, address in inside:
            if address is not None and address not in network.subnet:
                detail = f"{address}, in the {what} of boot network {network.subnet}, is outside of it."
                yield error("Address outside its subnet", detail, context.parsed.at("Fleet", fleet, *path, what))
        if other := next((o for o in given.boot.networks[:index] if o.subnet.overlaps(network.subnet)), None):
            detail = f"Boot networks {other.subnet} and {network.subnet} overlap. Keep one."
            yield error("Overlapping boot networks", detail, context.parsed.at("Fleet", fleet, *path, "subnet"))


def interfaces_are_renamed(context: CheckContext) -> Iterator[Diagnostic]:
    """The live system gives interfaces names that nodes can have, too."""
    words = context.tree.fleet.provisioning.boot.kernel_arguments
    if context.fleet_name is None or NO_RENAMING not in words:
        return
    detail = (
        f"With {NO_RENAMING} the live system reports eth0, eth1 and so on, in the order in which its kernel finds "
        "them. A node's kernel may find them in another. The installer image tells the node's kernel the same word. "
        "The installer debian cannot, and refuses such machines. Take it out, and have machines boot the live system "
        "anew."
    )
    path = ("provisioning", "boot", "kernel_arguments", words.index(NO_RENAMING))
    yield warning("Interfaces are not renamed", detail, context.parsed.at("Fleet", context.fleet_name, *path))


def locations_are_reached(context: CheckContext) -> Iterator[Diagnostic]:
    """Where switches give locations, each location has one; else nothing would ever be placed there."""
    switches = [place for racking in context.tree.rackings.values() for place in racking.switches.values()]
    if not context.parsed.complete or not switches:
        return
    reached = {place.location for place in switches} | {m.location for m in context.tree.machines.values()}
    for name in context.tree.locations.keys() - reached:
        detail = f'No switch and no Machine is in location "{name}". Name it in the Racking, or remove it.'
        yield warning("Location without machines", detail, context.parsed.at_name("Location", name))


CHECKS: tuple[Check, ...] = (
    windows_can_open,
    puppet_module_is_known,
    somebody_is_trusted,
    bmc_networks_hold_together,
    boot_networks_hold_together,
    interfaces_are_renamed,
    locations_are_reached,
)
