"""The tunables that plans depend on, and the value in force for one machine."""

from collections.abc import Mapping
from typing import Final

from ..model.machine import Allocation
from ..model.spec.base import SettingValue
from ..model.tree import SpecTree
from .candidates import UNPINNED

DEFAULTS: Final[Mapping[str, SettingValue]] = {
    "asn": 0,
    "bgp_to_the_host": False,
    "brex_macaddr": "none",
    "compute_is_cephosd": False,
    "force_frr": False,
    "force_frr_nic1": "ens4",
    "force_frr_nic2": "ens5",
    "force_frr_vlan": 10,
    "force_no_bgp2host": False,
    "kernel_from_backports": False,
    "nested_openstack": False,
    "serial_console_dev": "ttyS1",
    "swift_min_part_hours": 1,
    "swift_part_power": 19,
    "swift_replicas": 3,
    "use_ovs_ifaces": False,
}
"""What holds where nobody says otherwise; a test holds them against the settings table."""


def tunable(spec: SpecTree, name: str, *, cluster: str, role: str, profile: str, serial: str) -> SettingValue:
    """The narrowest value: fleet < cluster < role < profile < machine."""
    levels = [spec.fleet.settings]
    if of_cluster := spec.clusters.get(cluster):
        levels.append(of_cluster.settings)
        if role in of_cluster.roles:
            levels.append(of_cluster.roles[role].settings)
    if profile in spec.profiles:
        levels.append(spec.profiles[profile].settings)
    levels.append(spec.machines.get(serial, UNPINNED).settings)
    return next((level[name] for level in reversed(levels) if name in level), DEFAULTS[name])


class Tunables:
    """The tunables of one machine in its place."""

    def __init__(self, spec: SpecTree, serial: str, held: Allocation) -> None:
        self._spec, self._serial, self._held = spec, serial, held

    def __getitem__(self, name: str) -> SettingValue:
        held = self._held
        return tunable(
            self._spec, name, cluster=held.cluster, role=held.role, profile=held.profile, serial=self._serial
        )

    def is_on(self, name: str) -> bool:
        return self[name] is True

    def text(self, name: str) -> str | None:
        """A text; None where it is the word none."""
        value = self[name]
        return value if isinstance(value, str) and value != "none" else None

    def number(self, name: str) -> int:
        value = self[name]
        return value if isinstance(value, int) else 0
