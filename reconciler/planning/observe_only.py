"""Holds every step while a daemon only looks, as its database may be older than the world.

A database that was restored, or lost its end, or is new, knows less than the machines do. Acting upon it would end what
they do since. So nothing is begun until an operator has said what holds.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from ..model.epoch import Epoch, Standing
from ..model.machine import MachineView
from ..model.plan import Act, Advance, Step, Wait
from ..model.reasons import Reason
from .candidates import says_installed
from .safety import waiting

ENDS_IT = (
    '"reconciler adopt --dry-run" tells what would become of each machine, "reconciler adopt" takes into service those '
    'that serve, and "reconciler adopt --as-new" says that the database is right as it is'
)
"""What an operator can do."""

UNTIL = "an operator to say whether the database is right (reconciler adopt)"
_NAMED = 3  # machines; more do not help


def disagreement(database: Standing | None, remembered: Epoch | None, where: str) -> str | None:
    """Why the database may be older than the world, as far as it and the state folder know; None: it is not.

    A folder that remembers nothing, or less, is no reason: another host's daemon acted since, or this one never did.

    Args:
        database: What it says of itself; None: there is none.
        remembered: What the state folder last saw.
        where: The file in which that is written.
    """
    if database is None:
        return f"there is no database, and {where} remembers one (fleet {remembered.fleet})" if remembered else None
    here = database.epoch
    if remembered is not None and remembered.fleet != here.fleet:
        return (
            f"the database is not the one that {where} remembers: it is of fleet {here.fleet}, and that one of "
            f"{remembered.fleet}. It is new, or was restored"
        )
    if remembered is not None and remembered.counter > here.counter:
        return (
            f"the database is older than what was done since: {where} has counted to {remembered.counter}, and the "
            f"database to {here.counter}. It was restored, or its end was lost"
        )
    return database.doubt


def unremembered(database: Standing, remembered: Epoch | None, where: str) -> str | None:
    """Why a daemon that is about to act may not: nothing on its host knows how old the database is; None: it may.

    A backup that was brought back on another host looks just so. A daemon that stood by while another one acted has
    remembered meanwhile.
    """
    counter = database.epoch.counter
    if remembered is not None or not counter:
        return None
    return (
        f"nobody knows how old the database is: it has counted to {counter}, and {where} remembers nothing. It may be "
        "a copy of an earlier day"
    )


def new_beside_installed(machines: Iterable[MachineView], released: Collection[str], *, settled: bool) -> str | None:
    """Why nothing may be begun: the database never gave a place away, and machines say that they are installed."""
    known = list(machines)
    if settled or released or any(m.allocation for m in known):
        return None
    said = sorted(m.serial for m in known if says_installed(m))
    if not said:
        return None
    names = ", ".join(said[:_NAMED]) + (f" and {len(said) - _NAMED} more" if len(said) > _NAMED else "")
    return f"the database never gave any machine a place, and an installed system reports from {names}"


def only_looking(step: Step) -> Step:
    """The step as it is while nothing may be begun. Nobody is asked to approve what may not be so either."""
    match step:
        case Act(action=action):
            return waiting(step, Reason.DATABASE_IN_DOUBT, f"{UNTIL}; then {action.type}")
        case Advance(to=to):
            return waiting(step, Reason.DATABASE_IN_DOUBT, f"{UNTIL}; then {to}")
        case Wait(needs_approval=str()):
            return replace(step, reason=Reason.DATABASE_IN_DOUBT, on=f"{UNTIL}; then {step.on}", asks=None)
        case _:
            return step
