"""Judges a simulated fleet by its disks, its power and its wires, whatever the daemon says of itself.

What must always hold is an ``Invariant``. Who watches a disk or a wire tells the judge what is about to happen there,
and people tell what they approved: the daemon's own records are asked for one thing only, whether it wrote down what it
begins.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from ..model.statements import FactName, Statement
from ..provisioning import commands
from .meaning import Content
from .memory_server import Overwrite


class Invariant(StrEnum):
    """What must hold in every history."""

    NOTHING_KEPT_IS_ERASED = "a finished install or foreign data is written over only by a live approval that names it"
    ANSWERS_STAY = "an installed system that serves and can be reached is not taken down unless an approval says so"
    SERVICE_IS_KEPT = "no more machines that serve are taken down at once than the policy allows"
    ONE_ACTOR = "one daemon at a time speaks to machines"
    ONE_SESSION = "a BMC has one session at a time"
    NO_TWINS = "no name and no address is twice on machines that are on"
    NOTHING_PRIVATE_IS_SHOWN = "no log, plan or page holds what only machines may know"
    JOURNAL_FIRST = "what erases is in the journal before"
    COMES_TO_REST = "after quiet time the plan is empty, or says what it waits for"
    RESTS = "once nothing is to be done, nothing is done"
    STAYS_UP = "the daemon does not end by itself"


class ServingPool(NamedTuple):
    """The machines of a cluster and role."""

    cluster: str
    role: str

    def __str__(self) -> str:
        return f"{self.role} of {self.cluster}"


class Violation(NamedTuple):
    """A rule that did not hold."""

    rule: Invariant
    at: float  # seconds of the history
    what: str

    def __str__(self) -> str:
        return f"at {self.at:.1f} s: {self.what} ({self.rule.name}: {self.rule})"


@dataclass
class GivenApproval:
    """An approval, as the one who gave it was shown it."""

    serial: str
    statement: Statement
    used_by: str | None = None  # id of the install, or what else used it up
    is_order: bool = False  # of the specs, where the policy has nobody asked

    def names(self, disk: str, content: Content) -> bool:
        """Whether it allows that this content of a disk goes."""
        if self.is_order:
            return True
        system = finished(content)
        if system is not None:
            return any(system.id in fact.values for fact in self.statement.facts)
        found = (fact.values[0].split()[0] for fact in self.statement.facts if fact.name == FactName.FINDING)
        return disk in found


def finished(content: Content) -> commands.Marker | None:
    """The marker of the finished install of ours that a disk holds; None: it holds none."""
    text = content.system.marker if content.system is not None else None
    try:
        marker = commands.parse_marker(text) if text is not None else None
    except ValueError:
        return None
    return marker if marker is not None and marker.finished else None


@dataclass(frozen=True, slots=True)
class Running:
    """An installed system that is on."""

    serial: str
    hostname: str
    address: str


@dataclass
class Judge:
    """Sees all of one history."""

    clock: Callable[[], float]
    has_begun: Callable[[str, int], bool]  # by serial and generation: whether the journal says that an install erases
    most_down: Callable[[ServingPool], int]  # how many that serve may be taken down at once
    violations: list[Violation] = field(default_factory=list)
    words: list[GivenApproval] = field(default_factory=list)
    down: dict[str, ServingPool] = field(default_factory=dict)  # by serial, of machines that served when it was taken
    foreign_may_go: bool = False  # the policy says so
    _known: set[tuple[Invariant, str]] = field(default_factory=set)

    def breaks(self, rule: Invariant, what: str) -> None:
        """A rule does not hold. The same is told once."""
        if (rule, what) not in self._known:
            self._known.add((rule, what))
            self.violations.append(Violation(rule, self.clock(), what))

    # ---- disks

    def allow(self, serial: str, statement: Statement) -> None:
        """Somebody approves something of a machine."""
        self.words.append(GivenApproval(serial, statement))

    def order(self, serial: str) -> None:
        """The specs ask for a reinstall, and their policy has nobody asked: that is as good as an approval of it."""
        self.words.append(GivenApproval(serial, Statement(()), is_order=True))

    def installs(self, serial: str, generation: int) -> None:
        """An install is started on a machine."""
        if not self.has_begun(serial, generation):
            self.breaks(Invariant.JOURNAL_FIRST, f"an install begins on {serial}, and the journal does not say so")

    def overwrite(self, written: Overwrite) -> None:
        """Something is about to be written over what is on a disk."""
        content, system = written.content, finished(written.content)
        if system is None and (self.foreign_may_go or not content.signatures):
            return  # blank, or an install of ours that never finished, or what the policy lets go
        for word in self.words:
            is_free = word.serial == written.serial and word.used_by in (None, written.by)
            if is_free and word.names(written.disk, content):
                word.used_by = written.by
                return
        what = f"the system {system.hostname}" if system else f"foreign data ({', '.join(content.signatures)})"
        where = f"{written.disk} of {written.serial}"
        self.breaks(Invariant.NOTHING_KEPT_IS_ERASED, f"{what} on {where} is erased by {written.by}")

    # ---- power

    def takes_down(self, serial: str, pool: ServingPool, *, is_reached: bool) -> None:
        """The daemon turns off a machine that serves; ``is_reached``: words to it are neither lost nor late."""
        asked = any(word.serial == serial and word.used_by is None for word in self.words)
        if is_reached and not asked:
            self.breaks(Invariant.ANSWERS_STAY, f"{serial} serves as {pool.role}, and is turned off")
        self.down[serial] = pool
        at_once = Counter(self.down.values())[pool]
        if at_once > (most := self.most_down(pool)):
            what = f"{at_once} of {pool} are down by our doing, {serial} last, of {most}"
            self.breaks(Invariant.SERVICE_IS_KEPT, what)

    def serves(self, serial: str) -> None:
        """A machine's services are up."""
        self.down.pop(serial, None)

    def actors(self, daemons: Collection[str]) -> None:
        """These daemons are alive, and have spoken to machines."""
        if len(daemons) > 1:
            self.breaks(Invariant.ONE_ACTOR, f"{' and '.join(sorted(daemons))} both speak to machines")

    def sessions(self, bmc: str, count: int) -> None:
        """So many sessions with a BMC are open, of those who live."""
        if count > 1:
            self.breaks(Invariant.ONE_SESSION, f"{count} sessions with {bmc}")

    # ---- names and addresses

    def running(self, systems: Iterable[Running]) -> None:
        """These installed systems are on now."""
        having: dict[str, list[str]] = defaultdict(list)
        for one in systems:
            having[one.hostname].append(one.serial)
            having[one.address].append(one.serial)
        for what, serials in having.items():
            if len(serials) > 1:
                self.breaks(Invariant.NO_TWINS, f"{' and '.join(sorted(serials))} both have {what}")

    # ---- what is shown

    def shown(self, where: str, text: str, secrets: Mapping[str, Iterable[str]]) -> None:
        """A text that anybody may read.

        Args:
            where: Names it.
            text: Of it.
            secrets: By the name of a secret its parts, long enough that nothing else has them.
        """
        for name, parts in secrets.items():
            if any(part in text for part in parts):
                self.breaks(Invariant.NOTHING_PRIVATE_IS_SHOWN, f"{where} shows {name}")
