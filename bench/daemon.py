"""A site of ten thousand machines in service: how long the daemon's pass takes, and how much memory the daemon."""

import asyncio
import contextlib
import shutil
import time
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from reconciler.app.daemon import Daemon
from reconciler.app.site import Site
from reconciler.model.machine import Power
from reconciler.model.observations import Heard
from reconciler.render.plan_groups import doing

from .figures import Figure, Run, Scale, median_figure, timed
from .fleet import Fleet, name_of
from .lives import BrokenBenchError
from .sites import Laid, in_service, running

PASS_TARGET_SECONDS, MEMORY_TARGET_MB = 0.5, 400.0
SETTLE_SECONDS = 1.0
SPOKE = 100
"""Machines of which something was heard since the pass before, in the second kind of pass."""


def measure_pass(scale: Scale, folder: Path) -> list[Figure]:
    """The daemon's own look at everything and its decision, again and again, while there is nothing to decide."""
    return asyncio.run(_passes(_site(scale, folder), scale))


async def _passes(laid: Laid, scale: Scale) -> list[Figure]:
    site = Site(laid.config)
    with contextlib.closing(site):
        daemon = Daemon(site)
        await asyncio.to_thread(daemon._looking.prepare)  # as the daemon begins, before its first pass
        first = timed(lambda: _look(daemon), 1)[0]
        quiet = timed(lambda: _look(daemon), scale.repeats)
        busy = [_heard(daemon, turn) for turn in range(1, scale.repeats + 1)]
        return [
            median_figure("pass, nothing changed", quiet, PASS_TARGET_SECONDS, first_pass_seconds=round(first.wall, 2)),
            median_figure(f"pass, {SPOKE} machines heard of", busy, PASS_TARGET_SECONDS),
        ]


def _look(daemon: Daemon) -> None:
    result = daemon._looking.look()  # a pass but for starting actions, of which there are none
    if result is None or doing(result.plan):
        raise BrokenBenchError("a fleet in service should leave nothing to do")


def _heard(daemon: Daemon, turn: int) -> Run:
    """A pass after some BMCs said that their machines are on, as they were."""
    machines = sorted(daemon.site.store.snapshot().seen)[:SPOKE]
    at = daemon.site.now() + timedelta(seconds=turn)
    daemon.site.store.record([Heard(serial, at, power=Power.ON) for serial in machines])
    return timed(lambda: _look(daemon), 1)[0]


def measure_memory(scale: Scale, folder: Path) -> list[Figure]:
    """Resident memory of the daemon's process, once it has planned and was asked for everything that it shows."""
    with running(_site(scale, folder)) as daemon:
        found = {"after_first_pass": _memory(daemon.pid)}
        for name, paths in _ASKED.items():
            for path in paths * _TIMES_ASKED:
                _ask(daemon.url + path)
            time.sleep(SETTLE_SECONDS)
            found[f"after_{name}"] = _memory(daemon.pid)
    most = max(one["most_mb"] for one in found.values())
    return [
        Figure("daemon's memory", found["after_all_of_it_again"]["now_mb"], MEMORY_TARGET_MB, "MB", details=found),
        Figure("daemon's memory at its most", most, MEMORY_TARGET_MB, "MB"),
    ]


_SHOWN = ("/", "/v1/fleet", "/metrics", "/v1/plan", f"/v1/enc/{name_of(1)}-compute-1.example.com")
_ASKED: Mapping[str, tuple[str, ...]] = {
    "dashboard": _SHOWN[:3],
    "classes": _SHOWN[3:],
    "observation": ("/v1/observation",),
    "all_of_it_again": _SHOWN,
}
_TIMES_ASKED = 3


def _ask(url: str) -> None:
    with urllib.request.urlopen(url) as answer:
        answer.read()


def _memory(pid: int) -> dict[str, float]:
    """Resident memory of a process, now and at most so far."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    kilobytes = {"now_mb": fields["VmRSS"], "most_mb": fields["VmHWM"]}  # Linux says kB, and means KiB
    return {name: round(int(value.split()[0]) * 1024 / 1e6, 1) for name, value in kilobytes.items()}


def _site(scale: Scale, folder: Path) -> Laid:
    """The site, made once for both figures: it takes half a minute."""
    shared = folder.absolute().parent / "in-service"
    made = shared / "made"
    if not made.exists():
        shutil.rmtree(shared, ignore_errors=True)
        in_service(shared, Fleet(scale))
        made.touch()
    return Laid(shared)
