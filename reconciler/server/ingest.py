"""Words from machines: checked, told apart, and written in batches.

A report is answered only after it is on disk. Writing each by itself would cost
one flush per report; so callers queue their words, and one writer takes all that
gathered while it was writing the previous batch, and flushes them together.

Who is who rests on serial *and* MAC addresses. Two boards that claim one serial
are both held until a human has looked: what the second says is not recorded.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import IPv4Address

import structlog

from ..hardware.changes import changes
from ..hardware.identity import conflict
from ..hardware.report import ReportError, digest, parse_report
from ..model.errors import PermanentError, TemporaryError
from ..model.hardware import Hardware
from ..model.machine import InstallStatus
from ..model.observations import Heard, Notice
from .access import Address, Caller, Network, parse_address
from .answers import Answer, busy, refused
from .ports import Store

MAX_REPORT = 256 * 1024
"""Bytes. A storage server with ninety disks reports about 25 kB."""

QUEUE = 2_000
"""Words waiting to be written; more callers are told to come back."""

BATCH = 500
"""Words per transaction, so that a flood does not make one that takes seconds."""

REMEMBERED = 50_000
"""Machines whose last report is kept in memory; of more, the longest silent is read from the store again."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Known:
    """What the last recorded report of a machine was."""

    hardware: Hardware
    digest: str
    body: bytes = b""  # SHA-256 of the report as it came; empty when read from the store


@dataclass(frozen=True, slots=True)
class _Item:
    """What one request wants written."""

    done: asyncio.Future[None]
    words: tuple[Heard, ...] = ()
    notices: tuple[Notice, ...] = ()
    held: tuple[str, str, str] | None = None  # serial, reason, evidence
    matters: bool = False  # whether the loop should look again


@dataclass(slots=True)
class Ingest:
    """Takes reports and statuses. ``run`` writes them, and has to run for any to be answered."""

    store: Store
    clock: Callable[[], datetime]
    wake: Callable[[], None]
    trusted: Callable[[], Sequence[Network]]  # who may report
    node_networks: Callable[[], Sequence[Network]]  # who may, besides, tell a status: installed nodes
    serial_at: Callable[[str], str | None]  # the machine that last called from this address
    owner_of: Callable[[str], str | None]  # the machine that was given this address
    _queue: asyncio.Queue[_Item | None] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    _known: OrderedDict[str, _Known] = field(default_factory=OrderedDict)
    _by_body: dict[bytes, str] = field(default_factory=dict)
    _told: set[tuple[str, frozenset[str]]] = field(default_factory=set)  # conflicts that woke the loop

    _writer: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Requests whose words are not yet on disk."""
        return self._queue.qsize()

    def refusal(self, caller: Caller, size: int | None) -> Answer | None:
        """What is wrong with a report before its body is read; ``size`` as announced, in bytes."""
        if not self.is_writing:
            return _NOT_YET
        if not caller.is_in(self.trusted()):
            return refused(403, "Reports are taken from the fleet's trusted networks only.", "untrusted")
        if size is not None and size > MAX_REPORT:
            return refused(413, f"A report may have {MAX_REPORT} bytes, this one has {size}.", "too-large")
        return None

    async def report(self, body: bytes, caller: Caller) -> Answer:
        """Take one hardware report. ``Ok`` once it is on disk; any other answer, and nothing was kept of it."""
        refusal = self.refusal(caller, len(body))
        if refusal is not None:
            return refusal
        body_sha = hashlib.sha256(body).digest()
        serial = self._by_body.get(body_sha)
        if serial is not None:
            known = self._known[serial]
            return await self._write(words=(self._heard(known, caller.address),), result="known")
        try:
            hardware = parse_report(body)
        except ReportError as error:
            return refused(400, str(error), "invalid")
        return await self._new_report(_Known(hardware, digest(hardware), body_sha), caller.address)

    async def _new_report(self, new: _Known, address: Address | None) -> Answer:
        serial = new.hardware.serial
        if serial not in self._known:
            await self._refresh(serial, None)
        doubted = self._known.get(serial)
        if doubted is not None and conflict(doubted.hardware, new.hardware):
            flushed = await self._write(result="flushed")
            if flushed.status != 200:
                return flushed
            await self._refresh(serial, doubted)  # an operator may have forgotten the other one meanwhile
        # No await from here to the queue: of two reports at once, the second must see the first.
        before = self._known.get(serial)
        reason = conflict(before.hardware, new.hardware) if before else None
        if before and reason:
            return await self._hold(before.hardware, new.hardware, reason, address)
        if not self._has_room:
            return _full()
        same = before is not None and before.digest == new.digest
        at = self.clock()
        found = () if same else changes(before.hardware if before else None, new.hardware)
        self._remember(new)
        return await self._write(
            words=(self._heard(new, address),),
            notices=tuple(Notice(serial, at, change.kind, change.text) for change in found),
            matters=not same,
            result="known" if same else "changed" if before else "new",
        )

    async def _refresh(self, serial: str, held: _Known | None) -> None:
        """Take from the store what it knows of a machine, unless something else than ``held`` came in meanwhile."""
        stored = await self._read(serial)
        if self._known.get(serial) is held:
            self._forget(serial)
            if stored is not None:
                self._remember(stored)

    async def _hold(self, first: Hardware, second: Hardware, reason: str, address: Address | None) -> Answer:
        """Two boards, one serial: hold the machine, keep nothing of what the second says of itself."""
        evidence = f"the second reports from {address}: {second.manufacturer} {second.product}"
        told = (first.serial, second.macs) in self._told
        answer = await self._write(
            held=(first.serial, reason, evidence),
            matters=not told,
            result="conflict",
        )
        if answer.status != 200:
            return answer
        self._told.add((first.serial, second.macs))
        log.warning("serial conflict", serial=first.serial, reason=reason, evidence=evidence)
        return refused(409, f"Held: {reason}. An operator has to tell them apart.", "conflict")

    async def status(self, status: str | None, serial: str | None, ipaddr: str | None, caller: Caller) -> Answer:
        """Take one install-status call. The stock scripts leave the serial out while Debian is being installed."""
        if not self.is_writing:
            return _NOT_YET
        networks = [*self.trusted(), *self.node_networks()]
        if not caller.is_in(networks):
            return refused(403, "Statuses are taken from the fleet's own networks only.", "untrusted")
        try:
            said = InstallStatus(status or "")
        except ValueError:
            return refused(400, f"status: one of {', '.join(InstallStatus)} is expected.", "invalid")
        if serial and not (serial.isprintable() and len(serial) <= 64):
            return refused(400, "chassis-serial: up to 64 printable characters are expected.", "invalid")
        address = str(caller.address)
        if ipaddr:  # between an installed node and us there may be NAT; it knows its own address
            own = parse_address(ipaddr)
            if not isinstance(own, IPv4Address) or not any(own in network for network in networks):
                return refused(400, "ipaddr: an IPv4 address in one of the fleet's networks is expected.", "invalid")
            address = str(own)
        serial = serial or self.serial_at(str(caller.address))
        if serial is None or (serial not in self._known and await self._read(serial) is None):
            return refused(404, "No machine of that serial or address has reported yet.", "unknown")
        for spoken in dict.fromkeys((str(caller.address), address)):
            if (owner := self.owner_of(spoken)) is not None and owner != serial:
                log.warning("status from another machine's address", serial=serial, address=spoken, owner=owner)
                why = f"{spoken} was given to {owner}: nothing is believed from there of {serial}."
                return refused(409, why, "stranger")
        word = Heard(serial, self.clock(), address, status=said)
        answer = await self._write(words=(word,), matters=True, result=said)
        return replace(answer, body=b"") if answer.status == 200 else answer

    async def _read(self, serial: str) -> _Known | None:
        """What the store knows of a machine."""
        seen = (await asyncio.to_thread(self.store.seen, [serial])).get(serial)
        return _Known(seen.hardware, seen.digest) if seen else None

    def _heard(self, known: _Known, address: Address | None) -> Heard:
        return Heard(known.hardware.serial, self.clock(), str(address), hardware=known.hardware, digest=known.digest)

    def _remember(self, known: _Known) -> None:
        self._forget(known.hardware.serial)
        self._known[known.hardware.serial] = known
        if known.body:
            self._by_body[known.body] = known.hardware.serial
        while len(self._known) > REMEMBERED:
            self._forget(next(iter(self._known)))

    def _forget(self, serial: str) -> None:
        known = self._known.pop(serial, None)
        if known is not None:
            self._by_body.pop(known.body, None)

    @property
    def _has_room(self) -> bool:
        return self.is_writing and not self._queue.full()

    async def _write(
        self,
        *,
        result: str,
        words: tuple[Heard, ...] = (),
        notices: tuple[Notice, ...] = (),
        held: tuple[str, str, str] | None = None,
        matters: bool = False,
    ) -> Answer:
        """Queue, and wait until it is on disk."""
        if not self._has_room:
            return _full()
        item = _Item(asyncio.get_running_loop().create_future(), words, notices, held, matters)
        self._queue.put_nowait(item)
        try:
            await item.done
        except _NotWrittenError:
            return busy("The report could not be written; come back in a few seconds.")
        return Answer(200, b"Ok", result=result)

    def start(self) -> None:
        """Begin to write what callers queue. Until then nobody is answered."""
        self._writer = asyncio.create_task(self._run(), name="ingest writer")

    async def stop(self) -> None:
        """Write what is queued, then no more."""
        if self._writer is not None:
            await self._queue.put(None)
            await self._writer

    @property
    def is_writing(self) -> bool:
        """Whether words reach the disk at all."""
        return self._writer is not None and not self._writer.done()

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

    async def _write_batch(self, items: list[_Item]) -> None:
        try:
            await asyncio.to_thread(self._record, items)
        except Exception as error:  # whatever it is, callers must hear that nothing was kept, and the writer lives on
            if isinstance(error, TemporaryError | PermanentError | OSError):
                log.error("words not written", count=len(items), error=str(error))
            else:
                log.exception("words not written", count=len(items))
            for item in [*items, *self._take_all()]:
                self._forget_all(item)
                _settle(item, _NotWrittenError())
            return
        for item in items:
            _settle(item)
        if any(item.matters for item in items):
            self.wake()

    def _take_all(self) -> Iterator[_Item]:
        """What waits behind a lost batch may rest on it: "the same as before", where before is now lost."""
        for _ in range(self._queue.qsize()):
            item = self._queue.get_nowait()
            if item is None:
                self._queue.put_nowait(None)
            else:
                yield item

    def _record(self, items: Sequence[_Item]) -> None:
        self.store.record([word for item in items for word in item.words], [n for item in items for n in item.notices])
        for item in items:
            if item.held:
                self.store.set_conflict(*item.held, at=self.clock())

    def _forget_all(self, item: _Item) -> None:
        for word in item.words:
            self._forget(word.serial)


class _NotWrittenError(Exception):
    """The batch did not reach the disk."""


_NOT_YET = busy("This daemon does not act, or not yet: /readyz says why. Come back in a few seconds.")


def _full() -> Answer:
    return busy("Too many reports are waiting to be written; come back in a few seconds.")


def _settle(item: _Item, error: Exception | None = None) -> None:
    with suppress(asyncio.InvalidStateError):  # the caller has gone
        item.done.set_exception(error) if error else item.done.set_result(None)
