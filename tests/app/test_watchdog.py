"""What systemd hears of the daemon."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.app.daemon import Daemon
from reconciler.app.watchdog import Watchdog

from ..limits import files_allowed
from ..sites import bare_site
from ..waiting import LONG


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """What listens in its place."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(LONG)
        yield listening


def asked(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000", **more}


async def test_a_daemon_says_that_it_answers_that_it_goes_on_and_that_it_ends(
    systemd: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in asked(tmp_path).items():
        monkeypatch.setenv(name, value)
    daemon = Daemon(bare_site(tmp_path))
    serving, heard = asyncio.create_task(daemon.serve()), list[bytes]()
    while not heard or heard[-1] != b"STOPPING=1":  # its socket holds ten words, and no more
        heard.append(await asyncio.to_thread(systemd.recv, 100))
        if len(heard) == 4:
            daemon.stop()
    assert heard[:4] == [b"READY=1", *3 * [b"WATCHDOG=1"]]
    assert await serving == 0


def test_files_that_run_out_do_not_end_it(systemd: socket.socket, tmp_path: Path) -> None:
    watchdog = Watchdog(asked(tmp_path))
    with files_allowed(0):
        watchdog.tell("WATCHDOG=1")
    assert systemd.recv(100) == b"WATCHDOG=1"
    watchdog.close()


@pytest.mark.waits
def test_what_is_asked_of_another_process_or_by_nobody_is_not_done(tmp_path: Path) -> None:
    other, this = Watchdog(asked(tmp_path, WATCHDOG_PID="1")), Watchdog(asked(tmp_path, WATCHDOG_PID=str(os.getpid())))
    nobody = Watchdog({})
    assert (other.every, this.every, nobody.every) == (None, pytest.approx(0.1), None)
    for one in (other, this, nobody):
        one.tell("READY=1")
        one.close()


@pytest.mark.waits
def test_one_that_listens_no_more_harms_nobody(tmp_path: Path) -> None:
    watchdog = Watchdog(asked(tmp_path))
    watchdog.tell("READY=1")
    watchdog.close()
