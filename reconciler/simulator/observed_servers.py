"""Servers of an observed fleet as histories begin: what they do, and what is on their disks."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, ip_address
from typing import Literal

from ..app.directory import own_bmc_password
from ..app.install_files import NodeFiles
from ..app.site import Site
from ..model.actions import InstallOs
from ..model.disk_id import DiskId
from ..model.errors import PermanentError
from ..model.gates import ABSENT, GATES, GateName, Readings
from ..model.hardware import Disk, Hardware, Nic
from ..model.history import Phase
from ..model.interfaces import NodeInterface
from ..model.machine import OURS, Allocation, MachineView, Observation, Power
from ..model.raid import RaidLayout
from ..model.rings import RingFile, files_in_force
from ..provisioning import commands, puppet_runs, ring_files
from .judge import ServingPool
from .life import OWN_ADDRESS, PUPPET_RAN
from .meaning import InstalledNode
from .observed_records import puppet_ran
from .world import PASSWORD, BmcLogin

Begins = Literal["serves", "boots", "live", "off", "silent"]
"""What a server does when histories begin: it serves; it boots from its disk, or from the network; it is off; it is on,
and nobody answers."""

HEARD_LATELY = timedelta(minutes=10)
"""Whoever reported from the live system so shortly before runs it still."""

_NOWHERE = IPv4Network("198.18.0.0/15")
"""Where BMCs are of which nobody knows where they are: no fleet has such addresses (RFC 2544)."""
_ANOTHER_RING = b"a ring of another day\n"
_BEGUN: Mapping[str, bytes] = {"/etc/hostname": b""}
"""What an install that did not end has left."""
_MEMORY = 64 * 2**30
_DISK = 10**12


@dataclass(frozen=True)
class SystemOnDisk:
    """The system on a server's disks."""

    files: Mapping[str, bytes]
    disks: tuple[str, ...]  # kernel names of those that hold it
    data: tuple[str, ...] = ()  # and of those with its data
    of_oci: InstalledNode | None = None


@dataclass(frozen=True)
class ObservedServer:
    """One server."""

    hardware: Hardware
    layout: RaidLayout | None  # what its profile asks of its RAID controllers
    address: str  # of its live system
    login: BmcLogin
    begins: Begins
    system: SystemOnDisk | None = None
    pool: ServingPool | None = None  # of one in service
    ran: datetime | None = None  # when its last Puppet run began; None: it is not in service
    ready: bool = True  # whether its services are up


class ObservedServers:
    """Makes the servers of an observation, once its records are in a site's database."""

    def __init__(self, site: Site, observation: Observation) -> None:
        """Nothing is made yet."""
        self._site, self._observation = site, observation
        self._tree = site.specs.tree()
        self._files = NodeFiles(site)

    def __iter__(self) -> Iterator[ObservedServer]:
        addresses = self._live_addresses()
        return (self._server(m, addresses[m.serial], n) for n, m in enumerate(self._observation.machines, 1))

    def _server(self, m: MachineView, address: str, number: int) -> ObservedServer:
        """A machine; ``number`` tells those apart of which nothing is known."""
        hardware = m.seen.hardware if m.seen else _unseen(m.serial, number)
        held, serves = m.allocation, m.history.phase is Phase.IN_SERVICE
        return ObservedServer(
            hardware=hardware,
            layout=m.raid,
            address=address,
            login=self._login(m, number),
            begins=_begins(m, self._observation.now),
            system=self._system(m, hardware),
            pool=ServingPool(held.cluster, held.role) if held and serves else None,
            ran=puppet_ran(m, self._site.now()),
            ready=not _is_shut(m.readings),
        )

    def _login(self, m: MachineView, number: int) -> BmcLogin:
        """Its BMC, which lets in whom the database says."""
        has, fleet = m.history.bmc.set_to, self._tree.fleet.bmc
        address = self._tree.bmc_address(m.serial, m.seen) or str(_NOWHERE[number])
        own = self._site.store.secret(own_bmc_password(m.serial)) if has else None
        return BmcLogin(address, has.username if has else fleet.username, own or PASSWORD)

    def _live_addresses(self) -> Mapping[str, str]:
        """By serial: where each was heard last, as far as nobody else was heard there later, else a free address."""
        machines = self._observation.machines
        heard = sorted((m.seen.reported_at, m.serial, m.seen.live_address) for m in machines if m.seen)
        found = {serial: address for address, serial in {address: serial for _, serial, address in heard}.items()}
        taken = {
            *found.values(),
            str(self._tree.fleet.provisioning.address),
            *(v.address for v in self._observation.vips),
        }
        taken |= {to for m in machines if m.allocation for to in m.allocation.addresses.values()}
        free = (str(each) for network in self._tree.fleet.provisioning.trusted_networks for each in network.hosts())
        left = (address for address in free if address not in taken and ip_address(address).version == 4)
        return {m.serial: found.get(m.serial) or next(left, str(_NOWHERE[-n])) for n, m in enumerate(machines, 2)}

    # ---- disks

    def _system(self, m: MachineView, hardware: Hardware) -> SystemOnDisk | None:
        """What its last install left on its disks; None: none did, as far as anybody knows."""
        h, held = m.history, m.allocation
        system, data = _disks(m, hardware)
        if h.phase in (Phase.INSTALLED, Phase.IN_SERVICE) and held is not None:
            if h.install.id is None:
                node = InstalledNode(held.hostname, held.role, held.cluster)
                return SystemOnDisk(_of_oci(held), system, data, node)
            return SystemOnDisk(self._whole(m, held, h.install.id), system, data)
        if h.service.left_install and (had := held or self._observation.retired.get(m.serial)) is not None:
            return SystemOnDisk(self._whole(m, had, h.service.left_install), system, data)
        if h.last_begun == "install_os" and held is not None and h.install.id is not None and h.disks.erased:
            ended = h.last_done == "install_os"
            return SystemOnDisk(self._whole(m, held, h.install.id) if ended else _BEGUN, system, data)
        return None

    def _whole(self, m: MachineView, held: Allocation, install: str) -> dict[str, bytes]:
        """The files of a system whose install has ended well, as far as anybody asks for them."""
        action = _install(m, held)
        try:
            staged = {**self._files(action), **commands.install_files(action, "true")}
        except PermanentError:  # its document cannot be made: it has no keys of its cluster's
            staged = dict(commands.install_files(action, "true"))
        target = f"{commands.TARGET}/"
        files = {path.removeprefix(commands.TARGET): f.content for path, f in staged.items() if path.startswith(target)}
        marker = _marker(m, held, install, self._site.fleet)
        files |= {commands.MARKER_FILE: marker.render().encode(), OWN_ADDRESS: (held.address or "").encode()}
        if m.history.phase is Phase.IN_SERVICE or m.history.last_done == "run_puppet":
            files |= {PUPPET_RAN: b"yes\n", commands.BOOTED_FILE: b""}
            files.pop(puppet_runs.FIRST_BOOT_FLAG, None)
        if m.history.last_begun != "boot_disk":
            files.pop(puppet_runs.HOLD_FILE, None)
        return files | self._rings(m, held)

    def _rings(self, m: MachineView, held: Allocation) -> dict[str, bytes]:
        """Ring files that differ from those in force, where it was seen to have others."""
        if m.history.rings is None:
            return {}
        there: Collection[RingFile] = files_in_force(self._observation.rings, held.cluster)
        others = [each for each in m.history.rings if each not in there]
        return {ring_files.ring_path(each.ring): _ANOTHER_RING for each in others}


def _begins(m: MachineView, now: datetime) -> Begins:
    """What the machine does, as far as can be told."""
    h, seen = m.history, m.seen
    if seen is not None and seen.power is Power.OFF:
        return "off"
    if h.phase is Phase.IN_SERVICE or (h.phase is Phase.INSTALLED and h.last_done == "run_puppet"):
        fell = h.looks.proof is not None and h.looks.proof.runs == "live"
        return "live" if fell else "silent" if _is_unreachable(m.readings) else "serves"
    if h.phase is Phase.INSTALLED:
        return "boots"
    if seen is None:
        return "off"
    left = seen.status in OURS and seen.status_at is not None and seen.status_at > seen.reported_at
    if left or seen.hardware.from_installed or now - seen.reported_at > HEARD_LATELY:
        return "silent" if seen.power is Power.ON or left else "off"
    return "live"


def _is_unreachable(readings: Readings | None) -> bool:
    return readings is not None and any(
        each.name is GateName.LOGIN and _is_closed(each.value, each.name) for each in readings.values
    )


def _is_shut(readings: Readings | None) -> bool:
    """Whether any service was seen not to be ready."""
    return readings is not None and any(_is_closed(each.value, each.name) for each in readings.values)


def _is_closed(value: str, name: GateName) -> bool:
    """Whether a value closes its gate; how many members a cluster must have is not asked."""
    opens_at = GATES[name].opens_at
    if opens_at is None or value == ABSENT:
        return False
    return value != opens_at if isinstance(opens_at, str) else not (value.isdigit() and int(value) >= opens_at)


def _disks(m: MachineView, hardware: Hardware) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Kernel names of the disks with the machine's system, and of those with its data."""
    install, chosen = m.history.install, m.disks
    given = _names(install.on, hardware)
    system = _names(install.system_on, hardware) or tuple(chosen.system_disks if chosen else ())
    if not given and chosen is not None:
        given = (*chosen.system_disks, *chosen.data_disks)
    if not system:
        system = given[:1] or tuple(disk.device for disk in hardware.disks[:1])
    return system, tuple(name for name in given if name not in system)


def _names(ids: Iterable[DiskId], hardware: Hardware) -> tuple[str, ...]:
    """The names that recorded disks have today: by all that was known of them, else by the name that they had."""
    today = {disk.identity.description: disk.device for disk in hardware.disks}
    alike = len(today) < len(hardware.disks)
    there = {disk.device for disk in hardware.disks}
    found = (each.name if alike or each.description not in today else today[each.description] for each in ids)
    return tuple(dict.fromkeys(name for name in found if name in there))


def _install(m: MachineView, held: Allocation) -> InstallOs:
    """The install that made the machine's system, as far as its files are made of it."""
    networks = [
        NodeInterface(network=network, kind="normal", nics=("eno1",), address=f"{address}/24")
        for network, address in held.addresses.items()
    ]
    return InstallOs(
        serial=m.serial,
        generation=held.generation,
        hostname=held.hostname,
        role=held.role,
        cluster=held.cluster,
        release="trixie",
        interfaces=tuple(networks) or (NodeInterface(network="none", kind="normal", nics=()),),
        system_disks=(),
        raid=None,
        data_disks=(),
        identity=m.history.install.on,
    )


def _marker(m: MachineView, held: Allocation, install: str, fleet: str) -> commands.Marker:
    """The record of an install that has ended well, as far as it is known.

    Args:
        m: The machine.
        held: The place that it was installed for.
        install: Its id.
        fleet: Whose it is.
    """
    h = m.history.install
    return commands.Marker(
        serial=m.serial,
        hostname=held.hostname,
        generation=h.generation or held.generation,
        id=install,
        cluster=held.cluster,
        role=held.role,
        reinstall=h.reinstall,
        fleet=fleet,
        began=h.begun.isoformat() if h.begun else None,
        on=tuple(map(str, h.on)),
        system_on=tuple(map(str, h.system_on)),
    )


def _of_oci(held: Allocation) -> dict[str, bytes]:
    """A node that OCI installed: it has no marker."""
    role, address = f"{held.role}\n".encode(), (held.address or "").encode()
    return {"/etc/oci/my-role": role, OWN_ADDRESS: address, PUPPET_RAN: b"yes\n"}


def _unseen(serial: str, number: int) -> Hardware:
    """Stands in for the hardware of a machine that nobody has seen."""
    nic = Nic("eno1", f"02:00:5e:00:{number >> 8:02x}:{number & 255:02x}", 1000)
    return Hardware(serial, "", "unknown", _MEMORY, disks=(Disk("sda", "sda", _DISK),), nics=(nic,))
