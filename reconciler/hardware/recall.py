"""The disks of an earlier install, found again in what a machine reports today.

A disk that said a WWN or serial that no other one has is found by that, whatever the kernel calls it now, and whatever
its size is. Where one WWN has another serial today, nobody can tell: makers give one WWN to many. Disks that say
neither are told apart by their names only while nothing speaks against it: where alike disks held the system and data,
and any of their names came or went, each of them may be the system's, and nobody is told that it is not. Names of an
NVMe controller's namespaces never tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..model.disk_id import DiskId
from ..model.disk_matching import could_be, evidence, is_namespace, real_identifier, serials_contradict, shared_evidence
from ..model.hardware import Disk, PhysicalDisk

AnyDisk = Disk | PhysicalDisk


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an install did with a machine's disks, as they were recorded."""

    system: tuple[DiskId, ...]
    data: tuple[DiskId, ...] = ()


@dataclass(frozen=True, slots=True)
class Recalled:
    """The recorded disks under the names that they have today."""

    system: tuple[AnyDisk, ...] = ()
    data: tuple[AnyDisk, ...] = ()
    problem: str | None = None  # why nobody can tell where the system is
    doubtful: bool = False  # the system may be on any of several disks
    stays: bool = False  # the machine is installed: the system is on its disks, and nowhere else

    @property
    def lost(self) -> str | None:
        """Why nobody can tell which disks hold the system; None: it is known, or may be installed on others."""
        return self.problem if self.doubtful or self.stays else None

    def may_hold(self, disk: AnyDisk) -> bool:
        """Whether an earlier install may have written to the disk; so it may to any where nobody recorded its disks."""
        known = (*self.system, *self.data)
        return not known or disk in known

    def for_entry(self, entry: int, disks: Sequence[AnyDisk]) -> list[AnyDisk]:
        """The disks that an entry of a profile may take; first the ones that it had before."""
        mine, others = (self.system, self.data) if entry == 0 else (self.data, self.system)
        return sorted((disk for disk in disks if disk not in others), key=lambda disk: disk not in mine)


NOTHING = Recalled()
"""Of a machine that was never installed, or of whose install nobody recorded the disks."""


def recall(remembered: Remembered, disks: tuple[Disk, ...]) -> Recalled:
    """Which of the disks of today's report held the system, and which held data."""
    shared = shared_evidence((*remembered.system, *remembered.data), disks)
    looking = _Recalling(disks, shared)
    records = [*((disk, True) for disk in remembered.system), *((disk, False) for disk in remembered.data)]
    unproven = [record for record in records if not looking.prove(*record)]
    while unproven:
        group, candidates = looking.alike(unproven)
        looking.decide(group, candidates)
        unproven = [record for record in unproven if record not in group]
    return looking.found()


_KnownDisk = tuple[DiskId, bool]
"""What was recorded of a disk, and whether it held the system."""


@dataclass(slots=True)
class _Recalling:
    free: tuple[Disk, ...]  # that no record was found to be yet
    shared: frozenset[str]  # identifiers that prove none
    system: list[Disk] = field(default_factory=list)
    data: list[Disk] = field(default_factory=list)
    gone: list[DiskId] = field(default_factory=list)
    doubtful: list[tuple[DiskId, Sequence[Disk]]] = field(default_factory=list)

    def prove(self, recorded: DiskId, is_system: bool) -> bool:
        """Take the one disk that is the recorded one for certain; False where there is none, or more than one."""
        proven = self._proven(recorded)
        if len(proven) != 1 or serials_contradict(recorded, proven[0]):
            return False
        self._take(proven[0], is_system)
        return True

    def alike(self, unproven: Sequence[_KnownDisk]) -> tuple[list[_KnownDisk], list[Disk]]:
        """The first of the records with all that share a disk with it, and the disks that they may be."""
        group, candidates = [unproven[0]], [disk for disk in self.free if self._could_be(unproven[0][0], disk)]
        while True:
            more = [e for e in unproven if e not in group and any(self._could_be(e[0], d) for d in candidates)]
            if not more:
                return group, candidates
            group += more
            candidates += [
                d for d in self.free if d not in candidates and any(self._could_be(recorded, d) for recorded, _ in more)
            ]

    def decide(self, group: Sequence[_KnownDisk], candidates: Sequence[Disk]) -> None:
        """Give the disks to the records that they may be, by name where that is certain enough."""
        systems = [recorded for recorded, is_system in group if is_system]
        named = {disk.device: disk for disk in candidates}
        same_names = all(
            (disk := named.get(recorded.name)) is not None and self._could_be(recorded, disk) for recorded, _ in group
        )
        if not systems:
            for disk in candidates:
                self._take(disk, is_system=False)
        elif not candidates:
            self.gone += systems
        elif (
            same_names
            and not self._misnamed(group, candidates)
            and (len(candidates) == len(group) or len(systems) == len(group))
        ):
            for recorded, is_system in group:
                self._take(named[recorded.name], is_system)
        elif len(systems) == len(group) and len(candidates) <= len(group) and not _contradicting(group, candidates):
            for disk in candidates:
                self._take(disk, is_system=True)
        else:
            self.doubtful += ((recorded, tuple(candidates)) for recorded in systems)

    def _proven(self, recorded: DiskId) -> list[Disk]:
        return [disk for disk in self.free if evidence(recorded, disk) - self.shared]

    def _could_be(self, recorded: DiskId, disk: Disk) -> bool:
        """Whether it may be the recorded disk: of another serial only by a WWN that no other one has."""
        known = could_be(recorded, disk)
        return known and not (serials_contradict(recorded, disk) and evidence(recorded, disk) <= self.shared)

    def _misnamed(self, group: Sequence[_KnownDisk], candidates: Sequence[Disk]) -> bool:
        """Whether names tell nothing: of one controller's namespaces, and where WWN and serial are of two disks."""
        if _contradicting(group, candidates):
            return True
        said = [disk for disk in candidates if is_namespace(disk) and _serial_of(disk) in self.shared]
        return len(said) > 1 or any(len(self._proven(recorded)) > 1 for recorded, _ in group)

    def found(self) -> Recalled:
        """What was found, and why the system was not, if so."""
        problem = None
        if self.doubtful:
            recorded, candidates = self.doubtful[0]
            names = ", ".join(disk.name for disk in candidates)
            problem = f"its system was installed on {recorded}, and no serial or WWN tells which of {names} that is now"
            if len(candidates) == 1 and serials_contradict(recorded, candidates[0]):
                problem = f"its system was installed on {recorded}, and {names} has that WWN and another serial"
        elif self.gone and not self.system:
            problem = (
                f"its system was installed on {'; '.join(map(str, self.gone))}, and its last report has no such disk"
            )
        return Recalled(tuple(self.system), tuple(self.data), problem, bool(self.doubtful))

    def _take(self, disk: Disk, is_system: bool) -> None:
        (self.system if is_system else self.data).append(disk)
        self.free = tuple(other for other in self.free if other is not disk)


def _contradicting(group: Sequence[_KnownDisk], candidates: Sequence[Disk]) -> bool:
    """Whether a disk has the WWN of a recorded one, and another serial."""
    return any(serials_contradict(recorded, disk) for recorded, _ in group for disk in candidates)


def _serial_of(disk: Disk) -> str:
    return f"serial {real_identifier(disk.serial)}"
