"""The texts of the dialogue, and the wrapper run by a real shell."""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.model.secret_parts import part_of
from reconciler.provisioning import commands, fence, fence_script, puppet_runs
from reconciler.store.secrets import pki

from ..ports import closed_port
from ..waiting import LONG, until
from .build import an_install

ACTION = an_install()
UTF_8 = "C.UTF-8"
NODE = "node.example.com"
_RUBY = """\
#!/usr/bin/ruby
require "json"
if ARGV == ["--version"] then puts "VERSION"; exit end
puts({environment: ENV.to_h, encoding: Encoding.default_external.name, words: ARGV}.to_json)
"""


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A live system's folders below a temporary one."""
    if shutil.which("flock") is None:
        pytest.skip("needs flock (apt: util-linux)")
    (tmp_path / "run/reconciler").mkdir(parents=True)
    (tmp_path / "var/log").mkdir(parents=True)
    return tmp_path


def script(live: Path, command: str, action: object = ACTION) -> Path:
    text = commands.install_files(action, command)[commands.SCRIPT_FILE].content.decode()
    for path in (commands.STATE_FILE, commands.LOCK_FILE, commands.LOG_FILE, commands.SERVER_FILE):
        text = text.replace(path, f"{live}{path}")
    text = text.replace(fence.SCRIPT_FILE, f"{live}{fence.SCRIPT_FILE}")
    looks(live)
    path = live / commands.SCRIPT_FILE.removeprefix("/")
    path.write_text(text)
    return path


def looks(live: Path, look: str = "", finish: str = "exit 0", written: str = "") -> None:
    """What stands in for the script that looks at disks: this machine has its own. See ``test_fence``."""
    stands_in = f"#!/bin/sh\ncase $1 in\nlook) {look}\n;;\nfinish) {finish}\n;;\nwritten) {written}\n;;\nesac\n"
    (live / fence.SCRIPT_FILE.removeprefix("/")).write_text(stands_in)


def run(path: Path) -> int:
    return subprocess.run(["sh", path], check=False, capture_output=True).returncode


def state(live: Path) -> commands.InstallState:
    return commands.parse_state((live / commands.STATE_FILE.removeprefix("/")).read_text())


def installs(live: Path) -> int:
    log = live / "installs"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_an_install_that_ends_well_is_done_and_never_repeated(live: Path) -> None:
    path = script(live, f"echo x >> {live}/installs; true")
    assert run(path) == 0
    assert state(live) == commands.InstallState(ACTION.id, 1, "done", 0)
    assert run(path) == 0
    assert installs(live) == 1


def test_an_install_that_fails_says_how_and_may_be_tried_again(live: Path) -> None:
    path = script(live, f"sh -c 'echo x >> {live}/installs; echo no mirror; exit 7'")
    assert run(path) == 7
    assert state(live) == commands.InstallState(ACTION.id, 1, "failed", 7)
    assert (live / commands.LOG_FILE.removeprefix("/")).read_text() == "no mirror\n"
    assert run(path) == 7
    assert installs(live) == 2


@pytest.mark.parametrize(("wrote", "has"), [("RACK7-U12\n", "RACK7-U12\n"), ("", None), (None, None)])
def test_the_installed_system_is_called_as_an_operator_called_the_machine(
    live: Path, wrote: str | None, has: str | None
) -> None:
    path = script(live, "true")
    own, installed = (live / (folder + commands.SERIAL_FILE).removeprefix("/") for folder in ("", commands.TARGET))
    text = path.read_text().replace(f" {commands.TARGET}", f" {live}{commands.TARGET}")
    path.write_text(text.replace(f" {commands.SERIAL_FILE}", f" {own}"))
    if wrote is not None:
        own.parent.mkdir(parents=True)
        own.write_text(wrote)
    assert run(path) == 0
    assert (installed.read_text() if installed.exists() else None) == has


UUIDS = """echo '{"disk": "sda", "uuids": ["A"]}'; echo '{"disk": "sdb", "uuids": []}'"""


@pytest.mark.parametrize("status", [0, 7])
def test_what_the_installer_left_is_said(live: Path, status: int) -> None:
    path = script(live, f"sh -c 'exit {status}'")
    looks(live, look=UUIDS, written=UUIDS)
    assert run(path) == status
    assert state(live).looked.uuids == {"sda": ("A",), "sdb": ()}


def test_nothing_is_installed_over_what_was_refused(live: Path) -> None:
    path = script(live, f"echo x >> {live}/installs; true")
    looks(live, look=f"""echo '{{"disk": "sda", "verdict": "refused", "marker": ""}}'; exit {fence_script.REFUSED}""")
    assert run(path) == fence_script.REFUSED
    found = fence.Looked(markers=(fence.FoundMarker("sda", "refused", ""),))
    assert state(live) == commands.InstallState(ACTION.id, 1, "refused", None, found)
    assert installs(live) == 0


def test_an_install_that_the_disk_says_has_ended_is_done(live: Path) -> None:
    path = script(live, f"echo x >> {live}/installs; true")
    looks(live, look=f"exit {fence_script.ENDED}")
    assert run(path) == 0
    assert (state(live), installs(live)) == (commands.InstallState(ACTION.id, 1, "done", 0), 0)


def test_disks_that_cannot_be_looked_at_are_not_erased(live: Path) -> None:
    path = script(live, f"echo x >> {live}/installs; true")
    looks(live, look="echo no lsblk >&2; exit 1")
    assert run(path) == 1
    assert (state(live), installs(live)) == (commands.InstallState(ACTION.id, 1, "failed", 1), 0)
    said = (live / commands.LOG_FILE.removeprefix("/")).read_text()
    assert said == "no lsblk\nE: the disks cannot be looked at, nothing was erased\n"


def test_an_installer_whose_system_is_nowhere_has_failed(live: Path) -> None:
    path = script(live, "true")
    looks(live, finish="exit 1")
    assert run(path) == 1
    assert (state(live).state, state(live).exit) == ("failed", 1)
    assert "the system that it made is not on the disks" in (live / commands.LOG_FILE.removeprefix("/")).read_text()


def test_another_install_is_not_taken_for_this_one(live: Path) -> None:
    assert run(script(live, f"echo x >> {live}/installs; true")) == 0
    later = replace(ACTION, generation=2)
    assert run(script(live, f"echo x >> {live}/installs; true", later)) == 0
    assert state(live) == commands.InstallState(later.id, 2, "done", 0)
    assert installs(live) == 2


def test_two_installs_never_run_at_once(live: Path) -> None:
    gate = live / "gate"
    path = script(live, f"sh -c 'echo x >> {live}/installs; while [ ! -e {gate} ]; do sleep 0.05; done'")
    first: list[int] = []
    runner = threading.Thread(target=lambda: first.append(run(path)))
    runner.start()
    try:
        while installs(live) == 0:
            assert runner.is_alive()
            time.sleep(0.01)
        assert state(live).state == "running"
        assert run(path) == commands.ANOTHER_RUNS
    finally:
        gate.touch()
        runner.join(timeout=90)
    assert first == [0]
    assert installs(live) == 1


def test_the_installed_system_can_prove_whose_it_is() -> None:
    text = commands.install_files(ACTION, "true")["/oci-in-target/etc/reconciler/install.json"].content.decode()
    assert commands.parse_marker(text) == commands.Marker(
        "A001", "cl1-controller-1.example.com", 1, ACTION.id, "cl1", "controller", reinstall=None, finished=False
    )


def test_a_marker_of_old_is_finished() -> None:
    old = '{"serial": "A001", "hostname": "n1", "generation": 2, "id": "0123456789ab"}'
    assert commands.parse_marker(old) == commands.Marker("A001", "n1", 2, "0123456789ab", finished=True)


@pytest.mark.parametrize("text", ["", "null", "[]", '{"id": 1}', '{"id": "a", "generation": 1, "state": "x"}'])
def test_a_file_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not readable"):
        commands.parse_state(text)
    with pytest.raises(ValueError, match="not readable"):
        commands.parse_marker(text)


UUID = "0dc2a4bb-0001-4b4b-9f9f-0123456789ab"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("ABC123\n", {"ABC123"}),
        ("# SMBIOS newer than 3.3\n# is not supported\nABC 12\nB9\nNot Specified\n", {"ABC 12", "B9"}),
        ("", set()),
        ("CZ3  4508TBF\n\nA/1 \n", {"CZ3  4508TBF", "CZ3 4508TBF", "A~1"}),
        ("To be filled by O.E.M.\n..........\n03000200-0400-0500-0006-000700080009\n123456789\n64\n", set()),
        (f"{UUID}\n", {UUID, UUID.upper(), "0dc2a4bb-0001"}),
    ],
)  # fmt: skip
def test_serials_are_read(answer: str, expected: set[str]) -> None:
    assert commands.serials_in(answer) == expected


SUMMARY = """---
version: {{config: 1763800000, puppet: 7.23.0}}
resources: {{changed: 3, failed: {failed}, failed_to_restart: 0, total: 812}}
time: {{last_run: 1763800123, total: 61.2}}
events: {{failure: {failure}, success: 3, total: 3}}
"""


@pytest.mark.parametrize(
    ("text", "good", "failed"),
    [
        (SUMMARY.format(failed=0, failure=0), True, 0),
        (SUMMARY.format(failed=2, failure=2), False, 2),
        (SUMMARY.format(failed=0, failure=1), False, 0),
        ("---\nversion: {config: , puppet: 7.23.0}\ntime: {last_run: 1763800123}\n", False, 0),
        ("---\nresources: {total: 0}\nevents: {total: 0}\n", False, 0),
        (SUMMARY.format(failed=0, failure=0).replace("success: 3", "noop: 3, success: 0"), False, 0),
        (
            SUMMARY.format(failed=0, failure=0).replace("success: 3", "noop: 1, success: 2"),
            True,
            0,
        ),  # of its metaparameter
    ],
)
def test_puppets_last_run_is_read(text: str, good: bool, failed: int) -> None:
    run = puppet_runs.parse_last_run(text)
    assert (run.good, run.failed) == (good, failed)


COMPILED = datetime(2025, 11, 22, 8, 26, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("version", "compiled"),
    [
        ("1763800000", COMPILED),
        ("'1763800000'", COMPILED),
        ("", None),
        ("v1.2-3-g1f2e", None),
        ("9e99", None),
        ("[]", None),
    ],
)
def test_the_version_of_a_catalog_is_when_it_was_compiled(version: str, compiled: datetime | None) -> None:
    text = SUMMARY.format(failed=0, failure=0).replace("config: 1763800000", f"config: {version}")
    assert puppet_runs.parse_last_run(text).compiled == compiled


@pytest.mark.parametrize("text", ["", "a: [", "just words", "time: {last_run: soon}"])
def test_a_summary_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not readable"):
        puppet_runs.parse_last_run(text)


@pytest.mark.skipif(shutil.which("ruby") is None, reason="needs ruby (apt: ruby)")
@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("self_signed", [None, Path.touch, Path.mkdir], ids=["no flag", "a file", "a folder"])
def test_puppet_runs_in_the_environment_of_a_service_and_not_of_a_login(
    tmp_path: Path, shell: str, self_signed: Callable[[Path], None] | None
) -> None:
    """Ruby, which Puppet is, says what it finds. The login has what sshd and PAM may give, or leave out."""
    flag = tmp_path / "self-signed"
    if self_signed:
        self_signed(flag)
    text = _with_puppet(tmp_path, "8.10.0").replace(puppet_runs.SELF_SIGNED_FILE, str(flag))
    login = {"PATH": "/usr/bin:/bin", "LANG": "C", "http_proxy": "http://192.0.2.1:3128", "OS_CACERT": "/of/somebody"}
    told = subprocess.run([shell, "-c", text], env=login, capture_output=True, text=True, check=True).stdout
    found = json.loads(told)
    ours = {"OS_CACERT": puppet_runs.CHAIN_FILE} if self_signed else {}
    path = f"{tmp_path}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    root = {"HOME": "/root", "USER": "root", "LOGNAME": "root", "PATH": path}
    assert found["environment"] == {**root, "LANG": UTF_8, "LC_ALL": UTF_8, **ours}
    assert found["encoding"] == "UTF-8"
    assert "--color=false" in found["words"]


def _with_puppet(folder: Path, version: str) -> str:
    """``RUN_PUPPET``, where Puppet is a program of this version that says how it was called."""
    (folder / "puppet").write_text(_RUBY.replace("VERSION", version))
    (folder / "puppet").chmod(0o755)
    return puppet_runs.RUN_PUPPET.replace("PATH=", f"PATH={folder}:")


@pytest.mark.skipif(shutil.which("ruby") is None, reason="needs ruby (apt: ruby)")
@pytest.mark.parametrize(("version", "waits"), [("5.5.22", False), ("7.23.0", True), ("8.10.0", True)])
def test_a_puppet_that_can_is_told_to_wait_for_another_run(tmp_path: Path, version: str, waits: bool) -> None:
    text = _with_puppet(tmp_path, version)
    told = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True).stdout
    words = json.loads(told)["words"]
    assert words[:2] == ["agent", "--onetime"]
    assert words[-4:] == ["--waitforlock", "10", "--maxwaitforlock", "20m"] if waits else words[-1] == "--color=false"


@pytest.mark.skipif(shutil.which("puppet") is None, reason="needs puppet (apt: puppet)")
def test_puppet_knows_every_option_and_paints_nothing(tmp_path: Path) -> None:
    """The run ends at a Puppet server that is not there."""
    with closed_port() as port:
        ran = subprocess.run(["sh", "-c", _agent(tmp_path, port)], capture_output=True, text=True, check=False)
    said = ran.stdout + ran.stderr
    assert ran.returncode == 1
    assert f"Failed to open TCP connection to 127.0.0.1:{port}" in said or "Connection refused" in said
    assert "\x1b" not in said


def _agent(folder: Path, port: int) -> str:
    """``RUN_PUPPET`` with all files below a folder, and a server at that port of this machine."""
    folders = f"--confdir {folder} --vardir {folder}/var --ssldir {folder}/ssl"
    options = f"puppet agent {folders} --server 127.0.0.1 --serverport {port}"
    return puppet_runs.RUN_PUPPET.replace("puppet agent", options)


@pytest.mark.skipif(shutil.which("puppet") is None, reason="needs puppet (apt: puppet)")
def test_puppet_waits_for_the_agents_own_run(tmp_path: Path) -> None:
    """Another process holds the lock of a run; once it is gone, ours goes on, to a server that is not there."""
    _give_certificate(tmp_path / "ssl")
    lock, program, said = tmp_path / "var/state/agent_catalog_run.lock", tmp_path / "bin/puppet", tmp_path / "said"
    for made in (lock, program):
        made.parent.mkdir(parents=True)
    shutil.copy(shutil.which("cat") or "", program)  # Puppet believes in a lock whose process is called so
    holder = subprocess.Popen([program], stdin=subprocess.PIPE)
    lock.write_text(f"{holder.pid}")
    with closed_port() as port, said.open("wb") as log:
        text = _agent(tmp_path, port).replace("--waitforlock 10", "--waitforlock 1")
        command = f"{text} --certname {NODE} --certificate_revocation false"
        ours = subprocess.Popen(["sh", "-c", command], stdout=log, stderr=log)
        until("it waits or ends", lambda: "waiting for running instance" in said.read_text() or ours.poll() is not None)
        assert "Connection refused" not in said.read_text()
        assert ours.poll() is None
        holder.communicate()
        assert ours.wait(LONG) == 1
    assert "Connection refused" in said.read_text()


def _give_certificate(folder: Path) -> None:
    """A node's certificate and its authority's, where Puppet has them: it asks no server for any."""
    now = datetime.now(UTC)
    root = pki.issue_root(now)
    own = pki.issue(root, pki.Subjects((NODE,)), now)
    for path, text in {
        "certs/ca.pem": part_of(root, "certificate", "crt"),
        f"certs/{NODE}.pem": part_of(own, "certificate", "crt"),
        f"private_keys/{NODE}.pem": part_of(own, "certificate", "key"),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.mark.waits
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_first_boot_that_is_held_begins_once(tmp_path: Path, shell: str) -> None:
    hold, flag, started = tmp_path / "hold", tmp_path / "flag", tmp_path / "started"
    programs = {
        "systemctl": f'test ! -e {hold} || exit 1\necho "$@" >> {started}\nrm {flag}',
        "pgrep": f"test -e {started}",
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    command = puppet_runs.BEGIN_FIRST_BOOT.replace(puppet_runs.HOLD_FILE, str(hold))
    command = command.replace(puppet_runs.FIRST_BOOT_FLAG, str(flag))
    hold.touch()
    flag.touch()
    for _ in range(2):
        ran = subprocess.run([shell, "-c", command], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, timeout=90)
        assert ran.returncode == 0 and not hold.exists()
    assert started.read_text() == "--no-block start oci-first-boot.service\n"
