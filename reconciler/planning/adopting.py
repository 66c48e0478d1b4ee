"""Decides what becomes of machines whose own words an operator lets count in place of an older database.

A machine that says, over SSH, that a system of ours runs on it, or one that OCI installed, is in service under the name
and the addresses that it has; or installed, as long as its first boot, which runs Puppet, is to end. Nothing is
guessed: a machine that says something else, or nothing, is left as the database has it, and paused where acting on that
might end what it does.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import IPv4Interface
from typing import Literal

from ..model.disk_id import DiskId
from ..model.history import Failures, History, Install, Looks, Phase, Service
from ..model.kinds import MachineSpec, Network
from ..model.machine import Allocation, MachineView, Observation
from ..model.ownership import volumes
from ..model.tree import SpecTree
from .addressing import is_ceph_compute, networks_for
from .candidates import UNPINNED

Becomes = Literal["in service", "installed", "as it is", "paused"]


@dataclass(frozen=True, slots=True)
class Word:
    """What an installed system says of itself: by the record of the install of ours that made it, or of OCI's."""

    serial: str
    hostname: str
    generation: int  # 0: it has no record
    install_id: str | None  # None: it has no record
    addresses: tuple[str, ...]  # all it has, with their prefixes
    cluster: str = ""  # empty: its marker is of old, and does not say
    role: str = ""
    reinstall: str | None = None
    finished: bool = True
    first_boot_ended: bool = True  # False: Puppet has not made of it what it is to be
    fleet: str = ""  # whose database ordered its install; empty: its record is of old, or there is none
    counter: int = 0  # how far that database had counted
    began: datetime | None = None
    on: tuple[DiskId, ...] = ()  # the disks that its install was given
    system_on: tuple[DiskId, ...] = ()  # those among them that hold the system


@dataclass(frozen=True, slots=True)
class Silence:
    """Why there is no such word."""

    because: str
    answers: bool = False  # whether the machine itself answered, with no installed system of ours


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one machine."""

    serial: str
    becomes: Becomes
    because: str
    allocation: Allocation | None = None  # what it is to hold; None: nothing changes
    history: History | None = None
    counter: int = 0  # how far the database had counted that ordered its install, as its record says

    @property
    def hostname(self) -> str | None:
        return self.allocation.hostname if self.allocation else None


class DoesNotFitError(Exception):
    """What a machine says and what the specs or the database say exclude each other."""


def outcomes(
    tree: SpecTree,
    observed: Observation,
    words: Mapping[str, Word | Silence],
    at: datetime,
    fleets: Collection[str] | None = None,
) -> Sequence[Outcome]:
    """What becomes of each machine that was asked, by serial.

    Args:
        tree: The specs in force.
        observed: What the database knows.
        words: What machines say, by serial.
        at: Now.
        fleets: Whose installs may be taken over; None: anybody's.
    """
    taken = _Taken(observed, fleets)
    found = []
    for serial, word in sorted(words.items()):
        m = taken.machines.get(serial, MachineView(serial))
        if isinstance(word, Silence):
            found.append(_left(m, word.because, taken, answers=word.answers))
            continue
        try:
            outcome = _adopted(tree, taken, m, word, at)
        except DoesNotFitError as error:
            outcome = _left(m, str(error), taken)
        found.append(replace(outcome, counter=word.counter))
    return found


class _Taken:
    """What the database knows, by what is asked of it for every machine."""

    def __init__(self, observed: Observation, fleets: Collection[str] | None) -> None:
        self.fleets = fleets
        self.in_doubt = observed.observing is not None
        self.machines = {m.serial: m for m in observed.machines}
        self.holders = {m.allocation.hostname: m.serial for m in observed.machines if m.allocation}
        self.vips = frozenset(vip.address for vip in observed.vips)


def _left(m: MachineView, because: str, taken: _Taken, *, answers: bool = False) -> Outcome:
    """A machine stays as the database has it; it is paused where the database may be wrong about it."""
    safe = answers or m.history.phase is Phase.IN_SERVICE or not taken.in_doubt or m.serial not in taken.machines
    return Outcome(m.serial, "as it is" if safe else "paused", because)


def _adopted(tree: SpecTree, taken: _Taken, m: MachineView, word: Word, at: datetime) -> Outcome:
    """What becomes of a machine that said something.

    Raises:
        DoesNotFitError: The specs or the database say otherwise.
    """
    if not word.finished:
        raise DoesNotFitError("its install never ended well")
    if word.fleet and taken.fleets is not None and word.fleet not in taken.fleets:
        raise DoesNotFitError(
            f"it was installed by another fleet: --fleet {word.fleet} says that this one goes on as it"
        )
    place = _kept(m.allocation, word) or _made(tree, taken, m, word)
    place = replace(place, generation=word.generation or place.generation or 1)
    phase, becomes = _ENDED if word.first_boot_ended else _BEGUN
    if m.allocation == place and m.history.phase is phase and m.history.install.id == word.install_id:
        return Outcome(m.serial, "as it is", f"{word.hostname} is {becomes}, as the database says")
    wanted = tree.machines.get(m.serial, UNPINNED).reinstall
    told = word.install_id is not None and (bool(word.cluster) or m.history.install.id == word.install_id)
    answered = wanted if not told else word.reinstall if word.cluster else m.history.install.reinstall
    because = f"{word.hostname}, {'in its place' if m.allocation else 'in a place made from its own words'}"
    if not told and wanted is not None:
        why = "its marker is too old to say" if word.install_id else "it has no record"
        because += f'; {why} whether its reinstall "{wanted}" was done, so it counts as done'
    if not word.first_boot_ended:
        because += "; its first boot is still to end"
    return Outcome(m.serial, becomes, because, place, _history(m.history, word, phase, answered, at))


_ENDED: tuple[Phase, Becomes] = Phase.IN_SERVICE, "in service"
_BEGUN: tuple[Phase, Becomes] = Phase.INSTALLED, "installed"


def _history(before: History, word: Word, phase: Phase, reinstall: str | None, at: datetime) -> History:
    """In this phase from now on: what the database knows of tries, looks and findings is of an earlier life."""
    return replace(
        before,
        phase=phase,
        open_action=None,
        touched=at,
        last_begun=None,
        repeats=0,
        failures=Failures(tried=before.failures.tried),
        permanent=False,
        looks=Looks(),
        install=_install(before.install, word, reinstall, at),
        disks=replace(before.disks, foreign_data=(), erased=volumes(before.disks.erased)),
        service=Service(since=at if phase is Phase.IN_SERVICE else None, released=before.service.released),
        announced=replace(before.announced, commands_run=None, commands=()),
    )


def _install(before: Install, word: Word, reinstall: str | None, at: datetime) -> Install:
    """The install that made what runs; as an import has it where it has no record, as nobody here began it."""
    if word.install_id is None:
        return Install(reinstall=reinstall)
    known = before if before.id == word.install_id else Install()
    return Install(
        begun=word.began or before.begun or at,
        generation=word.generation,
        id=word.install_id,
        on=word.on or known.on,
        system_on=word.system_on or known.system_on,
        nics=known.nics,
        reinstall=reinstall,
    )


def _kept(allocation: Allocation | None, word: Word) -> Allocation | None:
    """The place that the database has for it, if it has one and the machine has it too."""
    if allocation is None:
        return None
    if allocation.hostname != word.hostname:
        raise DoesNotFitError(f"it says that it is {word.hostname}, and the database says {allocation.hostname}")
    has = {address.partition("/")[0] for address in word.addresses}
    if lacking := [address for address in allocation.addresses.values() if address not in has]:
        raise DoesNotFitError(f"the database gave it {', '.join(lacking)}, and it has {', '.join(sorted(has))}")
    return allocation


def _made(tree: SpecTree, taken: _Taken, m: MachineView, word: Word) -> Allocation:
    """A place from its own words."""
    if (holder := taken.holders.get(word.hostname)) is not None:
        raise DoesNotFitError(f"{word.hostname} is the name of {holder} in the database")
    cluster, role, number = _pool(tree, word)
    profile = _profile(tree, m, role)
    pin = tree.machines.get(m.serial, UNPINNED)
    location = pin.location or (m.racked.location if m.racked else None) or _location(tree, cluster, role, word)
    ceph = is_ceph_compute(tree, cluster, role, profile, m.serial)
    names = networks_for(tree.clusters[cluster], role, location, with_ceph=ceph)
    if not names:
        raise DoesNotFitError(f"{cluster} has no network for {role} machines in {location or 'no location'}")
    networks = tree.clusters[cluster].networks
    addresses = {name: _address(name, networks[name], word, taken.vips, pin) for name in names}
    return Allocation(cluster, role, profile, location, word.hostname, number, addresses, word.generation)


def _pool(tree: SpecTree, word: Word) -> tuple[str, str, int]:
    """Cluster, role and number; the number of a name of the operator's own is 0."""
    found = []
    for name, cluster in tree.clusters.items():
        for role in cluster.roles:
            digits = word.hostname.removeprefix(f"{name}-{role}-").removesuffix(f".{cluster.domain}")
            if digits.isdecimal() and word.hostname == f"{name}-{role}-{digits}.{cluster.domain}":
                found.append((name, role, int(digits)))
    if not word.cluster:
        if len(found) != 1:
            raise DoesNotFitError(f"no cluster and role of the specs has machines called {word.hostname}")
        return found[0]
    if word.cluster not in tree.clusters:
        raise DoesNotFitError(f"it says that it belongs to {word.cluster}, and the specs have no such cluster")
    numbers = [number for *pool, number in found if pool == [word.cluster, word.role]]
    return word.cluster, word.role, numbers[0] if numbers else 0


def _profile(tree: SpecTree, m: MachineView, role: str) -> str:
    pinned = tree.machines.get(m.serial, UNPINNED).profile
    of_role = [name for name, profile in tree.profiles.items() if profile.role == role]
    matching = [name for name in m.match.profiles if name in of_role]
    for fitting in ([pinned] if pinned else [], matching, of_role):
        if len(fitting) == 1:
            return fitting[0]
    known = ", ".join(of_role) or "none is for its role"
    raise DoesNotFitError(f"nobody can tell which hardware profile it has ({known}): pin it")


def _location(tree: SpecTree, cluster: str, role: str, word: Word) -> str | None:
    """Where the networks are that it has addresses on."""
    own = [network for network in tree.clusters[cluster].networks.values() if network.role in (role, "all")]
    found = {network.location for network in own if _inside(network, word)} - {None}
    return found.pop() if len(found) == 1 else None


def _inside(network: Network, word: Word) -> list[IPv4Interface]:
    return [one for one in map(IPv4Interface, word.addresses) if one.ip in network.subnet]


def _address(name: str, network: Network, word: Word, vips: Collection[str], pin: MachineSpec) -> str:
    """The machine's own address on a network, where it may have a virtual one too."""
    found = [one for one in _inside(network, word) if str(one.ip) not in vips]
    for fitting in (
        [one for one in found if one.ip == pin.address],
        found,
        [one for one in found if one.network.prefixlen == network.subnet.prefixlen],
    ):
        if len(fitting) == 1:
            return str(fitting[0].ip)
    has = ", ".join(str(one) for one in found) or "none"
    raise DoesNotFitError(f"it should have one address on network {name} ({network.subnet}), and has {has}")
