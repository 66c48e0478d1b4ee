"""A whole spec tree, checked, with the place every value came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .bmc import is_nobodys
from .diagnostics import Location
from .kinds import (
    ClusterSpec,
    EncOverlaySpec,
    FleetSpec,
    HardwareProfileSpec,
    LocationSpec,
    MachineSpec,
    RackingSpec,
    RepositorySpec,
    RoleSpec,
)
from .machine import Seen
from .settings import SettingsTable

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class SpecTree:
    """Everything that operators wrote. Made by ``specs.loader``; every name in it exists."""

    fleet: FleetSpec
    locations: Mapping[str, LocationSpec] = field(default_factory=dict)
    rackings: Mapping[str, RackingSpec] = field(default_factory=dict)
    repositories: Mapping[str, RepositorySpec] = field(default_factory=dict)
    profiles: Mapping[str, HardwareProfileSpec] = field(default_factory=dict)
    clusters: Mapping[str, ClusterSpec] = field(default_factory=dict)
    machines: Mapping[str, MachineSpec] = field(default_factory=dict)
    roles: Mapping[str, RoleSpec] = field(default_factory=dict)
    overlays: Mapping[str, EncOverlaySpec] = field(default_factory=dict)
    places: Mapping[tuple[str, str], Mapping[Path, Location]] = field(default_factory=dict, repr=False, compare=False)
    settings_table: SettingsTable = field(default_factory=dict, repr=False, compare=False)
    """Has a row for every setting in it."""

    @cached_property
    def fleet_name(self) -> str:
        """The name of the Fleet document."""
        return next((name for kind, name in self.places if kind == "Fleet"), "fleet")

    def bmc_address(self, serial: str, seen: Seen | None) -> str | None:
        """Where a machine's BMC is: as its agent says, its document, or a report before; None: none of them says so."""
        pin = self.machines.get(serial)
        now, before = (seen.hardware.bmc_address, seen.hardware.bmc_address_before) if seen else (None, None)
        said = (now, str(pin.bmc.address) if pin and pin.bmc.address else None, before)
        server = self.fleet.provisioning.address
        return next((address for address in said if address and not is_nobodys(address, server)), None)

    def place_in_fleet(self, *path: str | int) -> Location | None:
        """Where the Fleet's value at ``path`` is written, or else what holds it."""
        return self.place("Fleet", self.fleet_name, *path)

    def place(self, kind: str, name: str, *path: str | int) -> Location | None:
        """Where the value at ``path`` below a document's ``spec`` is written, or else what holds it."""
        places = self.places.get((kind, name))
        if places is None:
            return None
        while path not in places and path:
            path = path[:-1]
        return places.get(path)
