"""``Location`` and ``Racking``: where machines stand."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated

from pydantic import Field, StrictInt

from ..switches import labels, switch_meant
from .base import Label, Strict


class LocationSpec(Strict):
    """An availability zone, with its own networks."""

    swift_region: str = Field(default="datacenter-1", description="the Swift region that this location is a zone of")
    swift_zone: StrictInt | None = Field(
        default=None, ge=1, description="the zone's number in Swift's rings; default: the number its name ends with"
    )
    swift_region_number: StrictInt | None = Field(
        default=None, ge=1, description="the region's number in Swift's rings; default: the number its name ends with"
    )


class SwitchPlace(Strict):
    """Where a top-of-rack switch stands, and so the machines that see it over LLDP."""

    dc: str
    row: str
    rack: str
    location: Label | None = None
    compute_aggregate: str | None = None


class Ports(Strict):
    """How a switch port's name gives the rack unit."""

    pattern: str | None = Field(
        default=None,
        description="regular expression with a group named unit, matched against the whole port name, or the port's "
        "identifier or description where it is not the name; in RE2's syntax, "
        "without look-around and back-references",
    )
    map: Mapping[str, Annotated[StrictInt, Field(ge=1, le=60)]] = Field(
        default_factory=dict, description="port name, identifier or description -> rack unit; wins over the pattern"
    )


class ProductSize(Strict):
    """The size of a server model."""

    height: StrictInt = Field(default=1, ge=1, le=50, description="rack units")


class RackingSpec(Strict):
    """Switches, their ports, and server sizes: LLDP neighbours become places in racks."""

    switches: Mapping[str, SwitchPlace] = Field(default_factory=dict)
    ports: Ports = Ports()
    products: Mapping[str, ProductSize] = Field(default_factory=dict)

    def place_of(self, switch: str) -> SwitchPlace | None:
        """Where the switch stands that is meant by a name; None: none of these is."""
        meant = switch_meant(switch, self.alike(switch))
        return self.switches[meant] if meant is not None else None

    def alike(self, switch: str) -> Sequence[str]:
        """The switches whose names begin as another name does: without its domain, and without case."""
        return self._by_host.get(labels(switch)[0], ())

    @cached_property
    def _by_host(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for name in self.switches:
            found.setdefault(labels(name)[0], []).append(name)
        return found
