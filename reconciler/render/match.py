"""The answer of ``reconciler match`` to one report: a line of JSON (``schemas/match.json``), or text for people."""

from collections.abc import Mapping, Sequence
from typing import Final

from ..model.hardware import Hardware, Match, Racked, Unracked
from ..model.remarks import Remark, RemarkReason
from ..model.units import render_size
from .rows import MatchLine, RackingJson, RemarkJson


def match_line(hardware: Hardware, match: Match, racked: Racked | Unracked, left_over: Sequence[str] = ()) -> MatchLine:
    """The object printed for one report. ``racking`` is null where nobody can say where the machine stands."""
    return {
        "serial": hardware.serial,
        "profiles": list(match.profiles),
        "refused": dict(match.refused),
        "left_over": list(left_over),
        "racking": _racking(racked) if isinstance(racked, Racked) else None,
    }


_SENTENCES: Mapping[RemarkReason, str] = {
    RemarkReason.SAID_BY_AGENT: "the agent says of {on}: {more}",
    RemarkReason.SEVERAL_PATHS: "disk {on} counts once: it is reached as {more}",
    RemarkReason.NO_IDENTITY: "disk {on} says no serial and no WWN{said}: nobody can tell it from another of its size",
    RemarkReason.ONE_SERIAL: "disk {on} counts, but {more} all say one serial and no WWN: nothing is installed on it",
    RemarkReason.WHOSE_IS_UNTOLD: "disk {on} may be a RAID controller's or none's: the report does not say, and no "
    "disk or volume of the controller has its size; an entry takes it that fits none of the controller's disks",
    RemarkReason.DISKS_UNCLEAR: "profile {on} would wait before an install: {more}",
    RemarkReason.BAD_DISK: "disk {on} is called {more} by its controller: no entry takes it",
    RemarkReason.SPARE_DISK: "disk {on} is a hot spare of its controller ({more}): no entry takes it before it is none",
    RemarkReason.READ_ONLY: "disk {on}{said} is read-only: no entry takes it before an install",
    RemarkReason.ZONED: "disk {on}{said} has zones that take writes in sequence only (host-managed): no entry takes it",
    RemarkReason.USB: "interface {on} ({more}) is behind USB: its address proves nothing, others may have it",
    RemarkReason.USB_DISK: "disk {on}{said} is on USB: only an entry that names it, by devices or model, takes it",
    RemarkReason.LUN: "disk {on}{said} is a LUN of a storage network, and other machines may have it, too: only an "
    "entry that names it, by devices or model, takes it",
    RemarkReason.CHOSEN_ADDRESS: "interface {on} ({more}) has an address that somebody chose: it proves nothing",
    RemarkReason.SHARED_ADDRESS: "interface {on} ({more}) shares its address with another one of this machine",
    RemarkReason.NOT_UNDERSTOOD: "field {on} decides nothing: {more}",
}
_LONGEST: Final = 120
"""Characters of what a field said, in a line for people."""


def remark_json(remark: Remark) -> RemarkJson:
    """A remark with its sentence beside it."""
    return {
        "kind": remark.kind.value,
        "reason": remark.reason.value,
        "on": remark.on,
        "more": list(remark.more),
        "text": remark_text(remark),
    }


def remark_text(remark: Remark) -> str:
    """A remark as a sentence."""
    more = ", ".join(remark.more)
    if len(more) > _LONGEST and remark.reason is not RemarkReason.DISKS_UNCLEAR:  # a sentence of ours, which ends
        more = f"{more[:_LONGEST]}..."
    return _SENTENCES[remark.reason].format(on=remark.on, more=more, said=f" ({more})" if more else "")


def why_text(found: Sequence[Remark]) -> str:
    """All remarks for people, a line each."""
    lines = [f"    {remark.kind.value}: {remark_text(remark)}" for remark in found]
    return "\n".join(lines or ["    nothing was folded, left out or doubted"]) + "\n"


def _racking(racked: Racked) -> RackingJson:
    return {
        "dc": racked.dc,
        "row": racked.row,
        "rack": racked.rack,
        "u": racked.unit,
        "height": racked.height,
        "location": racked.location,
        "compute_aggregate": racked.compute_aggregate,
        "switch": racked.switch,
        "port": racked.port,
        "doubt": racked.doubt,
    }


def match_text(hardware: Hardware, match: Match, racked: Racked | Unracked, left_over: Sequence[str] = ()) -> str:
    """What was matched, for people, who are also told why there is no racking."""
    disks = hardware.physical_disks or hardware.disks
    lines = [
        f"{hardware.serial}  {hardware.product or 'unknown product'}, {hardware.memory / 2**30:.4g}GiB of memory, "
        f"{len(disks)} disks ({render_size(sum(disk.size for disk in disks))})",
        f"  {_verdict(match)}",
        *([f"    leaves alone: {', '.join(left_over)}"] if left_over else []),
        *(f"    not {name}: {reason}" for name, reason in match.refused.items()),
        f"  {_place(racked)}",
    ]
    if isinstance(racked, Racked) and racked.doubt:
        lines.append(f"    in doubt: {racked.doubt}")
    return "\n".join(lines) + "\n"


def _verdict(match: Match) -> str:
    match match.profiles:
        case ():
            return "matches no profile"
        case (only,):
            return f"matches {only}"
        case several:
            return f"matches several profiles, so none is taken: {', '.join(several)}"


def _place(racked: Racked | Unracked) -> str:
    if isinstance(racked, Unracked):
        return f"stands at no known place: {racked.reason}"
    unit = "" if racked.unit is None else f", unit {racked.unit}"
    height = "" if racked.unit is None or racked.height == 1 else f" to {racked.unit + racked.height - 1}"
    location = f", location {racked.location}" if racked.location else ""
    return f"stands in datacenter {racked.dc}, row {racked.row}, rack {racked.rack}{unit}{height}{location}"
