"""People who put back a backup of the database, which is older than the machines."""

import asyncio
import contextlib
import sqlite3

from .base import Fault

SECONDS = 60.0
"""From a backup to its use, and from there to the next one, at the highest dose."""


class RestoredBackups(Fault):
    """A copy of the database is made while the daemon runs; later it is killed, and the copy takes the place."""

    async def act(self) -> None:
        while True:
            await asyncio.sleep(self.pause(SECONDS))
            with contextlib.closing(sqlite3.connect(":memory:")) as kept:
                self._copy(kept)
                self.world.tell("the database is backed up")
                await asyncio.sleep(self.pause(SECONDS))
                self.world.tell("the backup is put back")
                self.world.daemon.kill()
                self._put_back(kept)

    async def heal(self) -> None:
        """It leaves nothing that goes on: people adopt what the database does not know."""

    def _copy(self, kept: sqlite3.Connection) -> None:
        with contextlib.closing(sqlite3.connect(self.world.database)) as database:
            database.backup(kept)

    def _put_back(self, kept: sqlite3.Connection) -> None:
        path = self.world.database
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(path)) as database:
            kept.backup(database)
