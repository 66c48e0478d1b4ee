"""The daemon under load: Puppet's questions for classes, and machines that report."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from .figures import Figure, Scale
from .fleet import Fleet
from .lives import BrokenBenchError, enrolments, tree_of, unpacked
from .load import Load, press
from .sites import in_service, only_seen, running

ENC_PER_SECOND, ENC_P99_MS, REPORTS_PER_SECOND = 2_000.0, 10.0, 1_000.0
RESTARTED_PER_SECOND = 10_000 / 30
"""What a full fleet sends: the stock agent reports every 30 s."""
ENC_CONNECTIONS = 8


def measure_enc(scale: Scale, folder: Path) -> list[Figure]:
    """Every node of one large cluster in turn, asked for by the Puppet server."""
    fleet = Fleet(replace(scale, clusters=1, machines=scale.nodes))
    tree = tree_of(fleet.spec_files())
    given = enrolments(tree, unpacked(fleet, tree))
    asked = _write_lines(folder / "paths.txt", [f"/v1/enc/{action.hostname}".encode() for action in given.values()])
    with running(in_service(folder / "site", fleet)) as site:
        _pressed(site.url, asked, ENC_CONNECTIONS, max(1, scale.seconds // 5), "GET")  # warm
        seen = _pressed(site.url, asked, ENC_CONNECTIONS, scale.seconds, "GET")
    return [
        _per_second("ENC answers", seen, ENC_PER_SECOND, nodes=len(given)),
        Figure("ENC answers, p99", round(seen.p99, 2), ENC_P99_MS, "ms", details=asdict(seen)),
    ]


def measure_reports(scale: Scale, folder: Path) -> list[Figure]:
    """All machines report what they reported before; each is answered once its word is on disk.

    The daemon has just started, so the first report of each is compared with the database; from then on it is known.
    """
    fleet = Fleet(scale)
    asked = _write_lines(folder / "reports.txt", [box.report for box in fleet.boxes])
    with running(only_seen(folder / "site", fleet)) as site:
        first = _pressed(site.url, asked, scale.connections, None, "POST")
        seen = _pressed(site.url, asked, scale.connections, scale.seconds, "POST")
    return [
        _per_second("known reports", seen, REPORTS_PER_SECOND, machines=len(fleet.boxes)),
        _per_second("reports after a restart", first, RESTARTED_PER_SECOND, machines=len(fleet.boxes)),
    ]


def _per_second(name: str, seen: Load, target: float, **details: object) -> Figure:
    return Figure(name, round(seen.per_second), target, "/s", at_least=True, details={**details, **asdict(seen)})


def _pressed(url: str, asked: Path, connections: int, seconds: int | None, method: str) -> Load:
    seen = press(url, asked, connections, seconds, method=method)
    if seen.failed:
        raise BrokenBenchError(f"{seen.failed} of {seen.requests} requests failed: {json.dumps(asdict(seen))}")
    return seen


def _write_lines(path: Path, lines: list[bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path
