"""The demo: a git repository made from the specs, simulated servers, the real daemon beside them, and its progress.

Everything lies in one folder and listens on loopback. The daemon is a process of its own, started as an operator
would start it; tests use the same pieces to kill it.
"""

import asyncio
import contextlib
import errno
import json
import os
import re
import shutil
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml
from rich.console import Console
from rich.live import Live
from rich.table import Table

from ..app.config import Config, load_config
from ..app.directory import BMC_PASSWORD, PROVISIONING_KEY
from ..app.site import Site
from ..execution import seam
from ..execution.ports import BmcAccess
from ..execution.seam import offload
from ..model.errors import PermanentError
from ..model.secret_parts import part_of
from ..specs.source.work_tree import commit_all, create_repository
from .bmc import SimulatedProtocol, make_bmc, protocol
from .demo_specs import put_on_loopback
from .fleet import REAL_ENOUGH, SimFleet, build_servers, place
from .hardware import CONTROLLER, PROXY, STORE, Model, RackedServer
from .life import Pace, ServerState
from .server import SimServer
from .ssh import SshFront

Racks = Mapping[str, tuple[Model, ...]]
"""What stands in each location, from the bottom up."""

RACKS: Racks = {
    "zone-1": (CONTROLLER, PROXY, STORE, STORE, STORE),
    "zone-2": (CONTROLLER, PROXY, STORE, STORE, STORE),
    "zone-3": (CONTROLLER, PROXY, STORE, STORE),
}
"""Twelve servers that the specs ask for, and two stores to grow by."""

WANTED = 12
PATIENCE_SECONDS = 300.0
PORTS = range(10_000, 32_768)
"""Below those that the kernel gives to clients: one of them could sit on it while the daemon is away."""


@dataclass(frozen=True)
class Stage:
    """Where the simulated servers stand, what their BMCs speak, and how fast everything goes."""

    network: str = "127.1.0"  # live system n has address <network>.n, and its BMC <network>.(100+n); nodes from .128 on
    ssh_port: int = 2222
    bmc_port: int = 6230
    protocol: SimulatedProtocol = field(default_factory=protocol)
    pace: Pace = REAL_ENOUGH
    config: Mapping[str, object] = field(
        default_factory=lambda: {
            "bmc_poll": "20s",
            "install_poll": "1s",
            "gate_again": "1s",
            "timings": {
                "back_off": "2s",
                "back_off_cap": "10s",
                "report_every": "2s",
                "live_boot": "60s",
                "first_boot": "60s",
                "puppet_silence": "20s",
            },
        }
    )


_CONFIG = """\
# The demo's daemon. Real servers need none of the timings below: the defaults suit them.
source: {{url: {repository}, branch: main, folder: cluster-specs, poll: 2s}}
database: sqlite:///{folder}/reconciler.db
state: {folder}/state
listen: {{address: 127.0.0.1, port: {port}}}
ssh_port: {stage.ssh_port}
bmc_port: {stage.bmc_port}
bmc_protocol: {stage.protocol}
"""


@dataclass(frozen=True)
class Demo:
    """Where everything of one demo lies."""

    folder: Path
    port: int
    stage: Stage = field(default_factory=Stage)

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def config_file(self) -> Path:
        return self.folder / "reconciler.yaml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def config(self) -> Config:
        return load_config(self.config_file, {}, {})


def prepare(folder: Path, specs: Path, port: int = 0, stage: Stage | None = None) -> Demo:
    """Make a new demo in ``folder``: what lay there from an earlier one is removed.

    Raises:
        PermanentError: ``specs`` is no spec tree, or ``folder`` holds something that no demo put there.
    """
    if not specs.is_dir():
        raise PermanentError(f"{specs} is not a directory of specs; run this in a checkout, or give --specs")
    if folder.exists() and any(folder.iterdir()) and not (folder / "reconciler.yaml").exists():
        raise PermanentError(f"{folder} holds something else than an earlier demo; give another --directory")
    shutil.rmtree(folder, ignore_errors=True)
    demo = Demo(folder.absolute(), port or free_port(), stage or Stage())
    shutil.copytree(specs, demo.repository / "cluster-specs")
    create_repository(demo.repository)
    commit_all(demo.repository, "Start from the example fleet")
    put_on_loopback(demo.repository / "cluster-specs", demo.stage.network)
    commit_all(demo.repository, "Let everything be on the loopback network")
    text = _CONFIG.format(repository=demo.repository, folder=demo.folder, port=demo.port, stage=demo.stage)
    demo.config_file.write_text(text + yaml.safe_dump(dict(demo.stage.config), sort_keys=False))
    return demo


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM, address: str = "127.0.0.1") -> int:
    """A port on loopback that nobody listens on, of TCP or UDP."""
    while True:
        with socket.socket(type=kind) as probe:
            if _is_bound(probe, (address, seam.choose(PORTS))):
                return int(probe.getsockname()[1])


def _is_bound(probe: socket.socket, address: tuple[str, int]) -> bool:
    """Whether the socket has the address now; otherwise somebody else has it."""
    try:
        probe.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    return True


@contextlib.asynccontextmanager
async def simulated_fleet(demo: Demo, racks: Racks = RACKS) -> AsyncIterator[SimFleet]:
    """The demo's servers, with their BMCs and SSH servers, all powered off."""
    stage = demo.stage
    site = Site(demo.config)
    site.store.set_secret(BMC_PASSWORD, "demo-password", at=site.now(), who="demo")
    site.certificates.mint((PROVISIONING_KEY,))
    key = part_of(site.store.secret(PROVISIONING_KEY) or "", "ssh", "authorized")
    username = site.specs.tree().fleet.bmc.username
    rackings = site.specs.tree().rackings
    site.close()
    placed = place(next(iter(rackings.values())), racks)
    servers = build_servers(placed, demo.folder / "servers", demo.url, network=stage.network, pace=stage.pace)
    bmcs = {
        serial: make_bmc(
            stage.protocol,
            BmcAccess(server.bmc_address, stage.bmc_port, username, "demo-password"),
            serial,
            demo.folder / "bmcs" / serial,
        )
        for serial, server in servers.items()
    }
    async with SimFleet(servers, bmcs, SshFront(stage.ssh_port, key)) as fleet:
        yield fleet


@contextlib.asynccontextmanager
async def daemon_process(demo: Demo) -> AsyncIterator[asyncio.subprocess.Process]:
    """The daemon, ended with SIGTERM on the way out. Its log is ``daemon.log`` in the demo's folder."""
    with (demo.folder / "daemon.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "reconciler", "--config", str(demo.config_file), "run", stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


async def answer(demo: Demo, path: str) -> Any:
    """What the daemon answers in JSON; None while it does not answer."""
    try:
        return await offload(_get, demo.url + path)
    except OSError:
        return None


def _is_ready(url: str) -> bool:
    try:
        urllib.request.urlopen(url + "/readyz", timeout=5).close()  # noqa: S310 - our own loopback address
    except OSError:
        return False
    return True


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as found:  # noqa: S310 - our own loopback address
        return json.load(found)


async def run_demo(directory: Path | None, specs: Path, port: int, *, once: bool) -> int:
    """Run the demo until Ctrl-C, or with ``once`` until all servers are in service."""
    console = Console(highlight=False)
    demo = prepare(directory or Path("var/demo"), specs, port)
    _add_hook(demo)
    if demo.stage.protocol == "ipmi" and shutil.which("ipmitool"):
        _manage_bmcs(demo)
    began = seam.steady()
    async with simulated_fleet(demo) as fleet, daemon_process(demo) as daemon:
        console.print(f"A git repository of specs: {demo.repository}", soft_wrap=True)
        console.print(f"{len(fleet.servers)} simulated servers, powered off. The daemon is starting: {demo.url}")
        if not await _until_ready(demo, daemon):
            console.print(f"The daemon did not start; its log: {demo.folder / 'daemon.log'}", style="red")
            return 1
        await fleet.press_power_buttons()
        console.print("Somebody walks along the racks and presses the power buttons.\n")
        done = await _watch(demo, daemon, console)
        if not done:
            console.print(f"Not all servers came into service; see {demo.folder / 'daemon.log'}", style="red")
            return 1
        console.print(f"\n{WANTED} servers are in service, {seam.steady() - began:.0f} seconds after the start.\n")
        if not once:
            *_, spare = (s for s in fleet.servers.values() if _is_store(s) and s.state is ServerState.LIVE)
            console.print(next_steps(demo, spare.serial), soft_wrap=True)
            await _until_interrupted(daemon)
    return 0


def _is_store(server: SimServer) -> bool:
    return isinstance(server.placed, RackedServer) and server.placed.model is STORE


def _manage_bmcs(demo: Demo) -> None:
    """Have BMCs given passwords of their own. Their addresses are right, and stay."""
    networks = [
        {"name": "ipmi", "subnet": f"{demo.stage.network}.96/27", "for_machines_in": f"{demo.stage.network}.0/24"}
    ]
    for path in sorted((demo.repository / "cluster-specs").rglob("*.yaml")):
        text = path.read_text()
        if re.search(r"^kind: Fleet$", text, re.MULTILINE):
            text = re.sub(r"(?m)^    manage: false.*", "    manage: true", text)
            path.write_text(
                re.sub(r"(?m)^    networks:\n(?:      .*\n)+", f"    networks: {json.dumps(networks)}\n", text)
            )
    commit_all(demo.repository, "Manage the BMCs")


def _add_hook(demo: Demo) -> None:
    """A monitoring that writes down what it is told, so that there is a hook to look at."""
    hook = demo.folder / "monitoring"
    hook.write_text(
        f"#!/bin/sh\n# Told of every machine by JSON on its standard input.\ncat >> {demo.folder}/monitoring.log\n"
    )
    hook.chmod(0o755)
    with demo.config_file.open("a") as config:
        config.write(yaml.safe_dump({"hooks": {"monitoring": {"command": [str(hook)]}}}))
    for path in sorted((demo.repository / "cluster-specs").rglob("*.yaml")):
        text = path.read_text()
        if re.search(r"^kind: Fleet$", text, re.MULTILINE) and "hooks:" not in text:
            path.write_text(text.replace("\n  policy:", "\n  hooks: {monitoring: monitoring}\n  policy:", 1))
    commit_all(demo.repository, "Tell a monitoring of machines in service")


async def _until_ready(demo: Demo, daemon: asyncio.subprocess.Process) -> bool:
    deadline = seam.steady() + 60
    while daemon.returncode is None and seam.steady() < deadline:
        if await offload(_is_ready, demo.url):
            return True
        await asyncio.sleep(0.2)
    return False


async def _watch(demo: Demo, daemon: asyncio.subprocess.Process, console: Console) -> bool:
    """Show how the servers come along; True once enough of them are in service."""
    deadline = seam.steady() + PATIENCE_SECONDS
    with _FleetTable(console) as progress:
        while daemon.returncode is None and seam.steady() < deadline:
            fleet = await answer(demo, "/v1/fleet")
            if fleet is not None:
                progress.show(fleet["machines"])
            if fleet is not None and in_service(fleet) >= WANTED:
                return True
            await asyncio.sleep(0.5)
    return False


class _FleetTable:
    """A table that stays in its place on a terminal; elsewhere a line whenever a server has come further."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._phases: dict[str, str] = {}

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, machines: list[dict[str, Any]]) -> None:
        if self._live is not None:
            return self._live.update(progress_table(machines))
        for machine in machines:
            serial, phase = machine["serial"], machine["phase"]
            if self._phases.get(serial) != phase:
                self._phases[serial] = phase
                self._console.print(f"  {serial} {machine['hostname'] or '-'} {phase}", soft_wrap=True)
        return None


def in_service(fleet: Any) -> int:
    """How many machines of a ``/v1/fleet`` answer are in service."""
    return sum(machine["phase"] == "in-service" for machine in fleet["machines"])


def progress_table(machines: list[dict[str, Any]]) -> Table:
    """One line per server: where it stands, how far it is, and what happens to it now."""
    table = Table(box=None, pad_edge=False)
    for column in ("serial", "hostname", "phase", "now"):
        table.add_column(column, no_wrap=column != "now", overflow="ellipsis")
    colours = {"in-service": "green", "installed": "cyan", "enrolled": "yellow"}
    for machine in sorted(machines, key=lambda m: (m["hostname"] is None, m["hostname"] or m["serial"])):
        phase = machine["phase"]
        now = machine["progress"] or machine["because"]
        table.add_row(machine["serial"], machine["hostname"] or "", f"[{colours.get(phase, 'dim')}]{phase}", now[:90])
    return table


def next_steps(demo: Demo, store: str) -> str:
    """What to try, as commands for a shell; ``store``: the serial of a spare that the first growth leaves alone."""
    here = Path(os.path.relpath(demo.folder))
    command = "reconciler" if shutil.which("reconciler") else Path(sys.executable).parent / "reconciler"
    cluster = next(
        path for path in sorted((demo.repository / "cluster-specs").rglob("*.yaml")) if _grows(path.read_text())
    )
    file = cluster.relative_to(demo.repository)
    return f"""\
Dashboard: [bold]{demo.url}/[/bold]

Three things to try, in another terminal:

  1. Ask for one more store, and see what that would do before anybody commits it:
       sed -i 's/swiftstore: {{count: 6/swiftstore: {{count: 7/' {here}/repository/{file}
       {command} --config {here}/reconciler.yaml --specs {here}/repository/cluster-specs plan

  2. Commit it, and watch one of the two spare stores come up:
       git -C {here}/repository commit -am "Grow Swift by a store"

  3. Pull a disk out of {store}, a spare that still reports from the live system, and see who notices:
       rm {here}/servers/{store}/disks/sdf
       {command} --config {here}/reconciler.yaml machines {store}

Ctrl-C ends the demo.
"""


def _grows(text: str) -> bool:
    return any(
        isinstance(document, dict) and document.get("kind") == "Cluster" for document in yaml.safe_load_all(text)
    )


async def _until_interrupted(daemon: asyncio.subprocess.Process) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    waiting = [asyncio.create_task(stop.wait()), asyncio.create_task(daemon.wait())]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
