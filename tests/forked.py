"""``reconciler`` in a process of its own, forked from one that has read all of its modules already.

Reading them takes two seconds of a processor, and end-to-end tests run some two hundred commands. RSA keys that it
makes are there already, see ``forked_keys``. Nothing else differs: arguments, environment, standard streams, process
group and exit status are those of a program that was started. Programs that operators start are started by
``tests/cli/test_process.py``, and by who runs one through another.
"""

import asyncio
import contextlib
import multiprocessing
import os
import pkgutil
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import reconciler

_NOT_THE_DAEMONS = ("reconciler.simulator", "reconciler.oci_import", "reconciler.__main__")
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "reconciler.__main__",
        *(
            module.name
            for module in pkgutil.walk_packages(reconciler.__path__, "reconciler.")
            if not module.name.startswith(_NOT_THE_DAEMONS)
        ),
        "tests.forked_keys",
        __name__,
    ]
)
_ONE_READS = threading.Lock()
"""Held by whoever reads an exit status: it can be read once, and a second reader that was as quick is told 255. A
process that is started reads those of all others."""


class Forked:
    """A running ``reconciler``; to be used like one that asyncio started."""

    def __init__(
        self, arguments: Sequence[str], out: Path, err: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        """Start it.

        Args:
            arguments: Its words, without its own name.
            out: Where its output goes.
            err: Where its errors go; None: to the same place.
            env: Variables beside those of this process.
        """
        out.touch()
        given = (list(arguments), out, err, os.getcwd(), os.environ | (env or {}))
        self._process: ForkServerProcess = _SERVER.Process(target=_run, args=given)
        with _ONE_READS:
            self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        with _ONE_READS:
            return self._process.exitcode

    async def wait(self) -> int:
        return await asyncio.to_thread(self.join)

    def join(self, limit: float | None = None) -> int:
        """Its exit status, once it has ended.

        Args:
            limit: Seconds; None: for as long as it takes.

        Raises:
            TimeoutError: It did not end, and was killed with all that it had started.
        """
        if not wait([self._process.sentinel], limit):
            kill_group(self.pid)
            raise TimeoutError(f"it did not end within {limit} s, and was killed")
        status = self.returncode
        assert status is not None
        return status

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)


def kill_group(pid: int) -> None:
    """Kill a program and all that it has started; one that was forked a moment ago has no group of its own yet."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, signal.SIGKILL)


def ended(
    arguments: Sequence[str], env: Mapping[str, str] | None = None, limit: float | None = None
) -> tuple[int, str, str]:
    """Run one to its end (``Forked.join``): its exit status, what it printed, and what it complained about."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        status = Forked(arguments, out, err, env).join(limit)
        return status, out.read_text(), err.read_text()


def _run(arguments: list[str], out: Path, err: Path | None, folder: str, env: dict[str, str]) -> None:
    """In the new process: become what a shell would have started."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    _write_to(1, out)
    if err is None:
        os.dup2(1, 2)
    else:
        _write_to(2, err)
    sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", 1, encoding="utf-8")
    sys.argv = ["reconciler", *arguments]
    from reconciler.__main__ import main

    from . import forked_keys

    forked_keys.hand_out()
    main()


def _write_to(descriptor: int, path: Path) -> None:
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(opened, descriptor)
    os.close(opened)
