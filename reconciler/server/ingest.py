"""Words from machines: checked, told apart, and answered once they are on disk.

Who is who rests on serial, MAC addresses and the nonce of the machine's boot (``claims``). What is not believed is not
recorded. Where nobody knows which of two it is, both are quarantined until a human has looked.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address

import structlog

from ..execution.seam import offload
from ..hardware.changes import changes
from ..hardware.fields import MAX_BYTES
from ..hardware.report import Report, ReportError, digest, read_report
from ..hardware.serial_conflict import conflict
from ..model.boot_nonce import BootNonce
from ..model.hardware import Hardware
from ..model.machine import InstallStatus
from ..model.observations import Heard, Notice, Unplaced
from ..model.serials import as_serial
from .auth import Caller, ClientAddress, TrustedNetwork, parse_address
from .batches import BatchWriter, NotWrittenError, Quarantine, Words
from .claims import Claim, Judgement, Stake, heard_lately, judge
from .crowd import SILENT, Crowd
from .ports import WordStore
from .responses import Answer, busy, refused

LARGE_REPORT = 256 * 1024
"""Bytes. A storage server with ninety disks reports about 25 kB; one with hundreds of disks is read aside, as callers
that send as much of anything else would have all others wait for a second."""

REMEMBERED = 50_000
"""Machines whose last report is kept in memory; of more, the longest silent is read from the store again."""

log = structlog.get_logger()


SILENT_AFTER = timedelta(minutes=2)
"""Four periods of the stock agent: whoever was not heard for so long may have been booted anew."""


TOLD_EVERY = timedelta(hours=1)
"""A report that is not believed is told so often of each machine, however often it comes."""


def _nothing(_: str) -> Stake:
    return Stake.NOTHING


@dataclass(slots=True)
class Ingest:
    """Takes reports and statuses. None is answered before ``start`` was called."""

    store: Callable[[], WordStore]  # asked for once ``start`` was called
    clock: Callable[[], datetime]
    wake: Callable[[], None]
    trusted: Callable[[], Sequence[TrustedNetwork] | None]  # who may report; None: there are no specs yet that say it
    node_networks: Callable[[], Sequence[TrustedNetwork]]  # who may, besides, tell a status: installed nodes
    serial_at: Callable[[str], str | None]  # the machine that last called from this address
    owner_of: Callable[[str], str | None]  # the machine that was given this address
    tell: Callable[[Exception | None], object]  # how each attempt to write ended: None, if well
    is_genuine: Callable[[BootNonce, Collection[str]], bool] = lambda _nonce, _macs: False
    """Whether we served a nonce to one of these MAC addresses."""
    stake: Callable[[str], Stake] = _nothing  # what the machine has to lose, by serial
    is_named: Callable[[str], bool] = lambda _serial: False  # whether the specs name a machine, by serial
    called: Callable[[Hardware], str | None] = lambda _hardware: None
    """By which of its other numbers the specs call a machine; None: by none."""
    silent_after: timedelta = SILENT_AFTER
    crowded: Sequence[str] = ()
    """What to tell people of networks from which no more new machines are taken, as of the last ``tidy``."""
    _known: OrderedDict[str, Claim] = field(default_factory=OrderedDict)
    _by_body: dict[bytes, str] = field(default_factory=dict)
    _told: OrderedDict[tuple[str, str], datetime] = field(default_factory=OrderedDict)  # verdicts, by serial
    _writer: BatchWriter = field(init=False)
    _crowd: Crowd = field(init=False)
    _is_second: bool = False  # another daemon acts, and knows machines' nonces
    _is_counted: bool = False  # those too that reported before this daemon began

    def __post_init__(self) -> None:
        self._crowd = Crowd(lambda: self.trusted() or ())
        self._writer = BatchWriter(self.store, self.clock, self.wake, self._lose, self.tell)

    @property
    def waiting(self) -> int:
        """Requests whose words are not yet on disk."""
        return self._writer.waiting

    @property
    def is_writing(self) -> bool:
        """Whether words reach the disk at all."""
        return self._writer.is_writing

    def start(self, *, beside_another: bool = False) -> None:
        """Begin to write what callers say. Until then nobody is answered.

        Args:
            beside_another: Another daemon acts on the database. Then only what machines say is taken that are known,
                and of which it was not told just now which nonce they returned.
        """
        self._is_second = beside_another
        if not self._writer.is_writing:
            self._writer.start()

    async def stop(self) -> None:
        """Write what is queued, then no more."""
        await self._writer.stop()

    async def tidy(self) -> None:
        """Forget silent machines without a place, of which only reports spoke; to be called every few seconds.

        Raises:
            TemporaryError: The database does not answer.
        """
        if not self._is_counted:
            self._crowd.count(await offload(self.store().unplaced))
            self._is_counted = True
        self._crowd.drop([serial for serial in self._crowd if self._has_place(serial)])
        self.crowded = self._crowd.note_refused(self.clock())
        heard = {serial: self._crowd.at(serial) for serial in self._crowd.to_forget(self.clock())}
        if not heard:
            return
        gone = await offload(self.store().forget_unplaced, list(heard), self.clock() - SILENT)
        for serial in gone:
            self._forget(serial)  # also one that reported meanwhile: the store knows
        self._crowd.drop([serial for serial, at in heard.items() if self._crowd.at(serial) == at])
        log.info("machines that only reports spoke of are forgotten", machines=len(gone))

    def _has_place(self, serial: str) -> bool:
        """Whether a machine was given a place, or is to have one, and so is nobody's invention."""
        return self.stake(serial) is not Stake.NOTHING or self.is_named(serial)

    def refusal(self, caller: Caller, size: int | None) -> Answer | None:
        """What is wrong with a report before its body is read; ``size`` as announced, in bytes."""
        trusted = self.trusted()
        if not self.is_writing or trusted is None:
            return _NOT_YET
        if not caller.is_in(trusted):
            return refused(403, "Reports are taken from the fleet's trusted networks only.", "untrusted")
        if size is not None and size > MAX_BYTES:
            return refused(413, f"A report may have {MAX_BYTES} bytes, this one has {size}.", "too-large")
        return None

    async def report(self, body: bytes, caller: Caller) -> Answer:
        """Take one hardware report. ``Ok`` once it is on disk; any other answer, and nothing was kept of it."""
        refusal = self.refusal(caller, len(body))
        if refusal is not None:
            return refusal
        body_sha = hashlib.sha256(body).digest()
        serial = self._by_body.get(body_sha)
        if serial is not None and not self._known[serial].has_rival and not self.called(self._known[serial].hardware):
            known = replace(self._known[serial], at=self.clock())
            self._remember(known)
            self._crowd.heard(serial, self.clock())
            return await self._write(Words((self._heard(known, caller.address),)), "known")
        try:
            report = await offload(read_report, body) if len(body) > LARGE_REPORT else read_report(body)
        except ReportError as error:
            return refused(400, str(error), "invalid")
        report = await self._told_apart(report)
        return await self._new_report(self._claim(report, body_sha), len(body), caller.address)

    async def _told_apart(self, report: Report) -> Report:
        """The report of a machine that the specs call by another of its numbers than its agent does, under that one.

        So an operator tells machines apart that share a serial, such as sleds that say their enclosure's. A machine
        that has a place already stays who it is, whichever of its numbers another agent chooses.
        """
        serial, called = report.hardware.serial, self.called(report.hardware)
        names = dict.fromkeys((serial, *report.hardware.other_names))
        placed = [name for name in names if name and self.stake(name) is not Stake.NOTHING]
        if called is None and placed in ([], [serial]):
            return report
        for name in placed:
            if await self._is_called(name, report.hardware):
                return _called(report, name)
        return _called(report, called or serial)

    async def _is_called(self, name: str, hardware: Hardware) -> bool:
        """Whether the machine that was known by this name is the one that reports, by its MAC addresses."""
        before = self._known.get(name) or await self._read(name)
        return before is not None and conflict(before.hardware, hardware) is None

    def _claim(self, report: Report, body: bytes) -> Claim:
        """What a report claims. A nonce that we did not serve to this machine is none."""
        hardware, nonce = report.hardware, report.nonce
        if nonce is not None and not self.is_genuine(nonce, hardware.macs):
            log.warning("a nonce that was not served to this machine", serial=hardware.serial)
            nonce = None
        boot, salt = (nonce.boot, nonce.salt) if nonce else (None, None)
        return Claim(hardware, digest(hardware), body, boot, salt, self.clock())

    async def _new_report(self, new: Claim, size: int, address: ClientAddress | None) -> Answer:
        """The answer to a report that differs from the machine's last one; it is on disk by then.

        A report that is not believed is not recorded.

        Args:
            new: The report.
            size: Its bytes.
            address: Who sent it.
        """
        serial = new.hardware.serial
        if serial not in self._known:
            await self._refresh(serial, None)
        doubted = self._known.get(serial)
        if self._judge(new).what != "believed":
            flushed = await self._write(Words(), "flushed")
            if flushed.status != 200:
                return flushed
            await self._refresh(serial, doubted)  # an operator may have forgotten the other one meanwhile
        # No await from here to the queue: of two reports at once, the second must see the first.
        before, verdict = self._known.get(serial), self._judge(new)
        if self._is_second and self._is_for_the_other(before):
            return _NOT_HERE
        if before is not None and verdict.what != "believed":
            return await self._refuse(before, new, verdict, address)
        if not self._writer.has_room:
            return _full()
        if not self._admits(new, size, address):
            return _CROWDED
        same = before is not None and before.digest == new.digest
        speaks = before is not None and before.boot == new.boot
        at = self.clock()
        found = () if same else changes(before.hardware if before else None, new.hardware)
        self._remember(new)
        notices = tuple(Notice(serial, at, change.kind, change.text) for change in found)
        words = Words((self._heard(new, address),), notices, matters=not (same and speaks))
        return await self._write(words, "known" if same else "changed" if before else "new")

    def _is_for_the_other(self, before: Claim | None) -> bool:
        """Whether only the daemon that acts can judge a report: it takes machines in, and knows their nonces."""
        if before is None:
            return True
        alive = heard_lately(self.silent_after, self.clock)
        return before.boot is not None and before.salt is None and alive(before)

    def _admits(self, new: Claim, size: int, address: ClientAddress | None) -> bool:
        """Whether there is room for a machine; there is for each that has a place."""
        serial = new.hardware.serial
        if self._has_place(serial):
            self._crowd.drop((serial,))
            return True
        return self._crowd.admit(serial, Unplaced(str(address), size, self.clock(), witnessed=new.boot is not None))

    def _judge(self, new: Claim) -> Judgement:
        serial = new.hardware.serial
        alive = heard_lately(self.silent_after, self.clock)
        return judge(self._known.get(serial), new, self.stake(serial), alive)

    async def _refresh(self, serial: str, held: Claim | None) -> None:
        """Take from the store what it knows of a machine, unless something else than ``held`` came in meanwhile."""
        stored = await self._read(serial)
        if self._known.get(serial) is not held:
            return
        if held is not None and stored is not None and held.digest == stored.digest and held.boot == stored.boot:
            return  # it knows no more than we do
        self._forget(serial)
        if stored is not None:
            self._remember(stored)

    async def _refuse(self, before: Claim, new: Claim, verdict: Judgement, address: ClientAddress | None) -> Answer:
        """Keep nothing of what a report says that is not believed, and tell of it once."""
        serial, second = new.hardware.serial, new.hardware
        told = self._was_told(serial, verdict)
        evidence = f"the second reports from {address}: {second.manufacturer} {second.product}"
        if verdict.what == "rival":
            self._remember(replace(before, has_rival=True))
        if verdict.what == "quarantined":
            words = Words(quarantine=Quarantine(serial, verdict.why, evidence), matters=not told)
        else:
            notice = Notice(serial, self.clock(), "refused-report", f"{verdict.why} ({evidence})")
            words = Words(notices=() if told else (notice,))
        answer = await self._write(words, "conflict")
        if answer.status != 200:
            return answer
        self._told[serial, verdict.what] = self.clock()
        log.warning("a report is not believed", serial=serial, verdict=verdict.what, why=verdict.why, evidence=evidence)
        if verdict.what == "quarantined":
            return refused(409, f"Quarantined: {verdict.why}. An operator has to tell them apart.", "conflict")
        return refused(409, f"{verdict.why}.", "hint")

    def _was_told(self, serial: str, verdict: Judgement) -> bool:
        """Whether such a verdict on the machine was told a short while ago: who lies does so every second."""
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        at = self._told.get((serial, verdict.what))
        return at is not None and at <= self.clock() < at + TOLD_EVERY

    async def status(self, status: str | None, serial: str | None, ipaddr: str | None, caller: Caller) -> Answer:
        """Take one install-status call. The stock scripts leave the serial out while Debian is being installed."""
        trusted = self.trusted()
        if not self.is_writing or trusted is None:
            return _NOT_YET
        networks = [*trusted, *self.node_networks()]
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
        serial = await self._called(serial) if serial else self.serial_at(str(caller.address))
        if serial is None or not await self._knows(serial):
            return refused(404, "No machine of that serial or address has reported yet.", "unknown")
        for spoken in dict.fromkeys((str(caller.address), address)):
            if (owner := self.owner_of(spoken)) is not None and owner != serial:
                log.warning("status from another machine's address", serial=serial, address=spoken, owner=owner)
                why = f"{spoken} was given to {owner}: nothing is believed from there of {serial}."
                return refused(409, why, "stranger")
        word = Heard(serial, self.clock(), address, status=said)
        answer = await self._write(Words((word,), matters=True), said)
        return replace(answer, body=b"") if answer.status == 200 else answer

    async def _called(self, text: str) -> str:
        """The serial that a status gives: the stock scripts do not encode it, and "+" is a blank in a query."""
        serial = as_serial(text)
        written = serial.replace(" ", "+")
        return written if written != serial and await self._knows(written) else serial

    async def _knows(self, serial: str) -> bool:
        return serial in self._known or await self._read(serial) is not None

    async def _read(self, serial: str) -> Claim | None:
        """What the store knows of a machine."""
        seen = (await offload(self.store().seen, [serial])).get(serial)
        return Claim(seen.hardware, seen.digest, boot=seen.boot, at=seen.reported_at) if seen else None

    def _heard(self, known: Claim, address: ClientAddress | None) -> Heard:
        serial, at = known.hardware.serial, self.clock()
        return Heard(serial, at, str(address), hardware=known.hardware, digest=known.digest, boot=known.boot)

    def _remember(self, known: Claim) -> None:
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

    async def _write(self, words: Words, result: str) -> Answer:
        """Queue before anything is awaited, and answer once it is on disk."""
        if not self._writer.has_room:
            return _full()
        try:
            await self._writer.write(words)
        except NotWrittenError:
            return busy("The report could not be written; come back in a few seconds.")
        return Answer(200, b"Ok", result=result)

    def _lose(self, words: Words) -> None:
        """Believe nothing that did not reach the disk."""
        for word in words.heard:
            self._forget(word.serial)


_NOT_YET = busy("This daemon does not act, or not yet: /readyz says why. Come back in a few seconds.")


_NOT_HERE = busy("Another daemon acts, and knows more of this machine: report there, or come back in a few minutes.")
_CROWDED = refused(
    503,
    "There are too many machines without a place in your network already: this one is not taken in. /readyz says more.",
    "crowded",
    {"retry-after": "60"},
)


def _full() -> Answer:
    return busy("Too many reports are waiting to be written; come back in a few seconds.")


def _called(report: Report, name: str) -> Report:
    """The report as one of the machine of this name."""
    return report if name == report.hardware.serial else replace(report, hardware=replace(report.hardware, serial=name))
