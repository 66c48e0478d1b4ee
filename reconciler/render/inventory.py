"""Rows as text for people: one machine on a page, one event on a line."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ..model.gates import Gate
from ..model.observations import Occurrence
from .rows import MachineRow
from .words import printable

_WIDTH = 15  # columns of a title


def machine_text(row: MachineRow, events: Sequence[Occurrence], now: datetime) -> str:
    """One machine on a page, for the person who has been woken up for it."""
    lines = [_line(title, text) for title, text in _facts(row, now) if text]
    lines += [_line("Address", f"{address} ({network})") for network, address in sorted(row.addresses.items())]
    lines += [_line("Gate", gate_text(gate)) for gate in row.gates]
    lines += [_line("Disk", disk) for disk in row.disks]
    lines.append(_line("Profile", ", ".join(row.profiles) if row.profiles else "none matches"))
    if len(row.profiles) != 1:
        lines += [_line("", f"not {name}: {reason}") for name, reason in sorted(row.refused.items())]
    if row.needs_approval:
        lines += ["", f"It waits for your word: reconciler approve {row.serial} --why '...'"]
    elif row.failures or row.aside_error or row.reason.about.retry:
        lines += ["", f"To try it again at once: reconciler retry {row.serial} --why '...'"]
    if events:
        lines += ["", "What happened, the newest last:", *(f"  {event_line(event, of=row.serial)}" for event in events)]
    return "\n".join(lines) + "\n"


def _facts(row: MachineRow, now: datetime) -> Iterable[tuple[str, str | None]]:
    """Title and text of what is one line; without a text there is none."""
    yield "Serial", row.serial
    yield "Hostname", row.hostname
    yield "Cluster", row.cluster
    yield "Role", row.role
    yield "Phase", row.phase
    yield "Now", row.now
    yield "Reason", row.reason
    yield "Quarantined", row.conflict
    yield "Last error", row.last_error
    yield "Side-task error", row.aside_error
    yield "Place", row.place
    yield "Product", row.product
    yield "Memory", row.memory
    yield "BMC", row.bmc
    yield "Power", row.power
    yield "Reported status", row.status
    yield f"Failed {row.failures}x", _since(row.failing_since, now)
    yield "Side-task error", _since(row.aside_since, now)
    yield "Last heard", _moment(row.last_heard, now) if row.last_heard else None
    yield "Document", _document_text(row)


def _document_text(row: MachineRow) -> str | None:
    """Which Puppet document it is given, and which its last good run had."""
    if row.document is None or row.document_since is None:
        return None
    given = f"{row.document[:12]} since {_utc(row.document_since)}"
    if not row.applied:
        return f"{given}; nobody knows with which one Puppet last succeeded"
    same = row.applied == row.document and not row.behind
    return f"{given}, applied" if same else f"{given}; behind: Puppet last succeeded with {row.applied[:12]}"


def gate_text(gate: Gate) -> str:
    """What was read, since when, and what would open it if it is closed."""
    if gate.value is None or gate.since is None:
        return f"{gate.name}: nobody has looked yet"
    closed = "" if gate.holds else f"; CLOSED, opens at: {gate.threshold}"
    return f"{gate.name}: {gate.value}, since {_utc(gate.since)}{closed}"


def _line(title: str, text: str) -> str:
    return f"{title:<{_WIDTH}} {printable(text)}"


def _since(at: datetime | None, now: datetime) -> str | None:
    return f"since {_moment(at, now)}" if at else None


def _moment(at: datetime, now: datetime) -> str:
    return f"{_utc(at)}, {_ago((now - at).total_seconds())} ago"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def _ago(seconds: float) -> str:
    """``3 minutes``: the largest unit of which there are at least two."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} seconds"


def event_line(event: Occurrence, *, of: str | None = None) -> str:
    """One event on a line, without the serial below which it is listed (``of``)."""
    who = f" [{printable(event.who)}]" if event.who else ""
    about = f"{printable(event.serial)} " if event.serial and event.serial != of else ""
    why = f" ({printable(event.reason)})" if event.reason else ""
    return f"{_utc(event.at)}  {about}{event.kind}: {printable(event.text)}{why}{who}"
