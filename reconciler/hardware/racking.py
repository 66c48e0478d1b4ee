"""The place of a machine, from the switch and port that its network interfaces hear over LLDP."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..model.hardware import Hardware, Nic, Racked, Unracked
from ..model.kinds import Ports, RackingSpec, SwitchPlace
from ..model.patterns import group_in
from ..model.switches import switch_meant


def rack(hardware: Hardware, rackings: Mapping[str, RackingSpec]) -> Racked | Unracked:
    """The place of the first network interface, as reported, whose switch and port are known.

    A known switch with an unknown port still gives the rack, without the unit. Switches of two racks give the first
    one's place, with a doubt that says so.
    """
    heard = [nic for nic in hardware.nics if nic.switch is not None]
    if not heard:
        return Unracked("no network interface hears a switch over LLDP")
    found = list(_places(hardware, heard, rackings))
    if not found:
        names = ", ".join(sorted({str(nic.switch) for nic in heard}))
        return Unracked(f"no Racking knows the switch {names}")
    first = next((place for place in found if isinstance(place, Racked) and place.unit is not None), found[0])
    if isinstance(first, Unracked):
        return first
    other = next((p for p in found if isinstance(p, Racked) and _where(p) != _where(first)), None)
    if other is None:
        return first
    return replace(
        first, doubt=f"switch {first.switch} is in {_rack_words(first)}, but {other.switch} in {_rack_words(other)}"
    )


def _places(hardware: Hardware, heard: list[Nic], rackings: Mapping[str, RackingSpec]) -> Iterator[Racked | Unracked]:
    for nic in heard:
        switch = str(nic.switch)
        known = {alike: name for name in sorted(rackings, reverse=True) for alike in rackings[name].alike(switch)}
        meant = switch_meant(switch, known)
        if meant is not None:
            racking = rackings[known[meant]]
            yield _place(hardware, nic, racking, known[meant], racking.switches[meant])


def _place(hardware: Hardware, nic: Nic, racking: RackingSpec, name: str, place: SwitchPlace) -> Racked | Unracked:
    """The place beside a switch, in the unit that its port stands for; unracked where the product's height is unknown.

    Args:
        hardware: Of the machine.
        nic: The interface that heard the switch.
        racking: The document that knows the switch.
        name: Of that document.
        place: Of the switch in it.
    """
    size = racking.products.get(hardware.product)
    if size is None and racking.products:
        return Unracked(f'Racking "{name}" does not say how high the product "{hardware.product}" is')
    port, unit = _port(racking.ports, nic)
    return Racked(
        dc=place.dc,
        row=place.row,
        rack=place.rack,
        unit=unit,
        height=size.height if size else 1,
        location=place.location,
        compute_aggregate=place.compute_aggregate,
        switch=str(nic.switch),
        port=port,
    )


def _port(ports: Ports, nic: Nic) -> tuple[str, int | None]:
    """The name of the switch's port that stands for a unit, and that unit; the first name where none does."""
    names = (nic.port or "", *nic.port_also)
    return next(((name, unit) for name in names if (unit := _unit(ports, name)) is not None), (names[0], None))


def _unit(ports: Ports, port: str) -> int | None:
    if port in ports.map:
        return ports.map[port]
    digits = group_in(ports.pattern, "unit", port) if ports.pattern else None
    return int(digits) if digits and re.fullmatch(r"[0-9]{1,3}", digits) else None


def _where(place: Racked) -> tuple[str, str, str]:
    return place.dc, place.row, place.rack


def _rack_words(place: Racked) -> str:
    return f"rack {place.rack} of row {place.row} in datacenter {place.dc}"
