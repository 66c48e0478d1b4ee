"""What was begun and how it ended; the history of a machine is a fold over these."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from .actions import (
    Action,
    BootLive,
    ChangeBmc,
    ConfigureBmc,
    ConfigureRaid,
    InstallOs,
    Release,
    RunHook,
    TellCluster,
    VerifyInstall,
)
from .disk_id import Finding
from .history import History, Phase, Proof


@dataclass(frozen=True, slots=True)
class Started:
    """Written before the first effect, so that a crash leaves a trace."""

    serial: str
    at: datetime
    action: Action
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
class Wrote:
    """An install has ended, well or not, and this is by which what it left on the disks is known again."""

    serial: str
    at: datetime
    marks: tuple[str, ...]  # ``ownership.uuid_marks``
    kind: Literal["wrote"] = "wrote"


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
    | Wrote
    | Succeeded
    | Failed
    | Interrupted
    | Advanced
    | Retried
    | Forgotten
    | Restored
    | ClockSetBack
)


ALL = frozenset({"install_os", "reinstall", "release"})
"""What a human can approve."""


def uses_up(event: Event) -> frozenset[str]:
    """Which approvals of its machine are used up by what happened: a human's word is good for one time."""
    match event:
        case Erasing():
            return frozenset({"install_os", "reinstall"})
        case Advanced(to=Phase.IN_SERVICE) | Succeeded(action=Release()) | Forgotten() | Restored():
            return ALL
        case _:
            return frozenset()


def after(h: History, event: Event) -> History:
    """The history of a machine once ``event`` has happened to it."""
    if isinstance(event, Started | Succeeded | Failed | Interrupted):
        action = event.action if isinstance(event, Started) else h.open_action
        if action is not None and action.looks:
            return _looked(h, event, action)
        return _side_task(h, event, action) if action is not None and action.is_side_task else _acted(h, event)
    if isinstance(event, Erasing | Wrote | Proved):
        return _seen_on_the_machine(h, event)
    match event:
        case Advanced(at=at, to=to, announces=announces):
            return _moved(h, at, to, announces)
        case Retried():
            h = replace(h, side_failures=0, side_tried=None, looks=0, looked=None, install_open=False)
            return replace(h, failures=0, permanent=False, tried=None, repeats=0, foreign_data=())
        case Forgotten(at=at):
            return _fresh(h, at)
        case Restored(history=history):
            return history
        case ClockSetBack(at=at, ahead=ahead):
            past: dict[str, Any] = {name: squeezed(moment, at, ahead) for name, moment in moments(h).items()}
            seen = replace(h.proof, at=squeezed(h.proof.at, at, ahead)) if h.proof else None
            return replace(h, **past, proof=seen)


def _seen_on_the_machine(h: History, event: Erasing | Wrote | Proved) -> History:
    """What a handler met there on its way makes of it."""
    match event:
        case Erasing(disks=disks, marks=marks):
            unseen = h.install_open or isinstance(h.open_action, InstallOs)
            return replace(h, erased=tuple(sorted({*h.erased, *disks, *marks})), foreign_data=(), install_open=unseen)
        case Wrote(marks=marks):
            return replace(h, erased=tuple(sorted({*h.erased, *marks})))
        case Proved(proof=proof):
            ended = proof.install is not None and proof.install == h.install_id
            return replace(h, proof=proof, install_open=h.install_open and not ended)


def moments(h: History) -> dict[str, datetime]:
    """Every moment in a history, by field."""
    found = {each.name: getattr(h, each.name) for each in fields(h)}
    return {name: value for name, value in found.items() if isinstance(value, datetime)}


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
            return replace(h, open_action=None, looked=at)
        case Failed(at=at, error=error):
            return replace(h, open_action=None, looked=at, looks=h.looks + 1, look_error=error)
        case Succeeded(at=at):
            said = "installed" if isinstance(action, VerifyInstall) else "live"
            so = h.proof is not None and h.proof.runs == said
            return replace(h, open_action=None, looked=at, looks=0 if so else h.looks + 1, look_error=None)


def _side_task(h: History, event: Started | Succeeded | Failed | Interrupted, action: Action) -> History:
    """What is done beside a machine's own way changes nothing of that: neither its failures nor what it did last."""
    match event:
        case Started(action=ChangeBmc() as change):
            return replace(h, open_action=change, bmc_change=change, bmc_address=change.address or h.bmc_address)
        case Started():
            return replace(h, open_action=action)
        case Interrupted(at=at):
            return replace(h, open_action=None, side_tried=at)
        case Failed(at=at, error=error):
            since = h.side_since if h.side_failures else at
            failed = replace(h, open_action=None, side_tried=at, side_failures=h.side_failures + 1, side_error=error)
            return replace(failed, side_since=since)
        case Succeeded(at=at):
            done = replace(h, open_action=None, side_tried=at, side_failures=0, side_error=None)
    if isinstance(action, ChangeBmc):
        return _bmc_is(replace(done, bmc_change=None), action.leaves(h.bmc), at)
    if isinstance(action, TellCluster):
        return replace(done, commands_run=action.number + 1)
    if isinstance(action, RunHook):
        others = tuple(name for name in h.hooks if name != action.hook)
        return replace(done, hooks=others if action.event == "released" else (*others, action.hook))
    return done


def _succeeded(h: History, at: datetime, action: Action) -> History:
    done = replace(_closed(h, at), failures=0, permanent=False, last_error=None, last_done=action.type, last_done_at=at)
    if isinstance(action, InstallOs):
        done = replace(done, reinstall=action.reinstall, install_open=False)
    if isinstance(action, BootLive) and h.proof is None:  # it was booted: whatever was to end has ended
        done = replace(done, install_open=False)
    if isinstance(action, ConfigureRaid):
        erased = any(disk.identity in h.erased for disk in action.layout.disks)  # then the last report is stale
        done = replace(done, raid=action.id, foreign_data=(), touched=at if erased else h.touched)
    if isinstance(action, ConfigureBmc):
        done = _bmc_is(done, action, at)
    if isinstance(action, Release):  # its BMC stays as it is
        return replace(_fresh(h, at), bmc=h.bmc, bmc_at=h.bmc_at, bmc_address=h.bmc_address)
    return done


def _bmc_is(h: History, as_it_is: ConfigureBmc, at: datetime) -> History:
    """Its BMC was seen to be so; whoever keeps its password is told anew."""
    return replace(h, bmc=as_it_is, bmc_at=at, hooks=tuple(name for name in h.hooks if name != "bmc_password"))


def _failed(h: History, event: Failed) -> History:
    """What was found is no failure of the machine's: it waits for a human's word, and nothing backs off."""
    unseen = h.install_open and not event.ended
    closed = replace(_closed(h, event.at), last_error=event.error, install_open=unseen)
    if event.found:
        return replace(closed, foreign_data=event.found)
    since = h.failing_since if h.failures else event.at
    return replace(closed, failures=h.failures + 1, failing_since=since, permanent=event.permanent)


def _fresh(h: History, at: datetime) -> History:
    """A new life. That something was once installed is not forgotten: nobody erased it."""
    return History(
        released=at if h.install_begun is not None else h.released, left_install=h.install_id or h.left_install
    )


def _begun(h: History, at: datetime, action: Action) -> History:
    begun = replace(
        h,
        open_action=action,
        touched=at if action.touches else h.touched,
        last_begun=action.type,
        repeats=h.repeats + 1 if h.last_begun == action.type else 1,
    )
    if action.restarts:
        begun = replace(begun, proof=None, looks=0, looked=None, look_error=None)
    if isinstance(action, ConfigureBmc):
        return replace(begun, bmc_address=action.address)
    if isinstance(action, InstallOs):
        return replace(
            begun,
            install_begun=at,
            install_generation=action.generation,
            install_id=action.id,
            installed_on=action.identity,
            system_on=tuple(disk for disk in action.identity if disk.name in action.system_disks),
        )
    return begun


def _moved(h: History, at: datetime, to: Phase, announces: bool) -> History:
    moved = replace(h, phase=to, failures=0, permanent=False, last_error=None, repeats=0, in_service_since=None)
    if to is Phase.IN_SERVICE:
        back = replace(moved, in_service_since=at, left_service=None, left_install=None)
        return replace(back, commands_run=0 if announces else h.commands_run)
    if h.phase is Phase.IN_SERVICE and to is Phase.ENROLLED:  # to be reinstalled: the last install counts no more
        left = replace(moved, left_service=at, left_install=h.install_id)
        return replace(left, install_generation=0, hooks=(), commands_run=None)
    return moved


def _closed(h: History, at: datetime) -> History:
    touched = at if h.open_action is not None and h.open_action.touches else h.touched
    return replace(h, open_action=None, touched=touched, tried=at)


def histories(events: Iterable[Event], known: dict[str, History] | None = None) -> dict[str, History]:
    """One history per machine, from the journal in order; ``known`` holds what earlier events added up to."""
    found: dict[str, History] = dict(known or {})
    for event in events:
        found[event.serial] = after(found.get(event.serial, History()), event)
    return found
