"""The history of a machine: how far it has come, and all that was done to it.

The life of a machine::

    discovered --> enrolled --> installed --> in-service
        ^           |   ^           |          |  |
        |           |   +-----------|----------+  |
        |           |    reinstall  |             |
        +-----------+---------------+-------------+
                        release

Failure is beside the phase, not a phase: a machine that fails keeps its place. Going back takes an operator's word.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from .actions import Action, ChangeBmc, ConfigureBmc
from .disk_id import DiskId, Finding
from .flat_form import flat_schema
from .hardware import Nic
from .rings import RingFile

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class Phase(StrEnum):
    """How far a machine has come."""

    DISCOVERED = "discovered"
    ENROLLED = "enrolled"  # it has a cluster, a role, a hostname and addresses
    INSTALLED = "installed"  # Debian is on its disk
    IN_SERVICE = "in-service"  # Puppet has succeeded


@dataclass(frozen=True, slots=True)
class Proof:
    """What a machine proved of itself over SSH."""

    at: datetime
    runs: Literal["installed", "live"]  # which of its systems
    address: str  # where it was asked
    install: str | None = None  # id of the install that made the system that runs; None: not known


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures in a row, and the moment from which the next try backs off."""

    count: int = 0
    since: datetime | None = None  # when the first of them ended
    tried: datetime | None = None  # when a try last ended, well or not; None: nobody waits for a next one
    error: str | None = None  # of the last one

    def ended(self, at: datetime) -> "Failures":
        """A try has ended, and nobody knows how."""
        return replace(self, tried=at)

    def failed(self, at: datetime, error: str) -> "Failures":
        """One more."""
        return Failures(self.count + 1, self.since if self.count else at, at, error)

    def succeeded(self, at: datetime) -> "Failures":
        """A try has ended well: there is no row any more."""
        return replace(self, count=0, tried=at, error=None)

    def forgiven(self) -> "Failures":
        """An operator has said "retry": the next try is due, and nobody counts what came before."""
        return replace(self, count=0, tried=None)


@dataclass(frozen=True, slots=True)
class Looks:
    """Looks whether the machine runs what is said of it, and what it proved then."""

    proof: Proof | None = None  # what it last proved of itself since we last booted it
    at: datetime | None = None  # when somebody last looked
    count: int = 0  # in a row that did not find it so
    error: str | None = None  # why the last one did not


@dataclass(frozen=True, slots=True)
class BmcWord:
    """What a BMC said of its machine that let us in with the password that we have for it, and named the machine."""

    at: datetime
    address: str  # of the BMC
    power: Literal["on", "off", "starting", "stopping"]


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What tells who speaks for the machine, where all that comes over HTTP is a hint."""

    boots: int = 0
    """Number of the boot that is served now: a nonce of an earlier one speaks for nothing that runs."""
    vouched: BmcWord | None = None  # its BMC's word since we last had it booted; None: nobody asked, or it said nothing
    retried: datetime | None = None  # when an operator last said "retry"


@dataclass(frozen=True, slots=True)
class Install:
    """The install that last began."""

    begun: datetime | None = None
    generation: int = 0  # of the allocation that it was for; 0: it does not count any more
    id: str | None = None  # of its action; what its marker on the disk says
    open: bool = False  # its installer was started, and nobody saw how that ended
    on: tuple[DiskId, ...] = ()  # every disk that it was given
    system_on: tuple[DiskId, ...] = ()  # those among them that hold the system; empty: not known
    nics: tuple[Nic, ...] = ()  # the interfaces that the machine had, under the names that they keep; empty: not known
    reinstall: str | None = None  # the reinstall request that the last finished install answered


@dataclass(frozen=True, slots=True)
class DiskWork:
    """What we did to the machine's disks, and what we met on them."""

    erased: tuple[str, ...] = ()
    """Disks that we erased or were about to, as texts: of a ``DiskId``, of a ``RaidDisk``, or marks (``ownership``)."""
    foreign_data: tuple[Finding, ...] = ()  # what the last try to erase met that nobody had allowed
    raid: str | None = None  # id of the action that last made the controllers as wanted


@dataclass(frozen=True, slots=True)
class BmcSetup:
    """What we made of the machine's BMC. A release leaves it so."""

    set_to: ConfigureBmc | None = None  # what it was last set to, and let us in with
    at: datetime | None = None  # when that was seen to be so
    address: str | None = None  # that it was last to be given, whether or not that ended well
    change: ChangeBmc | None = None  # begun and not seen to have been done


@dataclass(frozen=True, slots=True)
class Service:
    """When the machine came into service, and when it left service or its place."""

    since: datetime | None = None  # None: it is not in service
    left: datetime | None = None  # when it was taken out to be reinstalled; None once it is back
    left_install: str | None = None  # id of the install that it left service or its place with; None once it is back
    released: datetime | None = None  # when a place was last taken from it: its disks may hold what it had there


class ToldCommand(NamedTuple):
    """A command that was run on a controller for the machine."""

    number: int  # its place among the machine's commands then, from 0
    digest: str  # of its text, as it was run


def command_digest(command: str) -> str:
    """What a command that was run is known by: it may hold a secret, so its text is not kept."""
    return sha256(command.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Announced:
    """Who was told of the machine."""

    hooks: tuple[str, ...] = ()  # those that were told that it is there, and not that it left
    commands_run: int | None = None  # on a controller, since it came into service; None: it never did
    commands: tuple[ToldCommand, ...] = ()  # those; fewer, where an older version exported their number only


@dataclass(frozen=True, slots=True)
class History:
    """All that the journal says about one machine."""

    phase: Phase = Phase.DISCOVERED
    open_action: Action | None = None  # begun, and not known to have ended
    touched: datetime | None = None  # when an action on the machine itself last began or ended
    last_begun: str | None = None  # type of the action that last began
    repeats: int = 0  # times in a row that it began; tells a machine that never answers from one that does
    last_done: str | None = None  # type of the last action that succeeded
    last_done_at: datetime | None = None
    failures: Failures = Failures()  # of the machine's own way, in this phase
    permanent: bool = False  # the last of them will not pass by itself
    side_failures: Failures = Failures()  # of what is done beside its own way: hooks, commands, renewals
    looks: Looks = Looks()
    witnesses: Witnesses = Witnesses()
    install: Install = Install()
    disks: DiskWork = DiskWork()
    bmc: BmcSetup = BmcSetup()
    service: Service = Service()
    announced: Announced = Announced()
    rings: tuple[RingFile, ...] | None = None  # Swift's ring files that it has, as it was last asked; None: never asked
    answered: int = 0  # times that something used approvals of it up

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        return flat_schema(cls, PUBLISHED, handler)


# ---- every moment


def moments(value: Any) -> Iterator[datetime]:
    """Every moment in a history, or in a part of one."""
    for each in fields(value):
        part = getattr(value, each.name)
        if isinstance(part, datetime):
            yield part
        elif is_dataclass(part):
            yield from moments(part)


_HistoryPart = TypeVar("_HistoryPart", bound="DataclassInstance")


def with_moments(value: _HistoryPart, change: Callable[[datetime], datetime]) -> _HistoryPart:
    """A history, or a part of one, with every moment changed."""
    changed: dict[str, Any] = {}
    for each in fields(value):
        part = getattr(value, each.name)
        if isinstance(part, datetime):
            changed[each.name] = change(part)
        elif is_dataclass(part) and not isinstance(part, type) and any(moments(part)):
            changed[each.name] = with_moments(part, change)
    return replace(value, **changed)


# ---- the published form

PUBLISHED: Mapping[str, str] = {
    "phase": "phase",
    "failures": "failures.count",
    "failing_since": "failures.since",
    "permanent": "permanent",
    "last_error": "failures.error",
    "touched": "touched",
    "tried": "failures.tried",
    "open": "open_action",
    "last_begun": "last_begun",
    "repeats": "repeats",
    "last_done": "last_done",
    "last_done_at": "last_done_at",
    "install_begun": "install.begun",
    "install_generation": "install.generation",
    "install_id": "install.id",
    "install_open": "install.open",
    "proof": "looks.proof",
    "looked": "looks.at",
    "looks": "looks.count",
    "look_error": "looks.error",
    "erased": "disks.erased",
    "found": "disks.foreign_data",
    "raid": "disks.raid",
    "installed_on": "install.on",
    "system_on": "install.system_on",
    "nics": "install.nics",
    "reinstall": "install.reinstall",
    "in_service_since": "service.since",
    "left_service": "service.left",
    "left_install": "service.left_install",
    "hooks": "announced.hooks",
    "told": "announced.commands_run",
    "told_commands": "announced.commands",
    "aside_failures": "side_failures.count",
    "aside_tried": "side_failures.tried",
    "aside_error": "side_failures.error",
    "aside_since": "side_failures.since",
    "bmc": "bmc.set_to",
    "bmc_at": "bmc.at",
    "bmc_address": "bmc.address",
    "bmc_change": "bmc.change",
    "released": "service.released",
    "rings": "rings",
    "boots": "witnesses.boots",
    "vouched": "witnesses.vouched",
    "retried": "witnesses.retried",
    "answered": "answered",
}
"""Journals, exports and observations have a history flat: each name there, in their order, and the field that it is."""
