"""Machines, clusters and events as rows: the same for tables, JSON and one machine's page of text. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from ..model.hardware import Disk, Racked
from ..model.machine import MachineView, Observation, Phase
from ..model.plan import Act, Advance, Orphaned, Plan, Step, Wait
from ..model.tree import SpecTree
from ..model.units import render_size
from .rows import ClusterRow, EventRow, MachineRow
from .words import printable, what


class Occurrence(Protocol):
    """One thing that happened, as the store tells it."""

    @property
    def at(self) -> datetime: ...
    @property
    def serial(self) -> str | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def who(self) -> str | None: ...


def machine_rows(plan: Plan, observation: Observation) -> list[MachineRow]:
    """One row per machine, by cluster, role and number; those without a name last."""
    steps = {step.serial: step for step in plan.steps}
    return [_machine_row(view, steps.get(view.serial)) for view in sorted(observation.machines, key=_by_name)]


def _by_name(view: MachineView) -> tuple[bool, str, str, int, str]:
    held = view.allocation
    return (
        held is None,
        held.cluster if held else "",
        held.role if held else "",
        held.number if held else 0,
        view.serial,
    )


def _machine_row(view: MachineView, step: Step | None) -> MachineRow:
    seen, allocation, history = view.seen, view.allocation, view.history
    return {
        "serial": view.serial,
        "hostname": allocation.hostname if allocation else None,
        "cluster": allocation.cluster if allocation else None,
        "role": allocation.role if allocation else None,
        "phase": str(history.phase),
        "kind": type(step).__name__.lower() if step else "unknown",
        "because": _because(step),
        "now": _now(step),
        "needs_approval": step.needs_approval if isinstance(step, Wait) else None,
        "place": place_text(view.racked),
        "addresses": dict(allocation.addresses) if allocation else {},
        "product": seen.hardware.product if seen else None,
        "memory": f"{seen.hardware.memory / 2**30:.4g}GiB" if seen else None,
        "disks": [_disk(disk, dict(history.found)) for disk in seen.hardware.disks] if seen else [],
        "bmc": seen.hardware.bmc_address if seen else None,
        "power": str(seen.power) if seen and seen.power else None,
        "status": str(seen.status) if seen and seen.status else None,
        "last_heard": seen.heard_at.isoformat(timespec="seconds") if seen else None,
        "document": view.document.digest if view.document else None,
        "document_since": view.document.since.isoformat(timespec="seconds") if view.document else None,
        "applied": view.applied,
        "behind": view.behind and history.phase is Phase.IN_SERVICE,
        "failures": history.failures,
        "failing_since": _when(history.failing_since) if history.failures else None,
        "last_error": history.last_error,
        "aside_error": history.aside_error,
        "aside_since": _when(history.aside_since) if history.aside_failures else None,
        "profiles": list(view.match.profiles),
        "refused": dict(view.match.refused),
    }


def _when(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def _disk(disk: Disk, found: Mapping[str, str]) -> str:
    """A disk, and what it is known to hold: by its report, or met when it was to be erased."""
    holds = disk.contents or found.get(disk.identity, "")
    text = f"{disk.name} {render_size(disk.size)} {disk.model}".strip()
    if disk.paths:
        text += f", over {len(disk.paths)} paths ({', '.join(disk.paths)})"
    return f"{text}, holds {holds}" if holds else text


def _because(step: Step | None) -> str:
    match step:
        case Wait(on=on):
            return f"waiting for {on}"
        case None:
            return ""
        case _:
            return step.because


def _now(step: Step | None) -> str:
    """What happens to it, or what it waits for, in one line."""
    match step:
        case Act() | Advance():
            return f"{what(step)}, because {step.because}"
        case Orphaned():
            return f"orphaned: {step.because}"
        case Wait(needs_approval=str(action)):
            return f"waiting for {step.on} (approve {action})"
        case _:
            return _because(step)


def place_text(racked: Racked | None) -> str | None:
    """Where it stands: ``dc 2, row b, rack 3, U5``."""
    if racked is None:
        return None
    unit = f", U{racked.unit}" if racked.unit is not None else ""
    return f"dc {racked.dc}, row {racked.row}, rack {racked.rack}{unit}"


_PAGE = (
    ("serial", "Serial"),
    ("hostname", "Hostname"),
    ("cluster", "Cluster"),
    ("role", "Role"),
    ("phase", "Phase"),
    ("now", "Now"),
    ("last_error", "Last error"),
    ("aside_error", "Besides"),
    ("place", "Place"),
    ("product", "Product"),
    ("memory", "Memory"),
    ("bmc", "BMC"),
    ("power", "Power"),
    ("status", "It says"),
)
_WIDTH = 13  # columns of a title


def machine_text(row: Mapping[str, object], events: Sequence[Occurrence], now: datetime) -> str:
    """One machine on a page, for the person who has been woken up for it."""
    lines = [_line(title, str(row[key])) for key, title in _PAGE if row[key]]
    lines += [
        _line(title, f"since {_moment(datetime.fromisoformat(str(row[key])), now)}")
        for key, title in (("failing_since", f"Failed {row['failures']}x"), ("aside_since", "Besides"))
        if row[key]
    ]
    if row["last_heard"]:
        lines.append(_line("Last heard", _moment(datetime.fromisoformat(str(row["last_heard"])), now)))
    if row["document"]:
        lines.append(_line("Document", _document_text(row)))
    lines += [_line("Address", f"{address} ({network})") for network, address in _items(row["addresses"])]
    lines += [_line("Disk", disk) for disk in _list(row["disks"])]
    profiles = _list(row["profiles"])
    lines.append(_line("Profile", ", ".join(profiles) if profiles else "none matches"))
    if len(profiles) != 1:
        lines += [_line("", f"not {name}: {reason}") for name, reason in _items(row["refused"])]
    if row["needs_approval"]:
        lines += ["", f"It waits for your word: reconciler approve {row['serial']} --why '...'"]
    elif row["failures"] or row["aside_error"] or "then retry: " in str(row["now"]):
        lines += ["", f"To try it again at once: reconciler retry {row['serial']} --why '...'"]
    if events:
        lines += [
            "",
            "What happened, the newest last:",
            *(f"  {event_line(event, of=row['serial'])}" for event in events),
        ]
    return "\n".join(lines) + "\n"


def _document_text(row: Mapping[str, object]) -> str:
    """Which Puppet document it is given, and which its last good run had."""
    since = datetime.fromisoformat(str(row["document_since"]))
    given = f"{str(row['document'])[:12]} since {_utc(since)}"
    if not row["applied"]:
        return f"{given}; which one Puppet last succeeded with is not known"
    same = row["applied"] == row["document"] and not row["behind"]
    return f"{given}, applied" if same else f"{given}; behind: Puppet last succeeded with {str(row['applied'])[:12]}"


def _line(title: str, text: str) -> str:
    return f"{title:<{_WIDTH}} {printable(text)}"


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


def event_line(event: Occurrence, *, of: object = None) -> str:
    """One event on a line, without the serial that it stands under (``of``)."""
    who = f" [{printable(event.who)}]" if event.who else ""
    about = f"{printable(event.serial)} " if event.serial and event.serial != of else ""
    return f"{_utc(event.at)}  {about}{event.kind}: {printable(event.text)}{who}"


def _items(value: object) -> list[tuple[str, str]]:
    return sorted(value.items()) if isinstance(value, dict) else []


def _list(value: object) -> list[str]:
    return value if isinstance(value, list) else []


def event_row(event: Occurrence) -> EventRow:
    """One event."""
    return {
        "at": event.at.isoformat(timespec="seconds"),
        "serial": event.serial,
        "kind": event.kind,
        "text": event.text,
        "who": event.who,
    }


def cluster_rows(tree: SpecTree, observation: Observation) -> list[ClusterRow]:
    """One row per cluster and role: wanted by git, enrolled, in service. Roles that git forgot are shown too."""
    enrolled: Counter[tuple[str, str]] = Counter()
    serving: Counter[tuple[str, str]] = Counter()
    for view in observation.machines:
        if view.allocation is not None:
            key = (view.allocation.cluster, view.allocation.role)
            enrolled[key] += 1
            serving[key] += view.history.phase is Phase.IN_SERVICE
    asked = {(name, role): pool for name, spec in tree.clusters.items() for role, pool in spec.roles.items()}
    vips = {(vip.cluster, vip.usage): vip.address for vip in observation.vips}
    return [
        {
            "cluster": key[0],
            "role": key[1],
            "wanted": asked[key].count if key in asked else 0,
            "enrolled": enrolled[key],
            "in_service": serving[key],
            "vips": {usage: address for (cluster, usage), address in vips.items() if cluster == key[0]},
        }
        for key in sorted(asked.keys() | enrolled.keys())
    ]


def cluster_cells(row: ClusterRow) -> Mapping[str, object]:
    """The row as a table has it."""
    return {**row, "wanted": "all" if row["wanted"] is None else row["wanted"]}


def vips_text(rows: Iterable[ClusterRow]) -> str:
    """The clusters' virtual addresses, a line each. Empty where there are none."""
    found = {(row["cluster"], usage): address for row in rows for usage, address in _items(row["vips"])}
    return "".join(f"\n{cluster}: {address} is its {usage} address" for (cluster, usage), address in found.items()) + (
        "\n" if found else ""
    )
