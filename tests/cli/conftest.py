"""A site as a daemon would have left it, small enough to be copied for every test, and the command line beside it."""

import io
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.config import load_config
from reconciler.app.plans import planned
from reconciler.app.site import Site
from reconciler.cli.app import run
from reconciler.hardware.report import digest, parse_report
from reconciler.model.actions import BootDisk, Enroll, InstallOs
from reconciler.model.events import Advanced, Event, Started, Succeeded
from reconciler.model.history import Phase
from reconciler.model.interfaces import NodeInterface
from reconciler.model.machine import InstallStatus, Power, SecretRef
from reconciler.model.observations import Heard
from reconciler.model.plan import Act
from reconciler.model.reasons import Reason
from reconciler.model.secret_parts import join_parts
from reconciler.simulator.demo import RACKS
from reconciler.simulator.fleet import place
from reconciler.simulator.hardware import disk_names, report
from reconciler.specs.source.work_tree import commit_all, create_repository

from ..ring_states import keep_as_built

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC).replace(microsecond=0)
STORE = "swift01-swiftstore-1.example.com"
PROXY = "swift01-swiftproxy-1.example.com"
CONTROLLER = "swift01-controller-1.example.com"

_CONFIG = """\
source: {{url: {folder}/repository, branch: main, folder: cluster-specs}}
database: sqlite:///{folder}/reconciler.db
state: {folder}/state
"""


@dataclass(frozen=True)
class Said:
    """What a command gave."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Laid:
    """A site in a folder of its own."""

    folder: Path
    reports: tuple[bytes, ...] = ()

    @property
    def specs(self) -> Path:
        return self.folder / "repository/cluster-specs"

    @property
    def database(self) -> Path:
        return self.folder / "reconciler.db"

    @property
    def key(self) -> Path:
        return self.folder / "state/secret.key"

    def change(self, old: str, new: str, file: str = "clusters/swift01.yaml") -> None:
        """Edit the specs in the work tree."""
        path = self.specs / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def commit(self) -> str:
        return commit_all(self.folder / "repository", "Change")

    def look(self) -> None:
        """Have the newest commit taken, as the daemon does."""
        with closing(self.open()) as site:
            site.specs.look()

    def open(self, now: datetime | None = None) -> Site:
        config = load_config(self.folder / "reconciler.yaml", {}, {})
        return Site(config, lambda: now) if now else Site(config)

    def serial(self, hostname: str) -> str:
        with closing(sqlite3.connect(self.database)) as connection:
            (found,) = connection.execute("SELECT serial FROM allocation WHERE hostname = ?", (hostname,)).fetchone()
        return str(found)


class Cli:
    """The command line in this process, in an empty folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str | Path, stdin: bytes = b"", terminal: bool = False) -> Said:
        given = io.TextIOWrapper(io.BytesIO(stdin))
        self._monkeypatch.setattr(given, "isatty", lambda: terminal, raising=False)
        self._monkeypatch.setattr(sys, "stdin", given)
        self._capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        said = Said(status, *self._capsys.readouterr())
        assert "Traceback" not in said.err
        assert "bug in reconciler" not in said.err, said.err
        return said


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Runs commands in ``tmp_path/here``, where there is nothing."""
    for name in ("SPECS", "DATABASE_URL", "CONFIG", "STATE", "SECRET_KEY_FILE", "LISTEN", "TOKEN"):
        monkeypatch.delenv(f"RECONCILER_{name}", raising=False)
    monkeypatch.setattr("reconciler.app.config.PLACES", (tmp_path / "etc/reconciler.yaml", Path("reconciler.yaml")))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("SUDO_USER", "night-shift")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return Cli(capsys, monkeypatch)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Laid:
    """Twelve machines in service and two that nobody asks for."""
    if shutil.which("git") is None:
        pytest.skip("needs git (apt: git)")
    laid = _lay_out(tmp_path_factory.mktemp("template"))
    began = NOW - timedelta(days=1)
    with closing(laid.open(began)) as site:
        site.specs.look()
        bodies = _reports(site)
        hardware = [parse_report(body) for body in bodies]
        site.store.record(
            [
                Heard(h.serial, began, f"192.168.100.{n}", hardware=h, digest=digest(h))
                for n, h in enumerate(hardware, 10)
            ]
        )
        enrolled = [s.action for s in planned(site)[0].steps if isinstance(s, Act) and isinstance(s.action, Enroll)]
        lives = [event for action in enrolled for event in _life(action, began)]
        site.store.append_all(sorted(lives, key=lambda event: event.at))
        for action in enrolled:
            site.store.allocate(action, began)
        said = began + timedelta(hours=1)
        words = [Heard(a.serial, said, "192.168.101.9", InstallStatus.PUPPET_SUCCESS) for a in enrolled]
        site.store.record([*words, *(Heard(a.serial, said, power=Power.ON) for a in enrolled)])
        keep_as_built(site.store, site.specs.tree(), replace(site.observe(), now=began + timedelta(minutes=40)))
        missing = {ref for m in site.observe().machines for ref in m.missing_secrets}
        site.store.add_secrets({ref: text_of(ref) for ref in missing}, began)
        site.observe()
        site.keep_documents()
        ran = began + timedelta(hours=2)
        site.store.record([Heard(action.serial, ran, puppet_at=ran) for action in enrolled])
    return Laid(laid.folder, tuple(bodies))


@pytest.fixture
def laid(template: Laid, tmp_path: Path) -> Laid:
    """A copy of the template."""
    shutil.copytree(template.folder, tmp_path / "site")
    (tmp_path / "site/reconciler.yaml").write_text(_CONFIG.format(folder=tmp_path / "site"))
    Laid(tmp_path / "site").look()  # its mirror is named after the repository's place
    return Laid(tmp_path / "site", template.reports)


@pytest.fixture
def on(laid: Laid, cli: Cli) -> Iterator[Any]:
    """The command line with the site's configuration."""
    yield lambda *arguments, **more: cli("--config", laid.folder / "reconciler.yaml", *arguments, **more)


def text_of(ref: SecretRef) -> str:
    """The text of a secret, which is easy to find wherever it should not be."""
    secret = f"SECRET-{ref.owner}-{ref.service}-{ref.kind}"
    if ref.form == "certificate":
        return join_parts("certificate", {part: f"{secret}-{part}" for part in ("key", "crt", "csr", "pem", "chain")})
    if ref.form == "ssh":
        return join_parts("ssh", {part: f"{secret}-{part}" for part in ("private", "public")})
    return secret


def _lay_out(folder: Path) -> Laid:
    shutil.copytree(ROOT / "cluster-specs", folder / "repository/cluster-specs")
    create_repository(folder / "repository")
    commit_all(folder / "repository", "Begin")
    (folder / "reconciler.yaml").write_text(_CONFIG.format(folder=folder))
    return Laid(folder)


def _reports(site: Site) -> list[bytes]:
    placed = place(next(iter(site.specs.tree().rackings.values())), RACKS)
    return [
        json.dumps(report(one, frozenset(disk_names(one.model)), f"192.168.200.{one.number}")).encode()
        for one in placed
    ]


def _life(action: Enroll, at: datetime) -> list[Event]:
    """What the journal says of a machine in service."""
    install = InstallOs(
        serial=action.serial,
        generation=action.generation,
        hostname=action.hostname,
        role=action.role,
        cluster=action.cluster,
        release="trixie",
        interfaces=(NodeInterface(network="mgmt", kind="normal", nics=("eno1",), address="192.168.101.2/24"),),
        system_disks=("sda",),
        raid=None,
        data_disks=(),
        identity=(),
    )
    boot = BootDisk(serial=action.serial, generation=action.generation)
    found: list[Event] = []
    for number, (step, why, phase, seen) in enumerate(
        (
            (action, Reason.MATCHES_PROFILE, Phase.ENROLLED, Reason.ENROLLED),
            (install, Reason.TO_BE_INSTALLED, Phase.INSTALLED, Reason.INSTALL_ENDED),
            (boot, Reason.BOOTS_FROM_DISK, Phase.IN_SERVICE, Reason.PUPPET_SUCCEEDED),
        )
    ):
        then = at + timedelta(minutes=10 * number)
        found += [Started(action.serial, then, step, why), Succeeded(action.serial, then, step)]
        found.append(Advanced(action.serial, then, phase, "the test says so", reason=seen))
    return found
