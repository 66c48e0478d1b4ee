"""Histories of machines: folds over the events of the journal."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

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
    VerifyBmc,
    VerifyInstall,
)
from .events import (
    Advanced,
    Booting,
    ClockSetBack,
    Erasing,
    Event,
    Failed,
    Forgotten,
    Interrupted,
    Proved,
    Restored,
    Retried,
    RingsRead,
    Started,
    Succeeded,
    Vouched,
    Wrote,
    uses_up,
)
from .history import (
    Announced,
    BmcSetup,
    History,
    Looks,
    Phase,
    Service,
    ToldCommand,
    Witnesses,
    command_digest,
    with_moments,
)
from .ownership import volumes


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
        return replace(done, announced=_told(h.announced, action))
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
            nics=action.nics,
        )
        return replace(begun, install=install, rings=None)
    return begun


def _told(before: Announced, action: TellCluster) -> Announced:
    command = ToldCommand(action.number, command_digest(action.command))
    return replace(before, commands_run=(before.commands_run or 0) + 1, commands=(*before.commands, command))


def _moved(h: History, at: datetime, to: Phase, announces: bool) -> History:
    failures = replace(h.failures, count=0, error=None)
    moved = replace(h, phase=to, failures=failures, permanent=False, repeats=0, service=replace(h.service, since=None))
    if to is Phase.IN_SERVICE:
        back = replace(moved, service=Service(since=at, released=h.service.released))
        return replace(back, announced=replace(h.announced, commands_run=0, commands=())) if announces else back
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
