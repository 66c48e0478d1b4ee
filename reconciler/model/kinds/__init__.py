"""Documents that operators write: one pydantic model per kind, strict and frozen.

A document is ``{apiVersion, kind, metadata: {name}, spec}``; ``KINDS`` maps each kind to the model of its ``spec``.
"""

from .base import Strict
from .boot import BootNetwork, NetworkBoot
from .cluster import NETWORK_ROLES, Api, ClusterSpec, Links, Network, NetworkRange, RolePool
from .fleet import (
    BmcNetwork,
    BmcSettings,
    FleetSpec,
    Hooks,
    InstallPolicy,
    Mirrors,
    Policy,
    Provisioning,
    PuppetSettings,
    Release,
    Window,
)
from .machine import EncOverlaySpec, Lifecycle, MachineBmc, MachineSpec, RoleSpec, Selector
from .places import LocationSpec, Ports, ProductSize, RackingSpec, SwitchPlace
from .profile import PLACEHOLDERS, CpuRule, DiskRule, HardwareProfileSpec, MatchRule, NumberRange, SizeRange
from .repository import RepositorySpec
from .rings import RingPolicy, RingsSpec

KINDS: dict[str, type[Strict]] = {
    "Fleet": FleetSpec,
    "Location": LocationSpec,
    "Racking": RackingSpec,
    "Repository": RepositorySpec,
    "HardwareProfile": HardwareProfileSpec,
    "Cluster": ClusterSpec,
    "Machine": MachineSpec,
    "Role": RoleSpec,
    "EncOverlay": EncOverlaySpec,
}

__all__ = [
    "KINDS",
    "NETWORK_ROLES",
    "PLACEHOLDERS",
    "Api",
    "BmcNetwork",
    "BmcSettings",
    "BootNetwork",
    "ClusterSpec",
    "CpuRule",
    "DiskRule",
    "EncOverlaySpec",
    "FleetSpec",
    "HardwareProfileSpec",
    "Hooks",
    "InstallPolicy",
    "Lifecycle",
    "Links",
    "LocationSpec",
    "MachineBmc",
    "MachineSpec",
    "MatchRule",
    "Mirrors",
    "Network",
    "NetworkBoot",
    "NetworkRange",
    "NumberRange",
    "Policy",
    "Ports",
    "ProductSize",
    "Provisioning",
    "PuppetSettings",
    "RackingSpec",
    "Release",
    "RepositorySpec",
    "RingPolicy",
    "RingsSpec",
    "RolePool",
    "RoleSpec",
    "Selector",
    "SizeRange",
    "Strict",
    "SwitchPlace",
    "Window",
]
