"""Whole sites on disk: a repository of specs, a database as the daemon would have left it, and the daemon itself."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from reconciler.app.adopting import settle
from reconciler.app.config import Config, load_config
from reconciler.app.site import Site
from reconciler.execution import seam
from reconciler.model.actions import Enroll
from reconciler.model.machine import InstallStatus, MachineView, Observation, Power
from reconciler.model.observations import Heard
from reconciler.model.plan import PlanningInput
from reconciler.model.tree import SpecTree
from reconciler.planning.planner import plan
from reconciler.render.plan_groups import doing
from reconciler.simulator.demo import free_port
from reconciler.specs.source.work_tree import commit_all, create_repository
from reconciler.store import Store

from .fleet import Fleet
from .lives import AGO, BrokenBenchError, allocation_of, enrolments, life, tree_of, unpacked, vips_of

STARTS_WITHIN_SECONDS = 300.0
BATCH = 500  # words or machines per transaction

T = TypeVar("T")

_CONFIG = """\
source: {{url: {folder}/repository, branch: main, folder: cluster-specs, poll: 60s}}
database: sqlite:///{folder}/reconciler.db
state: {folder}/state
listen: {{address: 127.0.0.1, port: {port}}}
bmc_protocol: simulated
bmc_poll: 24h
"""


@dataclass(frozen=True)
class Laid:
    """A site in a folder of its own, listening on a port of loopback."""

    folder: Path

    @property
    def config_file(self) -> Path:
        return self.folder / "reconciler.yaml"

    @property
    def config(self) -> Config:
        return load_config(self.config_file, {}, {})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.config.listen.port}"


def lay_out(folder: Path, files: Mapping[str, bytes]) -> Laid:
    """A repository with these specs, and a configuration for them."""
    laid = Laid(folder.absolute())
    write_files(laid.folder / "repository/cluster-specs", files)
    create_repository(laid.folder / "repository")
    commit_all(laid.folder / "repository", "A fleet")
    laid.config_file.write_text(_CONFIG.format(folder=laid.folder, port=free_port()))
    return laid


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """The files of a spec tree, in a directory."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def in_service(folder: Path, fleet: Fleet) -> Laid:
    """A site whose machines are all in service: every word, allocation, event and secret that led there."""
    files = fleet.spec_files()
    laid, tree, now = lay_out(folder, files), tree_of(files), seam.now()
    before = unpacked(fleet, tree, now - AGO)
    given = enrolments(tree, before)
    site = Site(laid.config)
    with contextlib.closing(site):
        _hand_out(site, given, now - AGO)
        _write_lives(site.store, before, given)
        hear(site.store, before.machines)
        _settle(site.store, before.machines, now - AGO)
        _make_secrets(site, tree)
        todo = plan(PlanningInput(None, tree, site.observe(tree)))
        if doing(todo):
            raise BrokenBenchError("a fleet in service should leave nothing to do")
    return laid


def only_seen(folder: Path, fleet: Fleet) -> Laid:
    """A site whose machines have all reported once, and that no cluster asks for."""
    files = {name: text for name, text in fleet.spec_files().items() if not name.startswith(("clusters", "machines"))}
    laid, tree = lay_out(folder, files), tree_of(files)
    site = Site(laid.config)
    with contextlib.closing(site):
        hear(site.store, unpacked(fleet, tree, seam.now()).machines)
    return laid


def hear(store: Store, machines: Iterable[MachineView]) -> None:
    """Record what everybody reported."""
    for some in _batches(machines):
        store.record([Heard(m.serial, s.reported_at, s.address, hardware=s.hardware, digest=s.digest)
                      for m in some if (s := m.seen)])  # fmt: skip


def _hand_out(site: Site, given: Mapping[str, Enroll], at: datetime) -> None:
    """All allocations and VIPs in one transaction; one each would take minutes."""
    site.store.restore(
        {
            "version": 1,
            "allocations": {serial: asdict(allocation_of(action)) for serial, action in given.items()},
            "vips": [asdict(vip) for vip in vips_of(given)],
            **{nothing: {} for nothing in ("released", "machines", "conflicts")},
            "pauses": [],
        },
        at,
    )
    settle(site, as_new=True, who="bench", why="what is begun next is written down here too")


def _write_lives(store: Store, before: Observation, given: Mapping[str, Enroll]) -> None:
    for some in _batches(before.machines):
        store.append_all([event for m in some for event in life(m, given[m.serial], before.now)])


def _settle(store: Store, machines: Iterable[MachineView], began: datetime) -> None:
    """What installed machines say, and their BMCs of them."""
    said = began + timedelta(minutes=30)
    for some in _batches(machines):
        words = [Heard(m.serial, said, m.seen.address if m.seen else None, InstallStatus.PUPPET_SUCCESS) for m in some]
        store.record([*words, *(Heard(m.serial, said, power=Power.ON) for m in some)])


def _make_secrets(site: Site, tree: SpecTree) -> None:
    """All that documents name. One of each kind is really made, and stands for all nodes: RSA keys take their time."""
    missing = {ref for m in site.observe(tree).machines for ref in m.missing_secrets}
    texts: dict[tuple[str, str], str] = {}
    for ref in sorted(missing, key=str):
        if (ref.kind, ref.form) not in texts:
            site.certificates.mint((ref,))
            texts[ref.kind, ref.form] = site.store.secret(ref) or ""
    for some in _batches(sorted(missing, key=str)):
        site.store.add_secrets({ref: texts[ref.kind, ref.form] for ref in some}, site.now())


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    left = iter(things)
    while some := list(itertools.islice(left, BATCH)):
        yield some


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon that is ready."""

    url: str
    pid: int


@contextlib.contextmanager
def running(laid: Laid) -> Iterator["Running"]:
    """The daemon as an operator would start it, once it is ready; ended with SIGTERM."""
    with (laid.folder / "daemon.log").open("ab") as log:
        command = [sys.executable, "-m", "reconciler", "--config", str(laid.config_file), "run"]
        daemon = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        _wait_until_ready(laid, daemon)
        yield Running(laid.url, daemon.pid)
    finally:
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(60)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _wait_until_ready(laid: Laid, daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while daemon.poll() is None and time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError, urllib.error.HTTPError),
            urllib.request.urlopen(f"{laid.url}/readyz") as ready,
        ):
            if ready.status == 200:
                return
        time.sleep(0.1)
    said = (laid.folder / "daemon.log").read_text().splitlines()[-20:]
    raise BrokenBenchError("\n".join(("the daemon did not become ready:", *said)))
