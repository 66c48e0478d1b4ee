"""The command as a process: what it loads, how it starts, and what pipes and terminals get."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from ..waiting import until
from .conftest import ROOT, STORE, Laid

HEAVY = ["pydantic", "sqlalchemy", "asyncssh", "fastapi", "rich", "yaml", "git", "cryptography", "jinja2", "structlog"]
COMMANDS = ["validate", "match", "plan", "machines", "enc", "approve", "secrets", "export", "run", "demo"]


def reconciler(
    *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "reconciler", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, cwd=cwd, env={**os.environ, **(env or {})}, check=False)


@pytest.mark.parametrize("what", ["import reconciler.cli.app", "from reconciler.cli.app import run; run(['--help'])"])
def test_help_loads_nothing_heavy(what: str) -> None:
    code = f"import sys; {what}; print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True)
    assert done.stderr.decode().strip() == "[]"


def test_a_usage_error_loads_nothing_of_ours() -> None:
    code = """
import sys
from reconciler.cli.app import run
assert run(["nonsense"]) == 64
print([name for name in sys.modules if name.startswith("reconciler.") and not name.startswith("reconciler.cli")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.decode().strip() == "[]"


def test_the_version_is_told() -> None:
    assert reconciler("--version").stdout.decode().startswith("reconciler 0.")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_gives_the_commands_names(shell: str) -> None:
    env = {
        "_RECONCILER_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": "reconciler ",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "reconciler ",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    said = reconciler(env=env).stdout.decode()
    assert all(command in said for command in COMMANDS)


def test_completion_can_be_installed_for_bash(tmp_path: Path) -> None:
    script = reconciler(env={"_RECONCILER_COMPLETE": "source_bash"}).stdout.decode()
    assert "_RECONCILER_COMPLETE=complete_bash" in script
    assert subprocess.run(["bash", "-n"], input=script.encode(), check=False).returncode == 0


def test_a_reader_that_has_seen_enough_hears_no_complaint(laid: Laid) -> None:
    command = f"{sys.executable} -m reconciler --config {laid.folder}/reconciler.yaml machines --format json"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -n 1"], capture_output=True, cwd=ROOT, check=False
    )
    assert (done.stdout, done.stderr) == (b"[\n", b"")
    assert done.returncode in (0, 141)  # 141 is SIGPIPE; a writer quicker than head ends before the pipe does


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_enc_is_utf_8_in_every_locale(laid: Laid, locale: str) -> None:
    laid.change("region: RegionOne", 'region: "R\N{LATIN SMALL LETTER E WITH ACUTE}gion"')
    env = {"LC_ALL": locale, "PYTHONIOENCODING": "ascii" if locale.startswith("en") else "", "RECONCILER_SPECS": ""}
    env = {key: value for key, value in env.items() if value}
    config = laid.folder / "reconciler.yaml"
    given = reconciler("--config", config, "--specs", laid.specs, "enc", STORE.replace("store", "proxy"), env=env)
    assert given.returncode == 0
    assert "R\N{LATIN SMALL LETTER E WITH ACUTE}gion" in given.stdout.decode()
    assert reconciler("--config", config, "--specs", laid.specs, "plan", env=env).returncode == 0


@pytest.mark.parametrize(("env", "bold"), [({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({}, True)])
def test_a_terminal_gets_emphasis_unless_it_wants_none(laid: Laid, env: dict[str, str], bold: bool) -> None:
    said = on_terminal(laid, {"TERM": "xterm", **env}, 80)
    assert ("\x1b[1m" in said or "\x1b[01m" in said) is bold or "NO_COLOR" in env
    assert "\x1b[3" not in said  # colours


def test_a_narrow_terminal_folds_the_last_column_only(laid: Laid) -> None:
    said = on_terminal(laid, {"TERM": "dumb", "COLUMNS": "100"}, 100)
    assert all(len(line) <= 120 for line in said.splitlines())
    assert "swift01-swiftstore-6.example.com" in said


def on_terminal(laid: Laid, env: Mapping[str, str], columns: int) -> str:
    """What ``machines`` shows on a terminal."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "reconciler", "--config", str(laid.folder / "reconciler.yaml"), "machines"]
    shown = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    process = subprocess.Popen(command, stdout=its, cwd=ROOT, env={**shown, "COLUMNS": str(columns), **env})
    os.close(its)
    said = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # the terminal is closed
            break
        if not read:
            break
        said += read
    os.close(ours)
    assert process.wait() == 0
    return said.decode()


def test_a_daemon_may_begin_with_everything_paused(laid: Laid, tmp_path: Path) -> None:
    laid.database.unlink()
    said = tmp_path / "said"
    with said.open("wb") as log:
        command = [sys.executable, "-m", "reconciler", "--config", str(laid.folder / "reconciler.yaml")]
        process = subprocess.Popen([*command, "run", "--paused", "--listen", "127.0.0.1:0"], stderr=log, stdout=log)
    try:
        until("it listens, or has ended", lambda: b"listening" in said.read_bytes() or process.poll() is not None)
        assert process.poll() is None, said.read_text()
    finally:
        process.terminate()
        assert process.wait() == 0
    machines = subprocess.run([*command, "machines"], capture_output=True, check=True)
    assert b"fleet is paused: by " in machines.stderr
    assert b"reconciler run --paused" in machines.stderr


@pytest.mark.lengthy
def test_ten_thousand_reports_are_matched_in_seconds_and_little_memory(laid: Laid, tmp_path: Path) -> None:
    lines = [json.dumps(json.loads(report)).encode() for report in laid.reports]
    with (tmp_path / "reports.jsonl").open("wb") as out:
        for number in range(10_000):
            out.write(lines[number % len(lines)] + b"\n")
    # VmHWM, not getrusage: that one's peak is inherited from the process that started this one.
    code = """
import re, sys, time
from pathlib import Path
from reconciler.cli.app import run
status = run(sys.argv[1:])
peak = re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())
print(status, peak[1], int(time.process_time()), file=sys.stderr)
"""
    command = [sys.executable, "-c", code, "--specs", str(laid.specs), "match", "--format", "json", "-"]
    with (tmp_path / "reports.jsonl").open("rb") as reports:
        done = subprocess.run(command, stdin=reports, capture_output=True, cwd=ROOT, check=True)
    status, kilobytes, seconds = map(int, done.stderr.split())
    assert status == 0
    assert done.stdout.count(b"\n") == 10_000
    assert kilobytes < 250_000  # the output alone is kept here, not there
    assert seconds < 30  # of the processor, which are 5
