"""Whether a site's database is as new as its state folder remembers; and that the folder remembers what is begun."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .drivers.json_lines import read_lines, replace_lines
from .execution.ports import Handler, Handlers
from .model.epoch import Epoch
from .model.errors import PermanentError, TemporaryError
from .planning.observing import disagreement
from .store import Store

FILE = "fleet.json"


class Epochs:
    """The epoch of a database, and the one in the state folder."""

    def __init__(self, state: Path, kept: Callable[[], Store | None]) -> None:
        """``state``: the folder; ``kept``: the database, if there is one."""
        self.file = state / FILE
        self._kept = kept
        self._writing = threading.Lock()
        self._begun = False

    def disagreement(self) -> str | None:
        """Why nothing may be begun, as far as database and state folder know; None: it may."""
        try:
            remembered = self.remembered()  # before the database, which always rises first
        except PermanentError as error:
            return str(error)
        store = self._kept()
        return disagreement(store.standing() if store else None, remembered, str(self.file))

    def remembered(self) -> Epoch | None:
        """What the state folder last saw of the database; None: nothing yet.

        Raises:
            PermanentError: It cannot be read, so nobody knows.
        """
        try:
            if not self.file.exists():
                return None
            (row,) = read_lines(self.file)
            return Epoch(str(row["fleet"]), int(row["counter"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PermanentError(
                f"nobody can tell how old the database is: {self.file} cannot be read ({error})"
            ) from error

    def begin(self) -> bool:
        """Count a daemon's start, once and as soon as there is no disagreement; True when that was now."""
        store = self._kept()
        if self._begun or store is None or self.disagreement() is not None:
            return False
        store.count_start()
        self._begun = True
        with contextlib.suppress(TemporaryError):  # each action says so, and is not begun
            self.follow()
        return True

    def follow(self) -> None:
        """Have the state folder remember how far the database has come; before anything that was begun has an effect.

        Raises:
            TemporaryError: It cannot be written, or the database is another one, or older, all at once.
        """
        with self._writing:
            if (why := self.disagreement()) is not None:
                raise TemporaryError(f"nothing is begun: {why}")
            store = self._kept()
            now, before = store.standing().epoch if store else None, self.remembered()
            if now is not None and now != before:
                self.remember(now)

    def remember(self, epoch: Epoch) -> None:
        """Write what the state folder remembers.

        Raises:
            TemporaryError: It cannot be written.
        """
        try:
            replace_lines(self.file, [{"fleet": epoch.fleet, "counter": epoch.counter}])
        except OSError as error:
            raise TemporaryError(f"nothing is begun: {self.file} cannot be written: {error.strerror}") from error


def remembering(table: Handlers, epochs: Epochs) -> Handlers:
    """The same handlers, each of which begins once the state folder remembers that it does."""
    return {action: partial(_remembered, epochs, handler) for action, handler in table.items()}


async def _remembered(epochs: Epochs, handler: Handler, action: Any) -> None:
    await asyncio.to_thread(epochs.follow)
    await handler(action)
