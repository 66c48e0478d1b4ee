"""A small world for end-to-end tests: a git repository, simulated servers, and the real daemon as a process.

Everything is real but the servers: git, SQLite, HTTP, SSH, IPMI where ``ipmi_sim`` is installed. Nothing here sleeps
for correctness: tests wait ``until`` something is so, with a limit that a slow machine does not reach.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from reconciler.app.kept_documents import KeptDocuments
from reconciler.app.site import Site
from reconciler.model.observations import Occurrence
from reconciler.simulator.bmc import SimulatedProtocol
from reconciler.simulator.demo import RACKS, Demo, Racks, Stage, answer, prepare, simulated_fleet
from reconciler.simulator.fleet import SimFleet
from reconciler.simulator.hardware import CONTROLLER, STORE
from reconciler.simulator.server import Pace, SimServer

from ..simulator.networks import claimed_network

SPECS = Path(__file__).parents[2] / "cluster-specs"
QUICK = Pace(boot=0.4, report_every=0.5, install_step=0.2, puppet=0.4)
SLOW_INSTALL = Pace(boot=0.4, report_every=0.5, install_step=1.5, puppet=0.4)
LONG = 150.0
"""Seconds. Everything a test waits for takes some ten on two idle cores; this is for busy ones."""

CONFIG: Mapping[str, Any] = {
    "bmc_poll": "1s",
    "install_poll": "1s",
    "lease": "3s",
    "timings": {
        "back_off": "1s",
        "back_off_cap": "3s",
        "report_every": "2s",
        "live_boot": "6s",
        "first_boot": "6s",
        "puppet_silence": "4s",
    },
}

ONE: Racks = {"zone-1": (CONTROLLER,)}
THREE: Racks = {"zone-1": (CONTROLLER,), "zone-2": (STORE,), "zone-3": (STORE,)}
"""A store has no Puppet classes before its cluster has a controller."""


class Daemon:
    """A daemon process, started as an operator would start it, in a process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def runs(self) -> bool:
        return self.process.returncode is None

    async def kill(self) -> None:
        """As systemd does it when it has lost its patience: the daemon, and every git that it runs."""
        if self.runs:
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def terminate(self, limit: float = 60.0) -> int:
        """As systemd does it; the exit status."""
        if self.runs:
            self.process.terminate()
        async with asyncio.timeout(limit):
            return await self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@dataclass
class World:
    """One demo, its servers, and what a test does to them."""

    demo: Demo
    fleet: SimFleet
    daemons: list[Daemon] = field(default_factory=list)

    @property
    def servers(self) -> dict[str, SimServer]:
        return self.fleet.servers

    @property
    def specs(self) -> Path:
        return self.demo.repository / "cluster-specs"

    # ---- the daemon

    async def start(self, config: Path | None = None) -> Daemon:
        """A daemon that acts, or waits to."""
        log = self.demo.folder / f"daemon-{len(self.daemons)}.log"
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "reconciler", "--config", str(config or self.demo.config_file), "run",
                stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
        self.daemons.append(Daemon(process, log))
        return self.daemons[-1]

    async def started(self) -> Daemon:
        """A daemon that answers, over specs that are in force."""
        daemon = await self.start()
        await self.until("the daemon answers, or has ended", lambda: self._answers(daemon))
        assert daemon.runs, f"the daemon ended with {daemon.process.returncode}\n{await self.story()}"
        return daemon

    async def _answers(self, daemon: Daemon) -> Any:
        return not daemon.runs or await self.fleet_view()

    async def end(self) -> None:
        """No daemon is left, not even one that is stopped."""
        for daemon in self.daemons:
            if daemon.runs:
                daemon.signal(signal.SIGCONT)
                await daemon.kill()

    # ---- questions

    async def get(self, path: str) -> Any:
        return await answer(self.demo, path)

    async def fleet_view(self) -> Any:
        """``/v1/fleet``; None while there is no daemon or no plan."""
        found = await self.get("/v1/fleet")
        return found if found and (found["source"]["commit"] or found["source"]["problem"]) else None

    async def row(self, serial: str) -> dict[str, Any]:
        """What the dashboard says of one machine; empty while it says nothing."""
        found = await self.get("/v1/fleet")
        rows = found["machines"] if found else []
        return next((row for row in rows if row["serial"] == serial), {})

    async def until(self, what: str, ask: Callable[[], Any], limit: float = LONG) -> Any:
        """Wait until ``ask`` gives something, and return that. On failure tell what the daemon says of its fleet."""
        deadline = time.monotonic() + limit
        while True:
            found = ask()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            if time.monotonic() >= deadline:
                raise AssertionError(f"not within {limit:.0f} s: {what}\n{await self.story()}")
            await asyncio.sleep(0.1)

    async def until_row(self, serial: str, what: Callable[[dict[str, Any]], Any], limit: float = LONG) -> Any:
        """Wait until the dashboard says of one machine what ``what`` looks for; its row."""

        async def ask() -> Any:
            row = await self.row(serial)
            return row if row and what(row) else None

        return await self.until(f"{serial} is as wanted", ask, limit)

    async def until_in_service(self, count: int, limit: float = LONG) -> Any:
        """Wait until so many machines are in service and nothing is in flight; the fleet."""

        async def ask() -> Any:
            fleet = await self.fleet_view()
            rows = fleet["machines"] if fleet else []
            settled = [row for row in rows if row["phase"] == "in-service" and row["kind"] == "settled"]
            return fleet if len(settled) >= count else None

        return await self.until(f"{count} machines are in service", ask, limit)

    async def story(self) -> str:
        """What everybody says, for a test that failed."""
        fleet = await self.get("/v1/fleet")
        lines = [f"{s.serial} {s.state} {s.boots} installs={s.installs} {s.surprises}" for s in self.servers.values()]
        if fleet:
            lines += [
                f"{m['serial']} {m['phase']} {m['kind']}: {m['because']} ({m['last_error']})" for m in fleet["machines"]
            ]
            lines += [str(fleet["source"])]
        for daemon in self.daemons[-2:]:
            lines += [f"--- {daemon.log.name}", *daemon.log.read_text(errors="replace").splitlines()[-40:]]
        return "\n".join(lines)

    def site(self) -> Site:
        """The database and specs, opened beside the daemon as a command would."""
        return Site(self.demo.config)

    def site_kept(self) -> KeptDocuments:
        """The daemon's copy of the documents."""
        return KeptDocuments.of(self.demo.config)

    def events(self, serial: str | None = None) -> list[Occurrence]:
        """What is written down, oldest first."""
        with contextlib.closing(self.site()) as site:
            return list(site.store.last_events(limit=10_000, serial=serial))

    # ---- what operators do

    async def cli(self, *arguments: str, expect: int = 0) -> str:
        """Run ``reconciler``; what it printed. Fails the test when it ends otherwise than expected."""
        status, out, err = await self.run(*arguments)
        assert status == expect, f"reconciler {' '.join(arguments)} ended with {status}:\n{out}\n{err}"
        return out

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "reconciler", "--config", str(self.demo.config_file), *arguments]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=LONG, env=os.environ | {"COLUMNS": "200"}
        )
        return done.returncode, done.stdout, done.stderr

    def git(self, *arguments: str) -> str:
        """Run git in the operators' repository."""
        who = {f"GIT_{role}_{what}": "op@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        done = subprocess.run(
            ["git", *arguments], cwd=self.demo.repository, env=os.environ | who | quiet, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def commit(self, message: str, *options: str) -> str:
        """Commit everything as it lies there; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message, *options)
        return self.git("rev-parse", "HEAD")

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a text in a file of the specs."""
        path = self.specs / file
        text = path.read_text()
        assert old in text, f"{file} does not say {old!r}"
        path.write_text(text.replace(old, new))


@contextlib.asynccontextmanager
async def world(
    folder: Path,
    *,
    racks: Racks = RACKS,
    pace: Pace = QUICK,
    speaking: SimulatedProtocol = "simulated",
    config: Mapping[str, Any] | None = None,
    specs: Callable[[Path], None] = lambda specs: None,
) -> AsyncIterator[World]:
    """Servers that are off, and no daemon yet. ``specs`` may change the tree before its first commit is followed."""
    with claimed_network() as network:
        stage = Stage(network=network, protocol=speaking, pace=pace, config=merged(CONFIG, config or {}))
        demo = prepare(folder / "demo", SPECS, stage=stage)
        specs(demo.repository / "cluster-specs")
        async with simulated_fleet(demo, racks) as fleet:
            there = World(demo, fleet)
            if there.git("status", "--porcelain"):
                there.commit("Change the specs for a test")
            try:
                yield there
            finally:
                await there.end()


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``more`` laid over it, folder by folder."""
    found = dict(base)
    for key, value in more.items():
        found[key] = merged(base.get(key, {}), value) if isinstance(value, Mapping) else value
    return found


def parsed(text: str) -> Any:
    return yaml.safe_load(text)


def as_json(text: str) -> Any:
    return json.loads(text)
