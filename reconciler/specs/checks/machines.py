"""Machines by name: where they are put, and whose place they take."""

from collections.abc import Iterator, Mapping

from ...model.bmc import is_nobodys
from ...model.diagnostics import Diagnostic
from ...model.kinds import ClusterSpec, Lifecycle, MachineSpec, Network
from .context import Check, CheckContext, error, warning
from .networks import serves


def pins_are_complete(context: CheckContext) -> Iterator[Diagnostic]:
    """A machine put somewhere is put into a pool that its cluster has."""
    for serial, machine in context.tree.machines.items():
        if machine.cluster is None and machine.address is not None:
            detail = f'"{serial}" has a fixed address and no cluster whose network it is on. Add "cluster".'
            yield error("Address without a cluster", detail, context.parsed.at("Machine", serial, "address"))
        cluster = context.tree.clusters.get(machine.cluster) if machine.cluster else None
        if cluster and machine.role and machine.role not in cluster.roles and machine.role in context.roles:
            detail = f'"{serial}" is to be {machine.role} in "{machine.cluster}", which asks for no such machines.'
            if machine.lifecycle is not Lifecycle.DECOMMISSIONED:
                yield error(
                    "Role that the cluster does not ask for", detail, context.parsed.at("Machine", serial, "role")
                )
        profile = context.tree.profiles.get(machine.profile) if machine.profile else None
        if profile and machine.role and profile.role != machine.role:
            detail = (
                f'"{serial}" is to be {machine.role} with profile "{machine.profile}", which is for {profile.role}. '
                "Take one of them out, or another profile."
            )
            yield error("Profile of another role", detail, context.parsed.at("Machine", serial, "profile"))


def fixed_addresses_are_usable(context: CheckContext) -> Iterator[Diagnostic]:
    """A fixed address is a free host address of the machine's management network, and given once."""
    taken: dict[object, str] = {}
    for serial, machine in context.tree.machines.items():
        cluster = context.tree.clusters.get(machine.cluster) if machine.cluster else None
        if machine.address is None or cluster is None:
            continue
        at = context.parsed.at("Machine", serial, "address")
        if problem := _address_problem(machine, cluster):
            yield error("Address not usable", f'{machine.address} of "{serial}" {problem}', at)
        other = taken.setdefault(machine.address, serial)
        if other != serial and not _succeeds(context, serial, other):
            detail = f'{machine.address} is given to "{other}" and to "{serial}". Change one, or remove it.'
            yield error("Same address twice", detail, at)


def _address_problem(machine: MachineSpec, cluster: ClusterSpec) -> str | None:
    """What is wrong with a machine's fixed address in its cluster, as the end of a sentence."""
    role, address = machine.role or "", machine.address
    fitting = {n: net for n, net in cluster.networks.items() if _may_serve(net, role, machine.location)}
    for name, network in fitting.items():
        subnet = network.subnet
        if address not in subnet:
            continue
        gateway = network.gateway or (next(subnet.hosts(), None) if subnet.prefixlen < 31 else None)
        if address == gateway:
            return f'is the gateway of network "{name}". Take another.'
        if subnet.prefixlen < 31 and address in (subnet.network_address, subnet.broadcast_address):
            return f'is no host address of network "{name}" ({subnet}). Take another.'
        return None
    names = ", ".join(f'"{name}" ({network.subnet})' for name, network in fitting.items()) or "none"
    return f'is on none of the management networks it may have in "{machine.cluster}": {names}.'


def _may_serve(network: Network, role: str, location: str | None) -> bool:
    """Whether a machine may have its management address on the network; one whose role is not written may have any."""
    return serves(network, role or network.role, location)


def _succeeds(context: CheckContext, one: str, other: str) -> bool:
    machines = context.tree.machines
    return machines[one].replaces == other or machines[other].replaces == one


def bmcs_are_distinct(context: CheckContext) -> Iterator[Diagnostic]:
    """A BMC belongs to one machine."""
    taken: dict[object, str] = {}
    for serial, machine in context.tree.machines.items():
        if machine.bmc.address is None or machine.lifecycle is Lifecycle.DECOMMISSIONED:
            continue
        other = taken.setdefault(machine.bmc.address, serial)
        if other != serial:
            detail = f'{machine.bmc.address} is the BMC of "{other}" and of "{serial}". Change one, or remove it.'
            yield error("Same BMC twice", detail, context.parsed.at("Machine", serial, "bmc", "address"))


def bmcs_can_be_reached(context: CheckContext) -> Iterator[Diagnostic]:
    """An address that is nobody's is written for no BMC: it would not be used."""
    for serial, machine in context.tree.machines.items():
        address = machine.bmc.address
        if address is not None and is_nobodys(str(address), context.tree.fleet.provisioning.address):
            detail = f'{address} leads to no BMC of its own, so nobody asks "{serial}" there. Write another.'
            yield warning("Address of no BMC", detail, context.parsed.at("Machine", serial, "bmc", "address"))


def hostnames_are_distinct(context: CheckContext) -> Iterator[Diagnostic]:
    """A hostname of the operator's own is a full one, and given once."""
    taken: dict[str, str] = {}
    for serial, machine in context.tree.machines.items():
        if machine.hostname is None:
            continue
        at = context.parsed.at("Machine", serial, "hostname")
        if "." not in machine.hostname:
            detail = f'"{machine.hostname}" of "{serial}" has no domain. Write the full hostname.'
            yield error("Hostname without a domain", detail, at)
        other = taken.setdefault(machine.hostname, serial)
        if other != serial and not _succeeds(context, serial, other):
            detail = f'"{machine.hostname}" is given to "{other}" and to "{serial}". Change one, or remove it.'
            yield error("Same hostname twice", detail, at)


def replacements_are_one_to_one(context: CheckContext) -> Iterator[Diagnostic]:
    """A machine takes over from one other, nobody else does, and nothing goes in circles."""
    machines = context.tree.machines
    heirs: dict[str, str] = {}
    for serial, machine in machines.items():
        if machine.replaces is None:
            continue
        at = context.parsed.at("Machine", serial, "replaces")
        if machine.replaces == serial:
            yield error(
                "Machine replaces itself", f'"{serial}" cannot take over from itself. Name the old machine.', at
            )
            continue
        other = heirs.setdefault(machine.replaces, serial)
        if other != serial:
            detail = f'"{other}" and "{serial}" both replace "{machine.replaces}". Its name and addresses go to one.'
            yield error("Replaced twice", detail, at)
        if _goes_in_a_circle(machines, serial):
            detail = (
                f'"{serial}" replaces "{machine.replaces}", which in the end replaces "{serial}". Break the circle.'
            )
            yield error("Replacements go in a circle", detail, at)
        old = machines.get(machine.replaces)
        if old is not None and old.lifecycle is Lifecycle.ACTIVE and old.protected:
            detail = f'"{machine.replaces}" is protected and active, so "{serial}" cannot take over from it.'
            yield error("Protected machine replaced", detail, at)


def _goes_in_a_circle(machines: Mapping[str, MachineSpec], serial: str) -> bool:
    step, seen = serial, {serial}
    while step in machines and (before := machines[step].replaces) is not None and before not in seen:
        seen.add(before)
        step = before
    return step in machines and machines[step].replaces == serial and step != serial


def lifecycles_mean_something(context: CheckContext) -> Iterator[Diagnostic]:
    """A machine that leaves is not asked to be reinstalled."""
    for serial, machine in context.tree.machines.items():
        if machine.lifecycle is Lifecycle.DECOMMISSIONED and machine.reinstall is not None:
            detail = f'"{serial}" is decommissioned, so "reinstall" does nothing. Remove one of them.'
            yield warning(
                "Reinstall of a machine that leaves", detail, context.parsed.at("Machine", serial, "reinstall")
            )
        if machine.protected and machine.reinstall is not None:
            detail = f'"{serial}" is protected, so "reinstall" does nothing. Remove one of them.'
            yield warning("Reinstall of a protected machine", detail, context.parsed.at("Machine", serial, "reinstall"))


CHECKS: tuple[Check, ...] = (
    pins_are_complete,
    fixed_addresses_are_usable,
    bmcs_are_distinct,
    bmcs_can_be_reached,
    hostnames_are_distinct,
    replacements_are_one_to_one,
    lifecycles_mean_something,
)
