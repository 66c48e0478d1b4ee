"""Addresses of BMCs, and whether a machine's BMC is as the fleet wants it.

A BMC's network follows from where its machine booted: the narrowest ``bmc.networks`` entry with the machine's own
address in ``for_machines_in``. There it gets, in this order:

* the address it was given before;
* the one it has, if that lies in the network and no other machine reports it: adopted, nothing is renumbered;
* the lowest that is free.

An address that DHCP hands out to machines that boot, as the specs say, is neither adopted nor given.

A machine that no network is for keeps its BMC's address, and gets the login only.

A machine in service calls from other networks; its BMC stays in the network that it was given.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, ip_address

from ..model.actions import ChangeBmc, ConfigureBmc
from ..model.boot_pools import named_servers, routers, written_ranges
from ..model.kinds import BmcNetwork, Lifecycle
from ..model.machine import Allocation, MachineView, Observation
from ..model.plan import Act, Step, Wait
from ..model.reasons import Reason
from ..model.tree import SpecTree


class BmcBook:
    """Who has which BMC address. One book serves one plan, and only grows."""

    def __init__(self, spec: SpecTree, observed: Observation) -> None:
        self._settings, self._machines = spec.fleet.bmc, spec.machines
        self._owners: dict[str, set[str]] = defaultdict(set)  # serials by address; more than one: a conflict
        self._given = {m.serial: m.history.bmc.address for m in observed.machines if m.history.bmc.address}
        self._free: dict[str, Iterator[IPv4Address]] = {}  # network -> what was not looked at; a book only grows
        for m in observed.machines:
            if (reported := _reported(m) or _before(m)) is not None:
                self._owners[reported].add(m.serial)
        for serial, pin in spec.machines.items():
            if pin.bmc.address is not None and pin.lifecycle is not Lifecycle.DECOMMISSIONED:
                self._owners[str(pin.bmc.address)].add(serial)
        for serial, address in self._given.items():
            self._owners[address].add(serial)
        for no_bmcs in self._others(spec):
            self._owners[no_bmcs].add("")
        self._dhcp = written_ranges(spec.fleet)

    def _others(self, spec: SpecTree) -> Iterator[str]:
        """This server, gateways, and servers that the specs name; a BMC given or pinned to such an address has it."""
        yield str(spec.fleet.provisioning.address)
        gateways = (network.gateway for network in self._settings.networks if network.gateway is not None)
        yield from map(str, (*gateways, *routers(spec.fleet)))
        pinned = {str(pin.bmc.address) for pin in spec.machines.values()}
        yield from set(map(str, named_servers(spec.fleet, spec.clusters))) - pinned - {*self._given.values()}

    def wanted(self, m: MachineView, generation: int) -> ConfigureBmc | Wait:
        """What the machine's BMC should be; a wait where its network is full. The address is taken from here on."""
        network = self._network_for(m)
        if network is None:
            return ConfigureBmc(
                serial=m.serial, generation=generation, username=self._settings.username, rotate=self._rotation(m)
            )
        address = self._address(m, network)
        if address is None:
            return _full(m, network)
        self._owners[address].add(m.serial)
        return ConfigureBmc(
            serial=m.serial,
            generation=generation,
            username=self._settings.username,
            address=address,
            network=str(network.subnet),
            gateway=str(network.gateway) if network.gateway else None,
            vlan=network.vlan,
            network_name=network.name,
            rotate=self._rotation(m),
        )

    def change(self, m: MachineView, generation: int) -> ChangeBmc | Wait | None:
        """What is to be changed of a BMC that lets us in; None: nothing. The address is taken from here on."""
        has, pending, rotate = m.history.bmc.set_to, m.history.bmc.change, self._rotation(m)
        change = ChangeBmc(
            serial=m.serial,
            generation=generation,
            username=has.username if has else self._settings.username,
            rotate=rotate if has is None or rotate != has.rotate else None,
            maybe_at=pending.address if pending else None,
        )
        if has is not None and (network := self._network_of(has)) is not None:
            address = self._address(m, network)
            if address is None:
                return _full(m, network)
            self._owners[address].add(m.serial)
            moved = replace(
                change,
                address=address,
                network=str(network.subnet),
                gateway=str(network.gateway) if network.gateway else None,
                vlan=network.vlan,
                network_name=network.name,
            )
            if not _same(has, moved) or change.maybe_at:
                change = moved
        return change if change.rotate is not None or change.address is not None else None

    def _rotation(self, m: MachineView) -> str | None:
        """The request for a new password that counts for this machine's BMC."""
        pin = self._machines.get(m.serial)
        return (pin.bmc.rotate if pin else None) or self._settings.rotate

    def _network_of(self, has: ConfigureBmc) -> BmcNetwork | None:
        """The network that a BMC was given its address in, as the fleet has it now."""
        if has.address is None:
            return None
        for network in self._settings.networks:
            if network.name == has.network_name:
                return network
        fitting = [network for network in self._settings.networks if ip_address(has.address) in network.subnet]
        return max(fitting, key=lambda network: network.subnet.prefixlen, default=None)

    def _network_for(self, m: MachineView) -> BmcNetwork | None:
        if m.seen is None or not m.seen.live_address:
            return None
        booted = ip_address(m.seen.live_address)
        fitting = [network for network in self._settings.networks if booted in network.for_machines_in]
        return max(fitting, key=lambda network: (network.for_machines_in.prefixlen, network.name), default=None)

    def _address(self, m: MachineView, network: BmcNetwork) -> str | None:
        for known in (self._given.get(m.serial), _reported(m) or _before(m)):
            if known is not None and self._is_good(known, m.serial, network):
                return known
        free = self._free.setdefault(network.name, network.subnet.hosts())
        return next((str(one) for one in free if not self._owners.get(str(one)) and not self._is_dhcps(one)), None)

    def _is_dhcps(self, address: IPv4Address) -> bool:
        return any(int(address) in taken for taken in self._dhcp)

    def _is_good(self, address: str, serial: str, network: BmcNetwork) -> bool:
        """Whether it lies in the network, and nobody else has a claim on it."""
        at = ip_address(address)
        if at not in network.subnet or at in (network.subnet.network_address, network.subnet.broadcast_address):
            return False
        if self._given.get(serial) != address and self._is_dhcps(IPv4Address(address)):
            return False
        others = self._owners[address] - {serial}
        if self._given.get(serial) == address:  # a report alone does not take away what was given
            others = {other for other in others if not other or self._given.get(other) == address}
        return not others


def configure_bmc(m: MachineView, allocation: Allocation, book: BmcBook | None, tired: Wait | None) -> Step | None:
    """Set the machine's BMC up, where the fleet manages BMCs and it is not as it should be; None: it is.

    Args:
        m: A machine that runs the live system.
        allocation: What it was given.
        book: Of addresses; None where the fleet does not manage BMCs.
        tired: What to do instead, where the action succeeded again and again without effect.
    """
    if book is None or not _has_bmc(m):
        return None
    wanted = book.wanted(m, allocation.generation)
    if isinstance(wanted, Wait):
        return wanted
    has, reported = m.history.bmc.set_to, _reported(m)
    rotated = has is not None and wanted.rotate in (None, has.rotate)
    if has is not None and rotated and _same(has, wanted) and reported in (None, wanted.address or reported):
        return None
    return tired or Act(wanted, Reason.BMC_DIFFERS, _because(has, wanted, reported))


def _has_bmc(m: MachineView) -> bool:
    assert m.seen is not None
    return bool(m.seen.hardware.bmc_firmware or m.seen.hardware.bmc_address)


def _full(m: MachineView, network: BmcNetwork) -> Wait:
    on = f"a free address for its BMC: network {network.name} ({network.subnet}) is full"
    return Wait(m.serial, Reason.NOTHING_FREE, on)


def _same(one: ConfigureBmc, other: ConfigureBmc | ChangeBmc) -> bool:
    """Whether two actions set a BMC up alike. A new generation changes nothing: a BMC outlives its machine's name."""
    return (one.username, one.address, one.network, one.gateway, one.vlan) == (
        other.username, other.address, other.network, other.gateway, other.vlan
    )  # fmt: skip


def _because(has: ConfigureBmc | None, wanted: ConfigureBmc, reported: str | None) -> str:
    if has is None:
        return "nobody has set its BMC's login yet"
    if wanted.address and reported != wanted.address:
        return f"its BMC should have the address {wanted.address}, and reports {reported}"
    return "the fleet wants other BMC settings than it was given"


def _reported(m: MachineView) -> str | None:
    """The IPv4 address that its agent says its BMC has."""
    return _version_4(m.seen.hardware.bmc_address if m.seen else None)


def _before(m: MachineView) -> str | None:
    """The IPv4 address that its BMC had when its agent last heard it."""
    return _version_4(m.seen.hardware.bmc_address_before if m.seen else None)


def _version_4(text: str | None) -> str | None:
    return text if text and isinstance(ip_address(text), IPv4Address) else None
