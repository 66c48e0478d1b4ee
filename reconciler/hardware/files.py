"""Reports in a text file: one report over many lines, or one per line (JSON lines), bare or wrapped."""

import json
from typing import NamedTuple


class ReportText(NamedTuple):
    """One report of a file, not parsed yet; ``line`` counts from one and is where it begins."""

    line: int
    body: bytes


def split_reports(content: bytes) -> tuple[ReportText, ...]:
    """Every report in a file, in order. Text that is no JSON comes back as it is, for ``parse_report`` to refuse.

    A line, or the file, is a report, or an object that carries one under the key ``report`` and notes beside it.
    """
    lines = content.splitlines()
    full = [number for number, line in enumerate(lines) if line.strip()]
    if not full:
        return ()
    if len(full) > 1 and not _is_report(lines[full[0]]):
        one = _json(content) is not None or not any(_is_report(lines[number]) for number in full)
        if one:
            return (ReportText(full[0] + 1, _unwrapped(content)),)
    return tuple(ReportText(number + 1, _unwrapped(lines[number])) for number in full)


def _is_report(line: bytes) -> bool:
    found = _json(line)
    return isinstance(found, dict) and ("machine" in found or "report" in found)


def _unwrapped(text: bytes) -> bytes:
    found = _json(text)
    if isinstance(found, dict) and "machine" not in found and isinstance(found.get("report"), dict):
        return json.dumps(found["report"]).encode()
    return text


def _json(text: bytes) -> object | None:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found
