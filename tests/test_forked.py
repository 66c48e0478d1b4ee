"""Commands that are forked end as those that are started: with one exit status for all, and in time."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .forked import Forked, ended, kill_group


def test_whoever_asks_is_told_the_same_exit_status(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as others:
        for number in range(5):
            command = Forked(["nonsense"], tmp_path / str(number))
            joined = [others.submit(command.join) for _ in range(3)]
            while (seen := command.returncode) is None:
                pass
            assert {seen, *(each.result() for each in joined)} == {64}


def test_a_command_that_does_not_end_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "report.json")
    with pytest.raises(TimeoutError, match="did not end within 1 s, and was killed"):
        ended(["match", str(tmp_path / "report.json")], limit=1)


def test_a_command_can_be_killed_from_its_first_moment_on(tmp_path: Path) -> None:
    for number in range(5):
        command = Forked(["demo"], tmp_path / str(number))
        kill_group(command.pid)
        assert command.join() == -signal.SIGKILL
