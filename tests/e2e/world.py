"""A small world for end-to-end tests: a git repository, simulated servers, and the real daemon as a process.

Everything is real but the servers: git, SQLite, HTTP, SSH, IPMI where ``ipmi_sim`` is installed. Nothing here sleeps
for correctness: tests wait ``until`` something is so, with a limit that a busy machine does not reach.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import yaml

from reconciler.app.kept_documents import KeptDocuments
from reconciler.app.site import Site
from reconciler.model.observations import Occurrence
from reconciler.simulator.agent import Agent
from reconciler.simulator.bmc import SimulatedProtocol
from reconciler.simulator.demo import RACKS, Demo, Racks, Stage, answer, free_port, prepare, simulated_fleet
from reconciler.simulator.fleet import SimFleet
from reconciler.simulator.hardware import CONTROLLER, PROXY, STORE
from reconciler.simulator.life import Pace
from reconciler.simulator.server import SimServer

from ..forked import Forked, ended, kill_group
from ..simulator.networks import claimed_network
from ..waiting import LONG, becomes

SPECS = Path(__file__).parents[2] / "cluster-specs"
QUICK = Pace(boot=0.4, report_every=0.5, install_step=0.2, puppet=0.4, services=0.0)
SLOW_INSTALL = Pace(boot=0.4, report_every=0.5, install_step=1.5, puppet=0.4, services=0.0)
CONFIG: Mapping[str, Any] = {
    "bmc_poll": "1s",
    "install_poll": "1s",
    "gate_again": "1s",
    "rings_poll": "2s",
    "lease": "3s",
    "timings": {
        "back_off": "1s",
        "back_off_cap": "3s",
        "report_every": "2s",
        "live_boot": "15s",
        "first_boot": "15s",
        "puppet_silence": "6s",
    },
}
"""Times after which a machine that says nothing is taken for gone: long for servers that take a second, as a busy
machine may keep them from their say."""
PATIENT: Mapping[str, Any] = {"lease": "10s"}
"""Of two daemons, the one that acts has this long for a sign of life."""

ONE: Racks = {"zone-1": (CONTROLLER,)}
THREE: Racks = {"zone-1": (CONTROLLER,), "zone-2": (STORE,), "zone-3": (STORE,)}
"""A store has no Puppet classes before its cluster has a controller."""


class Daemon:
    """A daemon process, started as an operator would start it, in a process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process | Forked, log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def runs(self) -> bool:
        return self.process.returncode is None

    async def kill(self) -> None:
        """As systemd does it when it has lost its patience: the daemon, and every git that it runs."""
        if self.runs:
            kill_group(self.process.pid)
        await self.process.wait()

    async def terminate(self, limit: float = 60.0) -> int:
        """As systemd does it; the exit status."""
        if self.runs:
            self.process.terminate()
        async with asyncio.timeout(limit):
            return await self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


async def _through(
    program: Sequence[str], words: Sequence[str], log: Path, env: Mapping[str, str] | None
) -> asyncio.subprocess.Process:
    """Start ``reconciler`` by another program, as an operator would."""
    with log.open("wb") as file:
        return await asyncio.create_subprocess_exec(
            *program, sys.executable, "-m", "reconciler", *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            env=os.environ | (env or {}),
        )  # fmt: skip


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

    async def start(
        self, config: Path | None = None, *, through: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> Daemon:
        """A daemon that acts, or waits to. ``through``: the words of a program that runs it."""
        log = self.demo.folder / f"daemon-{len(self.daemons)}.log"
        words = ("--config", str(config or self.demo.config_file), "run")
        process = await _through(through, words, log, env) if through else Forked(words, log, env=env)
        self.daemons.append(Daemon(process, log))
        return self.daemons[-1]

    async def started(self, **how: Any) -> Daemon:
        """A daemon that answers, over specs that are in force; it acts, unless another one may."""
        daemon = await self.start(**how)
        await self.until("the daemon answers, or has ended", lambda: self._answers(daemon))
        assert daemon.runs, f"the daemon ended with {daemon.process.returncode}\n{await self.story()}"
        return daemon

    async def _answers(self, daemon: Daemon) -> Any:
        if not daemon.runs:
            return True
        alone = not any(other.runs for other in self.daemons if other is not daemon)
        return await self.fleet_view() and not (alone and "stands by" in await self.unready())

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
        return await becomes(what, ask, limit, every=0.1, story=self.story)

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

    async def until_heard(self, agent: Agent, report: Mapping[str, object]) -> None:
        """Have somebody report until it is heard: a daemon stands by before it acts, and takes in nobody new then."""

        async def is_heard() -> bool:
            return await agent.report(report) == HTTPStatus.OK

        await self.until(f"{agent.address} is heard", is_heard)

    async def until_in_force(self, commit: str) -> None:
        """Wait until the daemon follows a commit, and has no complaint about the specs."""

        async def ask() -> bool:
            fleet = await self.fleet_view()
            return bool(fleet and fleet["source"]["commit"] == commit and not fleet["source"]["problem"])

        await self.until(f"{commit[:12]} is in force", ask)

    async def ask(self, path: str, address: str = "127.0.0.1") -> httpx.Response:
        """What the daemon answers to somebody at an address; a connection that is refused is a 599."""
        transport = httpx.AsyncHTTPTransport(verify=False, local_address=address)  # else it reads authorities
        try:
            async with httpx.AsyncClient(transport=transport, base_url=self.demo.url, timeout=LONG) as client:
                return await client.get(path)
        except httpx.TransportError as error:
            return httpx.Response(599, text=repr(error))

    async def classes(self, hostname: str) -> httpx.Response:
        """What the Puppet server is told of a node; it is on one of the trusted networks."""
        return await self.ask(f"/v1/enc/{hostname}", f"{self.demo.stage.network}.1")

    @contextlib.asynccontextmanager
    async def keeping(self) -> AsyncIterator[httpx.AsyncClient]:
        """Who asks the daemon over one connection, as the Puppet server does, for as long as it is kept open."""
        one = httpx.Limits(max_connections=1)
        transport = httpx.AsyncHTTPTransport(verify=False, local_address=f"{self.demo.stage.network}.1", limits=one)
        async with httpx.AsyncClient(transport=transport, base_url=self.demo.url, timeout=LONG) as client:
            yield client

    async def unready(self) -> str:
        """What ``/readyz`` says against the daemon; empty when it is ready."""
        answer = await self.ask("/readyz")
        return "" if answer.status_code == 200 else answer.text

    async def until_ready(self) -> None:
        """Wait until nothing speaks against it."""

        async def ask() -> bool:
            return not await self.unready()

        await self.until("it is ready", ask)

    async def until_unready(self, why: str) -> None:
        """Wait until ``/readyz`` says this."""

        async def ask() -> bool:
            return why in await self.unready()

        await self.until(f"readyz says {why!r}", ask)

    async def until_kept(self, hostname: str, digest: str) -> None:
        """Wait until the daemon's copy on disk has a node's classes as they are."""

        def ask() -> bool:
            kept = KeptDocuments.of(self.demo.config).get(hostname)
            return kept is not None and kept.digest == digest

        await self.until(f"the copy has the classes of {hostname}", ask)

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
        command = ("--config", str(self.demo.config_file), *arguments)
        return await asyncio.to_thread(ended, command, {"COLUMNS": "200"}, LONG)

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

    def pin(self, serial: str, **spec: Any) -> None:
        """Write a document about one machine."""
        what = {"apiVersion": "reconciler/v1", "kind": "Machine", "metadata": {"name": serial}, "spec": spec}
        (self.specs / "machines").mkdir(exist_ok=True)
        (self.specs / "machines" / f"{serial}.yaml").write_text(yaml.safe_dump(what))

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
        _make_rings_small(demo.repository / "cluster-specs", racks)
        specs(demo.repository / "cluster-specs")
        async with simulated_fleet(demo, racks) as fleet:
            there = World(demo, fleet)
            if there.git("status", "--porcelain"):
                there.commit("Change the specs for a test")
            try:
                yield there
            finally:
                await there.end()


def _make_rings_small(specs: Path, racks: Racks) -> None:
    """Rings of few partitions, of the stores and proxies that there are: the specs ask for six and three."""
    models = [model for some in racks.values() for model in some]
    disks = min(models.count(STORE), 6) + min(models.count(PROXY), 3)
    file = specs / "clusters/swift01.yaml"
    text = file.read_text()
    assert "part_power: 14" in text
    file.write_text(text.replace("part_power: 14", f"part_power: 7, min_part_hours: 0, begin_with: {max(disks, 1)}"))
    if PROXY not in models:  # then nobody has accounts and containers but stores
        profile = specs / "hardware-profiles/swiftstore-r740xd.yaml"
        text = profile.read_text()
        assert text.count("swift_store_account: false\n    swift_store_container: false") == 1
        profile.write_text(
            text.replace("account: false", "account: true").replace("container: false", "container: true")
        )


def without_rings(specs: Path) -> None:
    """No disk stores anything in Swift: a store is installed whether or not others have their places."""
    for name in ("swiftstore-r740xd", "swiftproxy-1u"):
        profile = specs / f"hardware-profiles/{name}.yaml"
        text = re.sub(r"(swift_store_\w+): true", r"\1: false", profile.read_text())
        assert text.count(": false") == 3
        profile.write_text(text)


WAITS = "another daemon acts on this database"


def elsewhere(w: World) -> tuple[World, Path]:
    """The same world asked through another port, and the configuration of a daemon that answers there."""
    port = free_port()
    config = yaml.safe_load(w.demo.config_file.read_text()) | {"listen": {"address": "127.0.0.1", "port": port}}
    file = w.demo.folder / f"elsewhere-{port}.yaml"
    file.write_text(yaml.safe_dump(config))
    return replace(w, demo=replace(w.demo, port=port)), file


def only(w: World) -> SimServer:
    """The server of a world that has one."""
    (server,) = w.servers.values()
    return server


def head(page: str) -> str:
    """A machine's page without its history."""
    return page.partition("What happened")[0]


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
