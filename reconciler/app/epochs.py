"""Compares the age of a site's database with the one in the state folder, which is kept up with all that is begun."""

import contextlib
import errno
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..execution.drivers.json_lines import read_lines, replace_lines
from ..execution.ports import Handler, Handlers
from ..execution.seam import offload
from ..model.epoch import Epoch, Standing
from ..model.errors import NotBegunError, PermanentError, TemporaryError
from ..planning.observe_only import disagreement, unremembered
from ..store import Store

FILE = "fleet.json"

_TO_DO = {
    errno.EMFILE: "this process may open no more files: raise its limit (LimitNOFILE=)",
    errno.ENFILE: "this host may open no more files: raise its limit (sysctl fs.file-max)",
    errno.EIO: "its disk gives errors: see the kernel's log",
}
"""What an operator can do about it, by what the system says."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the state folder last saw of the database. It is read before the database, which always rises first."""

    file: Path
    epoch: Epoch | None = None  # None: nothing yet
    unreadable: str | None = None  # why nobody can tell what it saw

    def doubt(self, database: Standing | None) -> str | None:
        """Why nothing may be begun in a database of this standing, as far as both know; None: it may."""
        return self.unreadable or disagreement(database, self.epoch, str(self.file))


class Epochs:
    """The epoch of a database, and the one in the state folder."""

    def __init__(self, state: Path, kept: Callable[[], Store | None]) -> None:
        """``state``: the folder; ``kept``: the database, if there is one."""
        self.file = state / FILE
        self._kept = kept
        self._writing = threading.Lock()
        self._begun = False

    def disagreement(self) -> str | None:
        """Why nothing may be begun, as far as database and state folder know; None: it may.

        Raises:
            TemporaryError: One of them does not answer.
        """
        return self.memory().doubt(self._standing())

    def memory(self) -> Memory:
        """What the state folder last saw of the database, also where what it says makes no sense.

        Raises:
            TemporaryError: It does not answer, which says nothing of the database's age.
        """
        try:
            return Memory(self.file, self.remembered())
        except PermanentError as error:
            return Memory(self.file, unreadable=str(error))

    def remembered(self) -> Epoch | None:
        """What the state folder last saw of the database; None: nothing yet.

        Raises:
            PermanentError: What it says makes no sense, so nobody knows.
            TemporaryError: It does not answer: its disk is away, or no more files may be opened.
        """
        try:
            if not self.file.exists():
                return None
            (row,) = read_lines(self.file)
            return Epoch(str(row["fleet"]), int(row["counter"]))
        except OSError as error:
            raise TemporaryError(unanswered(self.file, error)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise PermanentError(
                f"nobody can tell how old the database is: {self.file} cannot be read ({error})"
            ) from error

    def begin(self, first: Callable[[], object] = lambda: None) -> None:
        """Count a daemon's start, once and as soon as there is no disagreement. ``first`` is called before that.

        A doubt is written into the database: daemons on other hosts, whose folders know less, heed it too.
        """
        store = self._kept()
        if self._begun or store is None:
            return
        before, now = self.memory(), store.standing()
        if now.doubt is not None and now.epoch == before.epoch and store.remembered():
            now = store.standing()
        if (why := before.doubt(now)) is not None:
            if now.doubt is None and before.unreadable is None:  # a file can be mended
                store.doubt(why)
            return
        if (why := unremembered(now, before.epoch, str(self.file))) is not None:
            store.doubt(why, until_remembered=True)
            return
        try:
            self.follow()  # before there is anything to count, so that no folder is empty beside a count
        except NotBegunError:
            return  # each action says so, and is not begun
        first()  # should it fail, all of this is done again
        store.count_start()
        self._begun = True
        with contextlib.suppress(NotBegunError):
            self.follow()

    def follow(self) -> None:
        """Have the state folder remember how far the database has come; before anything that was begun has an effect.

        Raises:
            NotBegunError: It cannot be written, or the database is another one, or older, all at once.
        """
        with self._writing:
            try:
                before, now = self.memory(), self._standing()
            except TemporaryError as error:
                raise NotBegunError(f"nothing is begun: {error}") from error
            if (why := before.doubt(now)) is not None:
                raise NotBegunError(f"nothing is begun: {why}")
            if now is not None and now.epoch != before.epoch:
                self.remember(now.epoch)

    def remember(self, epoch: Epoch) -> None:
        """Write what the state folder remembers.

        Raises:
            NotBegunError: It cannot be written.
        """
        try:
            replace_lines(self.file, [{"fleet": epoch.fleet, "counter": epoch.counter}])
        except OSError as error:
            raise NotBegunError(f"nothing is begun: {self.file} cannot be written: {error.strerror}") from error

    def _standing(self) -> Standing | None:
        store = self._kept()
        return store.standing() if store else None


def unanswered(file: Path, error: OSError) -> str:
    """What to tell people of a file in the state folder that cannot be read, and what they can do about it."""
    to_do = _TO_DO.get(error.errno or 0, "see whether its file system is mounted, and whether this user may read it")
    return f"{file} cannot be read ({error.strerror}): {to_do}"


def remembering(table: Handlers, epochs: Epochs, tell: Callable[[NotBegunError], object]) -> Handlers:
    """The given handlers, each of which begins once the state folder remembers that it does; ``tell``: it cannot."""
    return {action: partial(_remembered, epochs, tell, handler) for action, handler in table.items()}


async def _remembered(epochs: Epochs, tell: Callable[[NotBegunError], object], handler: Handler, action: Any) -> None:
    try:
        await offload(epochs.follow)
    except NotBegunError as error:
        tell(error)
        raise
    await handler(action)
