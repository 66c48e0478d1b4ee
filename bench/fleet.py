"""A fleet of any size, always the same: specs as YAML text, and what every machine reports.

Half of the clusters store objects, half compute. Machines stand in three locations, eighteen to a rack, under two
switches each. There are exactly as many machines of each profile as the clusters ask for, so a plan for the whole fleet
places all of them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from reconciler.simulator.hardware import CONTROLLER, PROXY, STORE, Model, RackedServer, disk_names, report

from .figures import Scale

ZONES = 3
PER_RACK = 18
NAMED_EVERY = 10
"""One machine in so many has a document of its own."""

_SSD = ("MTFDDAK480TDS", 480_103_981_056)
_NVME = ("KCD61LUL7T68", 7_681_501_126_656)
_MEGARAID = "MegaRAID SAS-3 3108 [Invader]"


@dataclass(frozen=True, slots=True)
class Kind:
    """One server model, the role it is bought for, and the ``disks`` of its profile."""

    role: str
    model: Model
    disks: str


_SYSTEM = "{size: {min: 400GB, max: 500GB}, count: {min: 2, max: 2}, raid: 1, by: software}"
_SYSTEM_240 = "{size: {min: 220GB, max: 250GB}, count: {min: 2, max: 2}, raid: 1, by: controller, options: [WB, RA]}"
_MIB = {"compute": 786_432, "cephosd": 262_144, "network": 131_072, "messaging": 131_072, "volume": 196_608}

KINDS: tuple[Kind, ...] = (
    Kind("controller", CONTROLLER, f"[{_SYSTEM_240}]"),
    Kind("swiftproxy", PROXY, f"[{_SYSTEM_240}, {{size: {{min: 900GB, max: 1TB}}, count: {{min: 1, max: 4}}}}]"),
    Kind(
        "swiftstore",
        STORE,
        "[{size: {min: 220GB, max: 250GB}, count: {min: 2, max: 2}, raid: 1, by: software}, "
        "{size: {min: 10TB, max: 14TB}, count: {min: 6, max: 12}}]",
    ),
    Kind("compute", Model("PowerEdge R650", _MIB["compute"], (_SSD, _SSD)), f"[{_SYSTEM}]"),
    Kind(
        "cephosd",
        Model("PowerEdge R750", _MIB["cephosd"], (_SSD, _SSD, *[_NVME] * 8)),
        f"[{_SYSTEM}, {{size: {{min: 7TB, max: 8TB}}, count: {{min: 4, max: 24}}}}]",
    ),
    Kind("network", Model("PowerEdge R450", _MIB["network"], (_SSD, _SSD)), f"[{_SYSTEM}]"),
    Kind("messaging", Model("PowerEdge R440", _MIB["messaging"], (_SSD, _SSD)), f"[{_SYSTEM}]"),
    Kind(
        "volume",
        Model("PowerEdge R740", _MIB["volume"], (_SSD, _SSD, _NVME), (_SSD[1], _NVME[1]), _MEGARAID),
        "[{size: {min: 400GB, max: 500GB}, count: {min: 2, max: 2}, raid: 1, by: controller}, "
        "{size: {min: 7TB, max: 8TB}, count: {min: 1}}]",
    ),
)
_KIND_OF = {kind.role: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Box:
    """One machine: what it is, where it stands, and the cluster that its document names."""

    number: int  # over the whole fleet
    role: str
    cluster: int
    zone: int  # from 1
    rack: int  # from 1, within its zone
    unit: int

    @property
    def serial(self) -> str:
        return f"B{self.number:06d}"

    @property
    def address(self) -> str:
        """On the provisioning network, from which it reports."""
        return f"172.17.{self.number >> 8}.{self.number & 255}"

    @property
    def bmc_address(self) -> str:
        """Its BMC's: on loopback, where nobody listens, so that no packet leaves the machine that measures."""
        return f"127.64.{self.number >> 8}.{self.number & 255}"

    @property
    def report(self) -> bytes:
        """What the stock agent posts for it."""
        model = _KIND_OF[self.role].model
        switches = (_switch(self.zone, self.rack, "a"), _switch(self.zone, self.rack, "b"))
        placed = RackedServer(self.serial, model, switches, f"swp{self.unit}", self.number)
        return json.dumps(report(placed, frozenset(disk_names(model)), self.bmc_address)).encode()


@dataclass(frozen=True)
class Fleet:
    """All machines, and the specs they belong to."""

    scale: Scale

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """All machines, by number."""
        standing = [0] * ZONES
        found: list[Box] = []
        for cluster in range(self.scale.clusters):
            for role, count in self.roles(cluster).items():
                for n in range(count):
                    zone = n % ZONES
                    rack, slot = divmod(standing[zone], PER_RACK)
                    standing[zone] += 1
                    found.append(Box(len(found) + 1, role, cluster, zone + 1, rack + 1, 2 * slot + 1))
        return tuple(found)

    def roles(self, cluster: int) -> dict[str, int]:
        """How many machines of which role a cluster asks for; all but the last count in threes, to be spread."""
        machines = self.scale.machines // self.scale.clusters
        if cluster % 2 == 0:
            return _filled({"controller": 3, "swiftproxy": _threes(machines, 4)}, "swiftstore", machines)
        some = {"network": _threes(machines, 3), "volume": _threes(machines, 4), "cephosd": _threes(machines, 12)}
        return _filled({"controller": 3, "messaging": 3, **some}, "compute", machines)

    def spec_files(self, named_every: int = NAMED_EVERY) -> dict[str, bytes]:
        """The spec tree, by path. One machine in ``named_every`` has a document."""
        files = {"fleet.yaml": _FLEET, "locations.yaml": "".join(map(_location, range(1, ZONES + 1)))}
        files["racking.yaml"] = "".join(self._rackings())
        for kind in KINDS:
            files[f"profiles/{kind.role}.yaml"] = _profile(kind)
        for cluster in range(self.scale.clusters):
            files[f"clusters/{name_of(cluster)}.yaml"] = _cluster(cluster, self.roles(cluster))
        for cluster in range(self.scale.clusters):
            named = [box for box in self.boxes if box.cluster == cluster and box.number % named_every == 0]
            files[f"machines/{name_of(cluster)}.yaml"] = "".join(map(_machine, named))
        return {path: text.encode() for path, text in files.items() if text}

    def _rackings(self) -> Iterator[str]:
        for zone in range(1, ZONES + 1):
            racks = sorted({box.rack for box in self.boxes if box.zone == zone})
            switches = "".join(
                f'    {_switch(zone, rack, side)}: {{dc: "{zone}", row: r{rack // 20}, rack: "{rack}", '
                f"location: zone-{zone}, compute_aggregate: AZ{zone}}}\n"
                for rack in racks
                for side in "ab"
            )
            yield _RACKING.format(zone=zone, switches=switches)


def name_of(cluster: int) -> str:
    """A cluster's name."""
    return f"c{cluster:02d}"


def _threes(machines: int, percent: int) -> int:
    return 3 * max(1, round(machines * percent / 300))


def _filled(some: dict[str, int], role: str, machines: int) -> dict[str, int]:
    return {**some, role: machines - sum(some.values())}


def _switch(zone: int, rack: int, side: str) -> str:
    return f"sw-z{zone}-{rack:03d}{side}"


_FLEET = """apiVersion: reconciler/v1
kind: Fleet
metadata: {name: bench}
spec:
  release: {openstack: epoxy, debian: trixie}
  provisioning: {address: 172.16.0.2, trusted_networks: [172.16.0.0/15, 127.0.0.0/8]}
  settings: {time_server_host: ntp.example.com}
  policy: {install: automatic, max_destructive: 50}
"""

_RACKING = """---
apiVersion: reconciler/v1
kind: Racking
metadata: {{name: zone-{zone}}}
spec:
  ports: {{pattern: 'swp(?P<unit>[0-9]+)'}}
  products:
    PowerEdge R430: {{height: 1}}
    PowerEdge R440: {{height: 1}}
    PowerEdge R450: {{height: 1}}
    PowerEdge R650: {{height: 1}}
    PowerEdge R740: {{height: 2}}
    PowerEdge R740xd: {{height: 2}}
    PowerEdge R750: {{height: 2}}
  switches:
{switches}"""

_PROFILE = """apiVersion: reconciler/v1
kind: HardwareProfile
metadata: {{name: {role}}}
spec:
  role: {role}
  match:
    product: [{product}]
    memory: {{min: {low}MiB, max: {high}MiB}}
    raid_controller: {raid}
  disks: {disks}
  unlisted_disks: refuse
"""

_NETWORKS = """    {name}-mgmt-z{zone}:
      subnet: 10.{n}.{mgmt}.0/23
      location: zone-{zone}
      role: all
      interfaces: [10g1, 10g2]
    {name}-storage-z{zone}:
      subnet: 10.{n}.{storage}.0/23
      location: zone-{zone}
      role: {role}
      interfaces: [10g1, 10g2]
      vlan: {vlan}
      mtu: 9000
"""

_MACHINE = """---
apiVersion: reconciler/v1
kind: Machine
metadata: {{name: {serial}}}
spec:
"""


def _location(zone: int) -> str:
    return f"---\napiVersion: reconciler/v1\nkind: Location\nmetadata: {{name: zone-{zone}}}\nspec: {{}}\n"


def _profile(kind: Kind) -> str:
    memory = kind.model.memory_mib
    return _PROFILE.format(
        role=kind.role,
        product=kind.model.product,
        low=memory * 9 // 10,
        high=memory * 11 // 10,
        raid="megaraid" if kind.model.volumes else "none",
        disks=kind.disks,
    )


def _cluster(n: int, roles: dict[str, int]) -> str:
    name = name_of(n)
    stores = n % 2 == 0
    networks = "".join(
        _NETWORKS.format(
            name=name,
            n=n,
            zone=zone,
            mgmt=2 * zone,
            storage=2 * zone + 100,
            role="swiftstore" if stores else "ceph-cluster",
            vlan=100 + n,
        )
        for zone in range(1, ZONES + 1)
    )
    pools = "".join(
        f"    {role}: {{count: {count}{', spread: location' if count % ZONES == 0 else ''}}}\n"
        for role, count in roles.items()
    )
    vip = "" if stores else f"    {name}-messaging: {{subnet: 198.51.100.{n}/32, role: vip, usage: messaging}}\n"
    settings = "swift_object_replicator_concurrency: 5" if stores else "neutron_global_physnet_mtu: 9000"
    return (
        f"apiVersion: reconciler/v1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec:\n  domain: example.com\n"
        f"  networks:\n{networks}    {name}-public: {{subnet: 203.0.113.{n}/32, public: true}}\n{vip}"
        f"  settings: {{{settings}}}\n  roles:\n{pools}"
    )


def _machine(box: Box) -> str:
    """A pin for every second of them, a setting for the others."""
    head = _MACHINE.format(serial=box.serial)
    if box.number // NAMED_EVERY % 2:
        return f"{head}  settings: {{cpu_allocation_ratio: {box.zone}.0}}\n"
    return f"{head}  cluster: {name_of(box.cluster)}\n  role: {box.role}\n  location: zone-{box.zone}\n"
