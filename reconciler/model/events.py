"""Events of the journal: what was begun and how it ended. The history of a machine is a fold over these."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from .actions import (
    Action,
    BootLive,
    BuildRings,
    ChangeBmc,
    ConfigureBmc,
    ConfigureRaid,
    InstallOs,
    Release,
    RunHook,
    TellCluster,
    VerifyBmc,
    VerifyInstall,
)
from .disk_id import Finding
from .history import Announced, BmcSetup, BmcWord, History, Looks, Phase, Proof, Service, Witnesses, with_moments
from .ownership import volumes
from .rings import RingFile


@dataclass(frozen=True, slots=True)
class Started:
    """Written before the first effect, so that a crash leaves a trace."""

    serial: str
    at: datetime
    action: Action
    reason: str | None = None
    """Name of the ``Reason`` for which it was planned; a text, and None in journals of old, as in ``Advanced``."""
    kind: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class Erasing:
    """Written by a handler right before it erases: from here on what these disks hold is ours."""

    serial: str
    at: datetime
    disks: tuple[str, ...]  # identity of each
    marks: tuple[str, ...] = ()  # by which they are known again (``ownership``); none in journals of old
    kind: Literal["erasing"] = "erasing"


@dataclass(frozen=True, slots=True)
class Proved:
    """Written by a handler that asked the machine itself, over SSH, what it runs."""

    serial: str
    at: datetime
    proof: Proof
    kind: Literal["proved"] = "proved"


@dataclass(frozen=True, slots=True)
class Booting:
    """Written by a handler right before it has the BMC boot the machine: from here on nonces of before are old."""

    serial: str
    at: datetime
    kind: Literal["booting"] = "booting"


@dataclass(frozen=True, slots=True)
class Vouched:
    """Written by a handler that asked the machine's BMC whose it is, and whether the machine is on."""

    serial: str
    at: datetime
    said: BmcWord
    kind: Literal["vouched"] = "vouched"


@dataclass(frozen=True, slots=True)
class Wrote:
    """An install has ended, well or not, and this is by which what it left on the disks is known again."""

    serial: str
    at: datetime
    marks: tuple[str, ...]  # ``ownership.uuid_marks``
    kind: Literal["wrote"] = "wrote"


@dataclass(frozen=True, slots=True)
class RingsRead:
    """Somebody asked the node itself, over SSH, which ring files it has."""

    serial: str
    at: datetime
    rings: tuple[RingFile, ...]
    kind: Literal["rings-read"] = "rings-read"


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The action's aim was reached, and seen to be."""

    serial: str
    at: datetime
    action: Action
    kind: Literal["succeeded"] = "succeeded"


@dataclass(frozen=True, slots=True)
class Failed:
    """The action ended without reaching its aim."""

    serial: str
    at: datetime
    action_id: str
    error: str
    permanent: bool = False
    found: tuple[Finding, ...] = ()  # what it would have erased, had anybody allowed that
    ended: bool = False  # of an install: its installer was seen to have ended
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Nobody knows how it ended: we were not there. Only a fresh look will tell."""

    serial: str
    at: datetime
    action_id: str
    kind: Literal["interrupted"] = "interrupted"


@dataclass(frozen=True, slots=True)
class Advanced:
    """The machine was seen to be where the next phase begins."""

    serial: str
    at: datetime
    to: Phase
    because: str
    announces: bool = False  # whether its cluster is told that it came into service; never in journals of old
    reason: str | None = None
    """Name of the ``Reason`` that ``because`` tells; a text, as another version of this program may have other reasons,
    and a journal stays readable. None: in journals of old."""
    kind: Literal["advanced"] = "advanced"


@dataclass(frozen=True, slots=True)
class Retried:
    """An operator said "retry now": failures and back-off are forgotten, the phase is kept."""

    serial: str
    at: datetime
    who: str
    why: str
    kind: Literal["retried"] = "retried"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """An operator dropped the record of a machine; heard of again it is new, but for what its disks may hold."""

    serial: str
    at: datetime
    who: str
    why: str
    kind: Literal["forgotten"] = "forgotten"


@dataclass(frozen=True, slots=True)
class Restored:
    """What an export, or the database of the installer before us, knew of a machine."""

    serial: str
    at: datetime
    history: History
    why: str
    kind: Literal["restored"] = "restored"


@dataclass(frozen=True, slots=True)
class ClockSetBack:
    """The clock is behind what it said: whatever is later than ``at`` was said by a clock that was ahead."""

    serial: str
    at: datetime
    ahead: datetime  # the latest that it said, of any machine
    kind: Literal["clock-set-back"] = "clock-set-back"


Event = (
    Started
    | Erasing
    | Proved
    | Booting
    | Vouched
    | Wrote
    | Succeeded
    | Failed
    | Interrupted
    | Advanced
    | Retried
    | Forgotten
    | Restored
    | ClockSetBack
    | RingsRead
)


ALL = frozenset({"install_os", "reinstall", "release", "change_rings"})
"""What a human can approve."""


def uses_up(event: Event) -> frozenset[str]:
    """Which approvals of its machine are used up by what happened: a human's word is good for one time."""
    match event:
        case Erasing():
            return frozenset({"install_os", "reinstall"})
        case Succeeded(action=BuildRings(approved=str())):
            return frozenset({"change_rings"})
        case Advanced(to=Phase.IN_SERVICE) | Succeeded(action=Release()) | Forgotten() | Restored():
            return ALL
        case _:
            return frozenset()


def after(h: History, event: Event) -> History:
    """The history of a machine once ``event`` has happened to it."""
    happened = _after(h, event)
    if isinstance(event, Restored):  # as it was exported, and never less than is known here
        return replace(happened, answered=max(happened.answered, h.answered))
    return replace(happened, answered=happened.answered + 1) if uses_up(event) else happened


def _after(h: History, event: Event) -> History:
    """The history once ``event`` has happened, but for approvals that it used up."""
    if isinstance(event, Started | Succeeded | Failed | Interrupted):
        action = event.action if isinstance(event, Started) else h.open_action
        if action is not None and action.looks:
            return _looked(h, event, action)
        return _side_task(h, event, action) if action is not None and action.is_side_task else _acted(h, event)
    if isinstance(event, Erasing | Wrote | Proved | RingsRead | Booting | Vouched):
        return _seen_on_the_machine(h, event)
    match event:
        case Advanced(at=at, to=to, announces=announces):
            return _moved(h, at, to, announces)
        case Retried(at=at):
            return _retried(h, at)
        case Forgotten(at=at):
            return _fresh(h, at)
        case Restored(history=history):
            return history
        case ClockSetBack(at=at, ahead=ahead):
            return with_moments(h, lambda moment: squeezed(moment, at, ahead))


def _seen_on_the_machine(h: History, event: Erasing | Wrote | Proved | RingsRead | Booting | Vouched) -> History:
    """What a handler met there on its way makes of it."""
    match event:
        case Booting():
            return _booted_anew(h)
        case Vouched(said=said):
            return replace(h, witnesses=replace(h.witnesses, vouched=said))
        case Erasing(disks=disks, marks=marks):
            unseen = h.install.open or isinstance(h.open_action, InstallOs)
            erased = tuple(sorted({*h.disks.erased, *disks, *marks}))
            return replace(
                h,
                disks=replace(h.disks, erased=erased, foreign_data=()),
                install=replace(h.install, open=unseen),
            )
        case Wrote(marks=marks):
            return replace(h, disks=replace(h.disks, erased=tuple(sorted({*h.disks.erased, *marks}))))
        case RingsRead(rings=rings):
            return replace(h, rings=rings)
        case Proved(proof=proof):
            ended = proof.install is not None and proof.install == h.install.id
            unseen = h.install.open and not ended
            erased = volumes(h.disks.erased) if ended else h.disks.erased
            proved = replace(h, looks=replace(h.looks, proof=proof), install=replace(h.install, open=unseen))
            return replace(proved, disks=replace(h.disks, erased=erased))


def _booted_anew(h: History) -> History:
    """Another boot begins: whoever spoke for the one before does not speak for it."""
    return replace(h, witnesses=replace(h.witnesses, boots=h.witnesses.boots + 1, vouched=None))


def _retried(h: History, at: datetime) -> History:
    """Every next try and look is due, and nothing that was met before counts."""
    return replace(
        h,
        witnesses=replace(h.witnesses, retried=at),
        failures=h.failures.forgiven(),
        permanent=False,
        side_failures=h.side_failures.forgiven(),
        repeats=0,
        looks=replace(h.looks, at=None, count=0),
        install=replace(h.install, open=False),
        disks=replace(h.disks, foreign_data=()),
    )


def squeezed(moment: datetime, at: datetime, ahead: datetime) -> datetime:
    """A moment that counts in place of one that a clock said which was ahead.

    Not later than ``at``, from where what is new counts, and in the same order as before: what came first stays first.
    """
    return moment if moment <= at else at - max(ahead - moment, timedelta()) / 1000


def _acted(h: History, event: Started | Succeeded | Failed | Interrupted) -> History:
    """What an action of the machine's own way makes of it."""
    match event:
        case Started(at=at, action=action):
            return _begun(h, at, action)
        case Succeeded(at=at, action=action):
            return _succeeded(h, at, action)
        case Failed():
            return _failed(h, event)
        case Interrupted(at=at):
            return _closed(h, at)


def _looked(h: History, event: Started | Succeeded | Failed | Interrupted, action: Action) -> History:
    """A look changes nothing but what is known; one that did not find what is said is not repeated at once."""
    match event:
        case Started():
            return replace(h, open_action=action)
        case Interrupted(at=at):
            looks = replace(h.looks, at=at)
        case Failed(at=at, error=error):
            looks = replace(h.looks, at=at, count=h.looks.count + 1, error=error)
        case Succeeded(at=at):
            said = "installed" if isinstance(action, VerifyInstall) else "live"
            so = isinstance(action, VerifyBmc) or (h.looks.proof is not None and h.looks.proof.runs == said)
            looks = replace(h.looks, at=at, count=0 if so else h.looks.count + 1, error=None)
    return replace(h, open_action=None, looks=looks)


def _side_task(h: History, event: Started | Succeeded | Failed | Interrupted, action: Action) -> History:
    """What is done beside a machine's own way changes nothing of that: neither its failures nor what it did last."""
    match event:
        case Started(action=ChangeBmc() as change):
            bmc = replace(h.bmc, change=change, address=change.address or h.bmc.address)
            return replace(h, open_action=change, bmc=bmc)
        case Started():
            return replace(h, open_action=action)
        case Interrupted(at=at):
            return replace(h, open_action=None, side_failures=h.side_failures.ended(at))
        case Failed(at=at, error=error):
            return replace(h, open_action=None, side_failures=h.side_failures.failed(at, error))
        case Succeeded(at=at):
            done = replace(h, open_action=None, side_failures=h.side_failures.succeeded(at))
    if isinstance(action, ChangeBmc):
        return _bmc_is(done, replace(h.bmc, set_to=action.leaves(h.bmc.set_to), at=at, change=None))
    if isinstance(action, TellCluster):
        return replace(done, announced=replace(h.announced, commands_run=action.number + 1))
    if isinstance(action, RunHook):
        others = tuple(name for name in h.announced.hooks if name != action.hook)
        hooks = others if action.event == "released" else (*others, action.hook)
        return replace(done, announced=replace(h.announced, hooks=hooks))
    return done


def _succeeded(h: History, at: datetime, action: Action) -> History:
    """The history after an action that succeeded: no failure counts now, and what the action made true is recorded."""
    if isinstance(action, Release):  # its BMC stays as it is
        return replace(_fresh(h, at), bmc=replace(h.bmc, change=None))
    done = replace(
        _closed(h, at),
        failures=h.failures.succeeded(at),
        permanent=False,
        last_done=action.type,
        last_done_at=at,
    )
    if isinstance(action, InstallOs):
        installed = replace(h.install, reinstall=action.reinstall, open=False)
        return replace(done, install=installed, disks=replace(h.disks, erased=volumes(h.disks.erased)))
    if isinstance(action, BootLive) and h.looks.proof is None:  # it was booted: whatever was to end has ended
        return replace(done, install=replace(h.install, open=False))
    if isinstance(action, ConfigureRaid):
        erased = any(disk.identity in h.disks.erased for disk in action.layout.disks)  # then the last report is stale
        disks = replace(h.disks, raid=action.id, foreign_data=())
        return replace(done, disks=disks, touched=at if erased else h.touched)
    if isinstance(action, ConfigureBmc):
        return _bmc_is(done, replace(h.bmc, set_to=action, at=at))
    return done


def _bmc_is(h: History, as_it_is: BmcSetup) -> History:
    """Its BMC was seen to be so; whoever keeps its password is told anew."""
    hooks = tuple(name for name in h.announced.hooks if name != "bmc_password")
    return replace(h, bmc=as_it_is, announced=replace(h.announced, hooks=hooks))


def _failed(h: History, event: Failed) -> History:
    """What was found is no failure of the machine's: it waits for a human's word, and nothing backs off."""
    closed = _closed(h, event.at)
    if h.install.open and event.ended:
        closed = replace(closed, install=replace(h.install, open=False))
    if event.found:
        met = replace(h.disks, foreign_data=event.found)
        return replace(closed, failures=replace(closed.failures, error=event.error), disks=met)
    return replace(closed, failures=h.failures.failed(event.at, event.error), permanent=event.permanent)


def _fresh(h: History, at: datetime) -> History:
    """A new life. That something was once installed is not forgotten: nobody erased it."""
    released = at if h.install.begun is not None else h.service.released
    service = Service(released=released, left_install=h.install.id or h.service.left_install)
    return History(service=service, witnesses=Witnesses(h.witnesses.boots), answered=h.answered)


def _begun(h: History, at: datetime, action: Action) -> History:
    """The history with an action open. What the action may change is recorded now: a crash may be its end."""
    begun = replace(
        h,
        open_action=action,
        touched=at if action.touches else h.touched,
        last_begun=action.type,
        repeats=h.repeats + 1 if h.last_begun == action.type else 1,
        looks=Looks() if action.restarts else h.looks,
    )
    if isinstance(action, ConfigureBmc):
        return replace(begun, bmc=replace(h.bmc, address=action.address))
    if isinstance(action, InstallOs):
        install = replace(
            h.install,
            begun=at,
            generation=action.generation,
            id=action.id,
            on=action.identity,
            system_on=tuple(disk for disk in action.identity if disk.name in action.system_disks),
        )
        return replace(begun, install=install, rings=None)
    return begun


def _moved(h: History, at: datetime, to: Phase, announces: bool) -> History:
    failures = replace(h.failures, count=0, error=None)
    moved = replace(h, phase=to, failures=failures, permanent=False, repeats=0, service=replace(h.service, since=None))
    if to is Phase.IN_SERVICE:
        back = replace(moved, service=Service(since=at, released=h.service.released))
        return replace(back, announced=replace(h.announced, commands_run=0)) if announces else back
    if to is Phase.INSTALLED:  # it is booted from its disk from here on, by whomever
        return _booted_anew(moved)
    if h.phase is Phase.IN_SERVICE and to is Phase.ENROLLED:  # to be reinstalled: the last install counts no more
        left = replace(moved.service, left=at, left_install=h.install.id)
        return replace(moved, service=left, install=replace(h.install, generation=0), announced=Announced())
    return moved


def _closed(h: History, at: datetime) -> History:
    touched = at if h.open_action is not None and h.open_action.touches else h.touched
    return replace(h, open_action=None, touched=touched, failures=h.failures.ended(at))


def histories(events: Iterable[Event], known: dict[str, History] | None = None) -> dict[str, History]:
    """One history per machine, from the journal in order; ``known`` holds what earlier events added up to."""
    found: dict[str, History] = dict(known or {})
    for event in events:
        found[event.serial] = after(found.get(event.serial, History()), event)
    return found
