"""Real child processes: told something, killed when they hang, and what they said is kept."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from reconciler.execution.drivers.hooks import tell_child
from reconciler.model.errors import TemporaryError

from ...waiting import runs

pytestmark = pytest.mark.waits


def script(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "hook"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return (str(path), "an argument", str(folder))


async def test_a_child_is_told_by_json_on_its_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = script(tmp_path, 'cat > "$2/told"; env > "$2/env"; echo "$1" > "$2/said"')
    monkeypatch.setenv("RECONCILER_TEST_WORD", "not for children")
    await tell_child(command, {"hostname": "a.example.com", "password": "s3cret"}, 90)
    told = json.loads((tmp_path / "told").read_text())
    assert told == {"version": 1, "hostname": "a.example.com", "password": "s3cret"}
    assert (tmp_path / "said").read_text() == "an argument\n"
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names <= {"PATH", "LANG", "PWD", "_", "SHLVL", "OLDPWD"}


async def test_one_that_never_reads_it_ends_as_well(tmp_path: Path) -> None:
    await tell_child(script(tmp_path, "exit 0"), {"much": "x" * 1_000_000}, 90)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo no such zone >&2; exit 3", r"hook ended with 3, saying: no such zone$"),
        ("exit 1", r"hook ended with 1$"),
        ("kill -9 $$", r"hook was ended by signal 9$"),
    ],
)
async def test_how_it_failed_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TemporaryError, match=said):
        await tell_child(script(tmp_path, text), {}, 90)


async def test_what_cannot_be_run_says_so() -> None:
    with pytest.raises(TemporaryError, match="/no/such/hook cannot be run: No such file or directory"):
        await tell_child(("/no/such/hook",), {}, 90)


async def test_one_that_hangs_is_killed_with_all_that_it_began(tmp_path: Path) -> None:
    command = script(tmp_path, 'sleep 1000 & echo $! > "$2/child"; trap "" TERM; echo asking the name server; wait')
    for seconds in (0.5, 4, 32):  # a busy machine takes its time until the child has come to its last word
        with pytest.raises(TemporaryError, match=rf"did not end within {seconds:.0f} s, and was killed") as error:
            await tell_child(command, {}, seconds)
        if str(error.value).endswith("saying: asking the name server"):
            break
    else:
        raise AssertionError(error.value)
    pid = int((tmp_path / "child").read_text())
    while runs(pid):
        await asyncio.sleep(0.01)


async def test_one_is_killed_when_the_daemon_ends(tmp_path: Path) -> None:
    task = asyncio.create_task(tell_child(script(tmp_path, 'echo $$ > "$2/pid"; sleep 1000'), {}, 1000))
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not runs(int((tmp_path / "pid").read_text()))


async def test_one_that_leaves_somebody_behind_is_not_waited_for(tmp_path: Path) -> None:
    await tell_child((sys.executable, "-c", "import subprocess; subprocess.Popen(['sleep', '1000'])"), {}, 90)
