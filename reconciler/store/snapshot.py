"""Everything that is known, at one moment: what the planner's observation is made of.

A second look reads only what changed since the first. Every row that changes carries the number of the transaction
that changed it, and hardware that stays the same is not parsed again.
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from ..model.epoch import Standing
from ..model.folding import histories
from ..model.gates import Readings
from ..model.hardware import Hardware
from ..model.history import History
from ..model.machine import (
    Allocation,
    Approval,
    Certificate,
    InstallStatus,
    Pause,
    Power,
    SecretRef,
    Seen,
    ShownCertificate,
    Vip,
)
from ..model.rings import RingRound, RingState
from .clocks import SetBack, read_set_back
from .cluster_facts import read_fixed, read_set_up, read_shown
from .codec import allocation_of, parse_event, parse_hardware, parse_readings, parse_statement, secret_refs
from .database import TOKEN, Database, revisions
from .document_versions import Versions, read_versions
from .epochs import read_standing
from .journal import JournalPart
from .leases import read_acted
from .machines import chunks
from .rings import read_rounds, read_states
from .tables import allocation, approval, conflict, hardware, journal, machine, pause, secret, vip

_HELD = select(allocation).where(allocation.c.ended_at.is_(None))
_ALLOCATED = select(allocation).where(allocation.c.revision > bindparam("since")).order_by(allocation.c.id)
_BODIES = (
    select(journal.c.body)
    .where(journal.c.serial.in_(bindparam("some", expanding=True)), journal.c.body.is_not(None))
    .order_by(journal.c.position)
)
_MACHINES = select(machine).where(machine.c.revision > bindparam("since"))
_SOME_MACHINES = select(machine).where(machine.c.serial.in_(bindparam("some", expanding=True)))
_HARDWARE = select(hardware.c.id, hardware.c.body).where(hardware.c.id.in_(bindparam("some", expanding=True)))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known. Everything is of the same moment."""

    token: int  # to be compared with ``Store.change_token``
    seen: Mapping[str, Seen] = field(default_factory=dict)  # machines that reported, by serial
    readings: Mapping[str, Readings] = field(default_factory=dict)  # of machines' services, by serial
    allocations: Mapping[str, Allocation] = field(default_factory=dict)  # by serial
    retired: Mapping[str, Allocation] = field(default_factory=dict)  # what was last released and not taken over
    vips: tuple[Vip, ...] = ()
    approvals: tuple[Approval, ...] = ()
    pauses: tuple[Pause, ...] = ()
    conflicts: Mapping[str, str] = field(default_factory=dict)  # serial -> why it is quarantined
    histories: Mapping[str, History] = field(default_factory=dict)
    secrets: frozenset[SecretRef] = frozenset()  # those that exist
    set_up: frozenset[str] = frozenset()  # clusters whose first setup is over
    fixed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by cluster: what its nodes keep
    shown: Mapping[str, ShownCertificate] = field(default_factory=dict)  # what APIs show, by cluster
    certificates: tuple[Certificate, ...] = ()  # the one that ends first at the beginning
    documents: Mapping[str, Versions] = field(default_factory=dict)  # by hostname, the newest first
    rings: tuple[RingState, ...] = ()  # in force
    ring_rounds: tuple[RingRound, ...] = ()  # worked out, and waiting for an approval
    standing: Standing | None = None  # how old the database is, by its own word; None: there is none
    doubt: str | None = None  # why it may be older than the machines; said by who compares it with the state folder
    set_back: SetBack | None = None  # when moments were last set back that lay in the future
    acted: float | None = None  # seconds that daemons have acted so far


@dataclass
class _LastLook:
    """What the last look left behind."""

    revisions: dict[str, int] = field(default_factory=dict)
    hardware_ids: dict[str, int] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    readings: dict[str, Readings] = field(default_factory=dict)
    allocations: dict[str, tuple[int, Allocation]] = field(default_factory=dict)  # with their row's id
    retired: dict[str, tuple[int, Allocation]] = field(default_factory=dict)
    vips: tuple[Vip, ...] = ()
    approvals: tuple[Approval, ...] = ()
    pauses: tuple[Pause, ...] = ()
    conflicts: dict[str, str] = field(default_factory=dict)
    secrets: frozenset[SecretRef] = frozenset()
    set_up: frozenset[str] = frozenset()
    fixed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    shown: Mapping[str, ShownCertificate] = field(default_factory=dict)
    certificates: tuple[Certificate, ...] = ()
    documents: dict[str, Versions] = field(default_factory=dict)
    rings: tuple[RingState, ...] = ()
    ring_rounds: tuple[RingRound, ...] = ()


class SnapshotPart(JournalPart):
    """One look at everything."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._looking = threading.Lock()
        self._known = _LastLook()

    def change_token(self) -> int:
        """Rises whenever something is written, but for leases and the daemon's own state. Costs one short query."""
        with self._database.reading() as connection:
            return revisions(connection)[TOKEN]

    def decision_token(self) -> int:
        """Rises whenever a human decides something, or something is handed out; words of machines leave it as it is."""
        with self._database.reading() as connection:
            known = revisions(connection)
        return max(known["decision"], known["allocation"])

    def snapshot(self) -> Snapshot:
        """Everything that is known now."""
        with self._looking, self._database.reading() as connection:
            now, known = revisions(connection), self._known
            _look_again(connection, known, now)
            histories = self._fold(connection)
            known.revisions = now
            return Snapshot(
                token=now[TOKEN],
                seen=dict(known.seen),
                readings=dict(known.readings),
                allocations={serial: held for serial, (_, held) in known.allocations.items()},
                retired={serial: held for serial, (_, held) in known.retired.items()},
                vips=known.vips,
                approvals=known.approvals,
                pauses=known.pauses,
                conflicts=dict(known.conflicts),
                histories=histories,
                secrets=known.secrets,
                set_up=known.set_up,
                fixed=known.fixed,
                shown=known.shown,
                certificates=known.certificates,
                documents=known.documents,
                rings=known.rings,
                ring_rounds=known.ring_rounds,
                standing=read_standing(connection),
                set_back=read_set_back(connection),
                acted=read_acted(connection),
            )

    def allocations(self) -> Mapping[str, Allocation]:
        """What machines hold, by serial; for those who need nothing else."""
        with self._database.reading() as connection:
            rows = connection.execute(_HELD)
            return {row.serial: allocation_of(row) for row in rows}

    def vips(self) -> tuple[Vip, ...]:
        """Every virtual address; for those who need nothing else."""
        with self._database.reading() as connection:
            return read_vips(connection)

    def seen(self, serials: Collection[str]) -> Mapping[str, Seen]:
        """What some machines said last; for those who need not all."""
        known = _LastLook()
        with self._database.reading() as connection:
            for part in chunks(sorted(serials)):
                _take_machines(connection, known, connection.execute(_SOME_MACHINES, {"some": part}).all())
        return known.seen

    def histories_of(self, serials: Collection[str]) -> Mapping[str, History]:
        """What happened to some machines. Who has read the whole journal before reads only what is new in it."""
        with self._database.reading() as connection:
            if self._has_folded:
                known = self._fold(connection)
                return {serial: known[serial] for serial in serials if serial in known}
            parts = chunks(sorted(serials))
            rows = [row for part in parts for row in connection.execute(_BODIES, {"some": part})]
        return histories(parse_event(row.body) for row in rows)


def _look_again(connection: Connection, known: _LastLook, now: Mapping[str, int]) -> None:
    """Read what has changed since the last look, and nothing else.

    Args:
        connection: To the database, in one moment of it.
        known: What the last look read; changed in place.
        now: In which transaction each area last changed.
    """
    before = known.revisions
    if now["machine"] > before.get("machine", -1):
        _look_at_machines(connection, known, before.get("machine", -1))
    if now["allocation"] > before.get("allocation", -1):
        _look_at_allocations(connection, known, before.get("allocation", -1))
        known.vips = read_vips(connection)
    if now["decision"] > before.get("decision", -1):
        _look_at_decisions(connection, known)
    if now["secret"] > before.get("secret", -1):
        _look_at_secrets(connection, known)
    if now["document"] > before.get("document", -1):
        known.documents = known.documents | read_versions(connection, before.get("document", -1))
    if now["fact"] > before.get("fact", -1):
        known.set_up, known.fixed, known.shown = read_set_up(connection), read_fixed(connection), read_shown(connection)
    if now["ring"] > before.get("ring", -1):
        known.rings, known.ring_rounds = read_states(connection), read_rounds(connection)


def _look_at_machines(connection: Connection, known: _LastLook, since: int) -> None:
    rows = connection.execute(_MACHINES, {"since": since}).all()
    _take_machines(connection, known, rows)


def _take_machines(connection: Connection, known: _LastLook, rows: Collection[Row[Any]]) -> None:
    """Bring what is known of machines up to these rows. Hardware is read and parsed where it is another than before.

    Args:
        connection: In the snapshot's transaction.
        known: What the last look found; it is changed.
        rows: Of the machines that changed since.
    """
    changed = [row.hardware for row in rows if row.hardware not in (None, known.hardware_ids.get(row.serial))]
    parsed = _read_hardware(connection, changed)
    for row in rows:
        known.readings.pop(row.serial, None)
        if row.readings is not None:
            known.readings[row.serial] = parse_readings(row.readings)
        if row.hardware is None:  # it never reported, or was forgotten
            known.seen.pop(row.serial, None)
            known.hardware_ids.pop(row.serial, None)
            continue
        known.seen[row.serial] = Seen(
            hardware=parsed.get(row.hardware) or known.seen[row.serial].hardware,
            digest=row.digest,
            reported_at=row.reported_at,
            address=row.address or "",
            status=InstallStatus(row.status) if row.status else None,
            status_at=row.status_at,
            power=Power(row.power) if row.power else None,
            power_at=row.power_at,
            last_puppet_began=row.puppet_at,
            boot=row.boot,
            witnessed_at=row.witnessed_at,
            reported_from=row.reported_from or "",
        )
        known.hardware_ids[row.serial] = row.hardware


def _read_hardware(connection: Connection, ids: list[int]) -> dict[int, Hardware]:
    return {
        row.id: parse_hardware(row.body)
        for some in chunks(ids)
        for row in connection.execute(_HARDWARE, {"some": some})
    }


def _look_at_allocations(connection: Connection, known: _LastLook, since: int) -> None:
    """Take the rows that changed, oldest first: a row that ended gives way, unless a newer one has taken its place."""
    for row in connection.execute(_ALLOCATED, {"since": since}):
        held, retired = known.allocations.get(row.serial), known.retired.get(row.serial)
        if row.ended_at is None:
            known.allocations[row.serial] = (row.id, allocation_of(row))
            known.retired.pop(row.serial, None)
            continue
        if held is not None and held[0] == row.id:
            del known.allocations[row.serial]
        if row.ended_by == "released" and row.serial not in known.allocations:
            known.retired[row.serial] = (row.id, allocation_of(row))
        elif retired is not None and retired[0] == row.id:
            del known.retired[row.serial]


def _look_at_decisions(connection: Connection, known: _LastLook) -> None:
    given = select(approval).order_by(approval.c.at, approval.c.who)
    known.approvals = tuple(map(_approval, connection.execute(given)))
    paused = select(*(pause.c[each.name] for each in fields(Pause))).order_by(pause.c.scope)
    known.pauses = tuple(Pause(*row) for row in connection.execute(paused))
    held = connection.execute(select(conflict.c.serial, conflict.c.reason))
    known.conflicts = {row.serial: row.reason for row in held}


def _approval(row: Row[Any]) -> Approval:
    return Approval(
        serial=row.serial,
        action=row.action,
        generation=row.generation,
        who=row.who,
        why=row.why,
        at=row.at,
        covers=row.covers,
        statement=parse_statement(row.statement) if row.statement else None,
        acted=row.acted,
        signature=row.signature,
    )


def _look_at_secrets(connection: Connection, known: _LastLook) -> None:
    names = (secret.c.owner, secret.c.service, secret.c.kind, secret.c.form)
    ends = dict(secret_refs(connection.execute(select(*names, secret.c.expires_at))))
    known.secrets = frozenset(ends)
    some = (Certificate(ref, end) for ref, end in ends.items() if end is not None)
    known.certificates = tuple(sorted(some, key=lambda one: (one.expires_at, str(one.ref))))


def read_vips(connection: Connection) -> tuple[Vip, ...]:
    """Every virtual address, by cluster, network and usage."""
    query = select(vip.c.cluster, vip.c.network, vip.c.usage, vip.c.address)
    rows = connection.execute(query.order_by(vip.c.cluster, vip.c.network, vip.c.usage))
    return tuple(Vip(*row) for row in rows)
