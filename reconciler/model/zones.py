"""Swift's numbers for zones and regions. Rings on disk hold them, so they must not change."""

import re
from collections.abc import Mapping

from .kinds import LocationSpec


def swift_zone_id(locations: Mapping[str, LocationSpec], name: str) -> int:
    """The Swift zone of a location.

    As written, else the number that the name ends with, else its place among the names
    in alphabetical order. The last shifts when a location is added: ``unstable_zones``
    finds those.
    """
    written = locations[name].swift_zone if name in locations else None
    return written or _number_at_end(name) or _place(name, locations)


def swift_region_id(locations: Mapping[str, LocationSpec], name: str) -> int:
    """The Swift region of a location, by the same rule on the names of regions."""
    if name not in locations:
        return 1
    region = locations[name].swift_region
    written = (loc.swift_region_number for loc in locations.values() if loc.swift_region == region)
    number = next((n for n in written if n is not None), None)
    return number or _number_at_end(region) or _place(region, {loc.swift_region for loc in locations.values()})


def unstable_zones(locations: Mapping[str, LocationSpec]) -> tuple[str, ...]:
    """Locations whose Swift zone rests on the names of the others."""
    return tuple(name for name, loc in locations.items() if not (loc.swift_zone or _number_at_end(name)))


def _number_at_end(name: str) -> int:
    found = re.search(r"[0-9]{1,6}$", name)
    return int(found[0]) if found else 0


def _place(name: str, among: "Mapping[str, LocationSpec] | set[str]") -> int:
    return sorted({*among, name}).index(name) + 1
