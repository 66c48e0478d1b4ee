"""Decisions of humans. Each says who and why, and is written to the journal."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, or_, select, update

from ..model.errors import PermanentError
from ..model.events import Forgotten, Retried
from ..model.machine import Approval, Pause
from ..model.observations import Notice
from .codec import statement_text
from .database import Part, Writing
from .journal import write_events, write_notices
from .leases import read_acted
from .tables import allocation, approval, conflict, hardware, journal, machine, pause


class DecisionsPart(Part):
    """Approvals, pauses, conflicts, retries, and forgetting."""

    def approve(self, given: Approval, asked: str) -> None:
        """Keep a human's word; a second one of the same person for the same step takes the first one's place.

        Args:
            given: The word.
            asked: What the machine waited for, as its giver read it; the journal keeps it.
        """
        with self._database.writing("decision", "journal", decided=True) as writing:
            inserted = writing.insert(approval)
            key = [approval.c[name] for name in ("serial", "action", "generation", "who")]
            kept = ("why", "at", "covers", "statement", "acted", "signature")
            writing.connection.execute(
                inserted.on_conflict_do_update(
                    index_elements=key, set_={name: inserted.excluded[name] for name in kept}
                ),
                _approval_row(given, read_acted(writing.connection)),
            )
            what = f"{given.action} approved for generation {given.generation}"
            text = f"{what}: {given.why} (it waited for {asked})"
            write_notices(writing, [Notice(given.serial, given.at, "approved", text, given.who)])

    def revoke(self, serial: str, action: str, *, who: str, why: str, at: datetime) -> bool:
        """Take back every approval of an action on a machine; whether there was any."""
        mine = (approval.c.serial == serial, approval.c.action == action)
        with self._database.writing("decision", "journal", decided=True) as writing:
            there_was = writing.connection.execute(delete(approval).where(*mine)).rowcount > 0
            if there_was:
                text = f"approval of {action} taken back: {why}"
                write_notices(writing, [Notice(serial, at, "revoked", text, who)])
        return there_was

    def void(self, words: Iterable[Approval], why: str, at: datetime) -> None:
        """Drop approvals of which nobody asks any more, unless somebody has given them anew meanwhile."""
        with self._database.writing("decision", "journal") as writing:
            for word in words:
                names = ("serial", "action", "generation", "who", "at")
                this = (approval.c[name] == getattr(word, name) for name in names)
                if writing.connection.execute(delete(approval).where(*this)).rowcount:
                    text = f"approval of {word.action} by {word.who} is void: {why}"
                    write_notices(writing, [Notice(word.serial, at, "approval-void", text)])

    def pause(self, wanted: Pause) -> None:
        """Stop everything in a scope until ``resume``; a second pause of a scope takes the first one's place.

        That OCI is in charge stays so: only a resume says that this server takes over.
        """
        with self._database.writing("decision", "journal", decided=True) as writing:
            inserted = writing.insert(pause)
            kept: dict[str, Any] = {name: inserted.excluded[name] for name in ("who", "why", "at")}
            kept["oci_in_charge"] = or_(pause.c.oci_in_charge, inserted.excluded.oci_in_charge)
            writing.connection.execute(
                inserted.on_conflict_do_update(index_elements=[pause.c.scope], set_=kept), asdict(wanted)
            )
            text = f"{wanted.scope} paused: {wanted.why}"
            write_notices(writing, [Notice(_machine_of(wanted.scope), wanted.at, "paused", text, wanted.who)])

    def resume(self, scope: str, *, who: str, why: str, at: datetime) -> bool:
        """End the pause of a scope; whether there was one."""
        with self._database.writing("decision", "journal", decided=True) as writing:
            there_was = writing.connection.execute(delete(pause).where(pause.c.scope == scope)).rowcount > 0
            if there_was:
                notice = Notice(_machine_of(scope), at, "resumed", f"{scope} resumed: {why}", who)
                write_notices(writing, [notice])
        return there_was

    def set_conflict(self, serial: str, reason: str, evidence: str, *, at: datetime) -> None:
        """Hold a machine until a human clears it. A conflict that is known stays as it was first told."""
        with self._database.reading() as connection:  # most calls end here: every report of such a machine makes one
            if connection.scalar(select(exists().where(conflict.c.serial == serial))):
                return
        with self._database.writing("decision", "journal") as writing:
            row = {"serial": serial, "reason": reason, "evidence": evidence, "at": at}
            added = writing.insert(conflict).on_conflict_do_nothing().returning(conflict.c.serial)
            if writing.connection.scalar(added, row) is not None:
                write_notices(writing, [Notice(serial, at, "conflict", f"{reason}: {evidence}")])

    def retry(self, serial: str, *, who: str, why: str, at: datetime) -> None:
        """Forget a machine's failures, and what it was held for, so that it is tried again at once.

        Should two machines still claim its serial, the next report of the other one holds it again.
        """
        with self._database.writing("decision", "journal", decided=True) as writing:
            _end_conflict(writing, Notice(serial, at, "conflict-cleared", f"quarantined no longer: {why}", who))
            write_events(writing, [Retried(serial, at, who, why)])

    def forget(self, serial: str, *, who: str, why: str, at: datetime) -> None:
        """Drop the record of a machine. Its hardware is not touched; when it is heard of again, it is a new one.

        Raises:
            PermanentError: It holds a name and addresses, or nobody knows it.
        """
        with self._database.writing("machine", "allocation", "decision", "journal", decided=True) as writing:
            _refuse_to_forget(writing.connection, serial)
            write_events(writing, [Forgotten(serial, at, who, why)])
            connection = writing.connection
            blank = {column.name: None for column in machine.columns if column.name not in ("serial", "revision")}
            mine = update(machine).where(machine.c.serial == serial)
            connection.execute(mine.values(**blank, revision=writing.revision))
            ended = update(allocation).where(allocation.c.serial == serial)
            connection.execute(ended.values(ended_by="forgotten", revision=writing.revision))
            for table in (hardware, approval, conflict):
                connection.execute(delete(table).where(table.c.serial == serial))


def _approval_row(given: Approval, acted: float | None) -> dict[str, Any]:
    names = ("serial", "action", "generation", "who", "why", "at", "covers", "signature")
    statement = statement_text(given.statement) if given.statement else None
    return {**{name: getattr(given, name) for name in names}, "statement": statement, "acted": acted}


def _end_conflict(writing: Writing, notice: Notice) -> None:
    """Hold the machine no longer, and say so if it was held."""
    if writing.connection.execute(delete(conflict).where(conflict.c.serial == notice.serial)).rowcount:
        write_notices(writing, [notice])


def _refuse_to_forget(connection: Connection, serial: str) -> None:
    active = select(allocation.c.hostname).where(allocation.c.serial == serial, allocation.c.ended_at.is_(None))
    hostname = connection.scalar(active)
    if hostname is not None:
        raise PermanentError(f"{serial} is {hostname}: decommission it first, so that its name is released")
    if not any(connection.scalar(select(exists().where(t.c.serial == serial))) for t in (machine, journal, conflict)):
        raise PermanentError(f"no machine {serial} is known")


def _machine_of(scope: str) -> str | None:
    kind, _, name = scope.partition(":")
    return name if kind == "machine" else None
