"""Words on their way to the disk: queued by many callers, written together.

Writing each word by itself would cost one flush per word; so one writer takes all that gathered while it was writing
the previous batch, and flushes them together.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from ..execution.seam import offload
from ..model.observations import Heard, Notice
from .ports import WordStore

QUEUE = 2_000
"""Words waiting to be written; more callers are told to come back."""

BATCH = 500
"""Words per transaction, so that a flood does not make one that takes seconds."""


class Quarantine(NamedTuple):
    """A machine that nobody touches until an operator has told it from another one."""

    serial: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Words:
    """What one caller wants written."""

    heard: tuple[Heard, ...] = ()
    notices: tuple[Notice, ...] = ()
    quarantine: Quarantine | None = None
    matters: bool = False  # whether the loop should look again


class NotWrittenError(Exception):
    """The words did not reach the disk."""


@dataclass(slots=True)
class BatchWriter:
    """Writes what callers queue, from ``start`` to ``stop``."""

    store: Callable[[], WordStore]  # asked for once ``start`` was called
    clock: Callable[[], datetime]
    wake: Callable[[], None]
    lost: Callable[[Words], None]  # called for all words that did not reach the disk
    tell: Callable[[Exception | None], object]  # how each batch ended: None, if well
    _queue: asyncio.Queue["tuple[Words, asyncio.Future[None]] | None"] = field(
        default_factory=lambda: asyncio.Queue(QUEUE)
    )
    _task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Callers whose words are not yet on disk."""
        return self._queue.qsize()

    @property
    def is_writing(self) -> bool:
        """Whether words reach the disk at all."""
        return self._task is not None and not self._task.done()

    @property
    def has_room(self) -> bool:
        """Whether ``write`` may be called."""
        return self.is_writing and not self._queue.full()

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="batch writer")

    async def stop(self) -> None:
        """Write what is queued, then no more."""
        if self._task is not None:
            await self._queue.put(None)
            await self._task

    async def write(self, words: Words) -> None:
        """Queue before anything is awaited, where there ``has_room``, and return once the words are on disk.

        Raises:
            NotWrittenError: They did not get there.
        """
        done = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((words, done))
        await done

    async def _run(self) -> None:
        last = False
        while not last:
            item = await self._queue.get()
            items = []
            while item is not None:
                items.append(item)
                if len(items) == BATCH or self._queue.empty():
                    break
                item = self._queue.get_nowait()
            last = item is None
            if items:
                await self._write_batch(items)

    async def _write_batch(self, items: "list[tuple[Words, asyncio.Future[None]]]") -> None:
        """Write words together, and tell each caller whether they are on disk.

        Where writing fails, what is queued behind them is refused too: nobody knows when the disk comes back, and a
        machine that is refused tries again.
        """
        try:
            await offload(self._record, [words for words, _ in items])
        except Exception as error:  # whatever it is, callers must hear that nothing was kept, and the writer lives on
            self.tell(error)
            for words, done in [*items, *self._take_all()]:
                self.lost(words)
                _settle(done, NotWrittenError())
            return
        self.tell(None)
        for _, done in items:
            _settle(done)
        if any(words.matters for words, _ in items):
            self.wake()

    def _take_all(self) -> "Iterator[tuple[Words, asyncio.Future[None]]]":
        """What waits behind a lost batch may rest on it: "the same as before", where before is now lost."""
        for _ in range(self._queue.qsize()):
            item = self._queue.get_nowait()
            if item is None:
                self._queue.put_nowait(None)
            else:
                yield item

    def _record(self, batch: Sequence[Words]) -> None:
        store = self.store()
        store.record([one for words in batch for one in words.heard], [n for words in batch for n in words.notices])
        for words in batch:
            if words.quarantine:
                store.set_conflict(*words.quarantine, at=self.clock())


def _settle(done: "asyncio.Future[None]", error: Exception | None = None) -> None:
    with suppress(asyncio.InvalidStateError):  # the caller has gone
        done.set_exception(error) if error else done.set_result(None)
