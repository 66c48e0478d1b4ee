"""``auto-racking.json`` as Locations and a Racking."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .machines import OciMachine
from .yaml_documents import Noted, SpecDocument, Tree

_NUMBER = re.compile(r"(.*?)([0-9]+)")


def racking(
    config: Mapping[str, Any], locations: set[str] | None = None, name: str = "racks"
) -> tuple[SpecDocument, set[str]]:
    """Switches, ports and server sizes; and the locations of switches that were left out.

    Args:
        config: The file.
        locations: Those that exist, where that is known.
        name: Of the document.
    """
    named = locations_named(config)
    unknown = set() if locations is None else named - locations
    spec: dict[str, Any] = {
        "switches": {switch: _place(place, unknown) for switch, place in _table(config, "switchhostnames").items()},
        "ports": _ports({port: int(unit) for port, unit in _table(config, "switchportnames").items()}),
        "products": {
            product: {"height": int(size.get("num-u", 1))} for product, size in _table(config, "productnames").items()
        },
    }
    return SpecDocument("Racking", name, {key: value for key, value in spec.items() if value}), unknown


def locations_named(config: Mapping[str, Any]) -> set[str]:
    """Every location that switches put machines in."""
    places = _table(config, "switchhostnames").values()
    return {place["location-name"] for place in places if place.get("location-name")}


def _table(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = config.get(key, {})
    if not isinstance(table, Mapping):
        raise ValueError(f'"{key}" is not an object')
    return table


def _place(place: Mapping[str, Any], unknown: set[str]) -> dict[str, Any]:
    found = {"dc": str(place["dc"]), "row": str(place["row"]), "rack": str(place["rack"])}
    for ours, theirs in (("location", "location-name"), ("compute_aggregate", "compute-aggregate")):
        if place.get(theirs) and place[theirs] not in unknown:
            found[ours] = str(place[theirs])
    return found


def _ports(units: Mapping[str, int]) -> dict[str, Any]:
    """A pattern for names whose number is the unit, and a map of the others."""
    regular = {prefix for port, unit in units.items() if (prefix := _prefix(port, unit)) is not None}
    usual = {p for p in regular if all(_prefix(port, unit) == p for port, unit in units.items() if _stem(port) == p)}
    rest = {port: unit for port, unit in units.items() if _stem(port) not in usual}
    found: dict[str, Any] = {}
    if usual:
        stems = "|".join(re.escape(stem) for stem in sorted(usual))
        pattern = f"({stems})" if len(usual) > 1 else stems
        note = "OCI's table named the ports up to " + str(max(u for p, u in units.items() if p not in rest)) + "."
        found["pattern"] = Noted(f"{pattern}(?P<unit>[0-9]{{1,2}})", note)
    if rest:
        found["map"] = rest
    return found


def _stem(port: str) -> str | None:
    found = _NUMBER.fullmatch(port)
    return found[1] if found else None


def _prefix(port: str, unit: int) -> str | None:
    found = _NUMBER.fullmatch(port)
    return found[1] if found and found[2] == str(unit) else None


def _by_switch(machines: Iterable[OciMachine]) -> dict[str, set[str]]:
    """The locations of the machines that hear each switch."""
    heard: dict[str, set[str]] = {}
    for machine in machines:
        if machine.hardware and machine.role and machine.location:
            for switch in filter(None, (nic.switch for nic in machine.hardware.nics)):
                heard.setdefault(switch, set()).add(machine.location)
    return heard


def stand_where_oci_says(tree: Tree, machines: Iterable[OciMachine]) -> list[str]:
    """Let switches put machines where OCI's operators put them; and say where that is not one place.

    OCI's machines have the location that somebody gave them, and its auto-racking.json may say another. Where all the
    machines that hear a switch are in one place, the switch is there: one rule instead of a document per machine.
    """
    said: list[str] = []
    heard = _by_switch(machines)
    for document in (one for some in tree.files.values() for one in some if one.kind == "Racking"):
        switches = document.spec["switches"]
        for switch, places in heard.items():
            if switch not in switches:
                continue
            before = switches[switch].get("location")
            if len(places) == 1 and places != {before}:
                (place,) = places
                moved = {**switches[switch], "location": place}
                note = f"OCI's auto-racking.json said {before}; the machines there are in {place}."
                switches[switch] = Noted(moved, note) if before else moved
            elif len(places) > 1:
                said.append(f"machines that hear the switch {switch} are in {', '.join(sorted(places))}")
    return said
