"""A small fleet without any hardware: carries out plans, fails, dies and falls silent at will.

It looks before it acts at two things only: which install is on the disk, and what runs where it is asked over SSH. It
says once what it has to say, and who does not listen then has not heard it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

from reconciler.model.actions import (
    Action,
    BeginPuppet,
    BootDisk,
    BootLive,
    BuildRings,
    Enroll,
    InstallOs,
    PlaceRings,
    PowerOn,
    Release,
    RollOut,
    RunPuppet,
    VerifyBmc,
    VerifyInstall,
    VerifyLive,
    Voucher,
)
from reconciler.model.errors import TemporaryError
from reconciler.model.events import (
    Advanced,
    Booting,
    Erasing,
    Event,
    Failed,
    Interrupted,
    Proved,
    RingsRead,
    Started,
    Succeeded,
    Vouched,
    uses_up,
)
from reconciler.model.folding import histories
from reconciler.model.gates import Readings
from reconciler.model.history import BmcWord, Phase, Proof
from reconciler.model.machine import (
    Allocation,
    Approval,
    DocumentVersion,
    InstallStatus,
    MachineView,
    Observation,
    SecretRef,
    Seen,
    Vip,
)
from reconciler.model.plan import Act, Advance, Plan, PlanningInput, Timings, Wait
from reconciler.model.rings import RingFile, has_all
from reconciler.model.roles import facts_of
from reconciler.model.tree import SpecTree
from reconciler.planning.planner import plan

from .build import MINUTE, NOW, machine, readings, with_data_disks
from .promises import broken_promises
from .swift import FakeRings

QUICK = Timings(
    back_off=MINUTE,
    back_off_cap=4 * MINUTE,
    give_up_after=50,
    live_boot=5 * MINUTE,
    first_boot=5 * MINUTE,
    puppet_silence=10 * MINUTE,
)


BMC = "192.0.2.200"
"""Of every machine here, as its agent says."""


class Crash(Exception):  # noqa: N818 - it is no error of ours: the daemon dies here
    """The daemon dies here."""


@dataclass
class Server:
    """One machine, from the outside."""

    serial: str
    role: str = "compute"
    zone: str = "z1"
    contents: str = ""  # what its disk came with
    failing: int = 0  # so many of its next actions fail
    after_effect: bool = False  # and do what they were to do all the same
    puppet_fails: bool = False  # its first boot gives up on Puppet
    running: str = "live"  # live | disk | nothing
    disk: str | None = None  # hostname of what we installed
    installed: str | None = None  # id of the install that is on its disk
    spoke: bool = False  # it has said what it says once per boot
    wiped: int = 0
    rebooted: int = 0
    rolled_out: int = 0
    last: Seen | None = None
    readings: Readings | None = None  # what its services said when somebody last looked
    held: bool = False  # its first boot waits until it is told to run Puppet
    begun: bool = False  # it was
    data: int = 0  # disks for data
    rings: tuple[RingFile, ...] = ()  # files on its disk
    is_stock: bool = False  # its agent returns no nonce
    boot: int = 0  # of which its live system has the nonce
    announce: Callable[[], int] = lambda: 0  # told before a boot; the boot's number

    def view(self, now: datetime = NOW) -> MachineView:
        """Its hardware as the agent reports it."""
        return with_data_disks(machine(self.serial, self.role, self.zone, now=now, contents=self.contents), self.data)

    def has_disks_for_data(self, count: int) -> None:
        """Some are put in, or die; the machine is known to have them."""
        self.data = count
        if self.last is not None:
            seen = self.view().seen
            assert seen is not None
            self.last = replace(self.last, hardware=seen.hardware)

    def report(self, now: datetime) -> None:
        """Everything it would have said since it was last heard, as of now."""
        if self.last is None and self.running != "live":
            return
        seen = self.last or self.view(now).seen
        assert seen is not None
        if self.running == "live":
            boot, witnessed = (None, seen.witnessed_at) if self.is_stock else (self.boot, now)
            seen = replace(seen, reported_at=now, boot=boot, witnessed_at=None if self.is_stock else witnessed)
            status = InstallStatus.INSTALLED if self.disk else InstallStatus.LIVE
            seen = replace(seen, status=status, status_at=now)
        elif self.running == "disk" and self.disk and not self.spoke:
            word = InstallStatus.PUPPET_FAILURE if self.puppet_fails else InstallStatus.PUPPET_SUCCESS
            word = InstallStatus.FIRSTBOOT if self.held and not self.begun else word
            seen = replace(seen, status=word, status_at=now)
        self.spoke = True
        self.last = seen

    def is_slandered(self, status: InstallStatus | None, now: datetime) -> None:
        """Somebody else reports it from the live system, or says this in its name."""
        if self.last is not None and status is None:
            self.last = replace(self.last, reported_at=now, boot=None)
        elif self.last is not None:
            self.last = replace(self.last, status=status, status_at=now)

    def carry_out(self, action: Action, now: datetime = NOW) -> Proof | None:
        """Do it blindly; what was seen on the way. Only what could not possibly work fails by itself."""
        leaves = isinstance(action, BootLive) and action.leaves == self.installed  # for its reinstall
        if (
            isinstance(action, BootLive | BootDisk)
            and action.hostname
            and self.running == "disk"
            and self.disk
            and not leaves
        ):
            return self._proof(now)
        if isinstance(action, BootLive) and action.hinted and self.running == "disk":
            raise TemporaryError("it is on, and answers nowhere as the live system")
        if isinstance(action, VerifyLive | VerifyInstall):
            if isinstance(action, VerifyInstall) and (self.running, self.installed) != ("disk", action.install):
                raise TemporaryError("nobody answers at its own address")
            if self.running == "nothing":
                raise TemporaryError("nobody answers")
            return self._proof(now)
        if isinstance(action, RollOut | RunPuppet) and self.last and self.running == "disk" and not self.failing:
            self.last = replace(self.last, last_puppet_began=now)
            self.rolled_out += isinstance(action, RollOut)
            self.readings = readings(self.role, now)
        if self.failing:
            self.failing -= 1
            if not self.after_effect:
                raise TemporaryError("it failed, and had no effect")
            self._do(action)
            raise TemporaryError("it failed, and had its effect")
        self._do(action)
        return None

    def _proof(self, now: datetime) -> Proof:
        if self.running == "live":
            return Proof(now, "live", "192.0.2.50")
        return Proof(now, "installed", "10.1.1.2", self.installed)

    def _do(self, action: Action) -> None:
        match action:
            case BootLive():
                self._reboot("live")
            case BootDisk() | PowerOn():
                self._reboot("disk")
            case InstallOs():
                if self.running != "live":
                    raise TemporaryError("no answer over SSH")
                self._install(action)
            case RunPuppet() | RollOut():
                if self.running != "disk":
                    raise TemporaryError("no answer over SSH")
                self.puppet_fails, self.begun = False, True
            case BeginPuppet():
                if self.running != "disk":
                    raise TemporaryError("no answer over SSH")
                self.begun, self.spoke = True, False
            case _:
                raise NotImplementedError(f"{type(action).__name__} touches a machine: say here what that does to it")

    def _install(self, action: InstallOs) -> None:
        if self.installed == action.id:
            return
        if action.vouched is None:
            raise TemporaryError("nobody vouches for it")
        assert action.vouched is not Voucher.NONCE or not self.is_stock
        self.wiped += 1
        self.disk, self.installed, self.begun = action.hostname, action.id, False

    def _reboot(self, into: str) -> None:
        self.boot = self.announce()
        self.rebooted += 1
        self.running, self.spoke = into, False


@dataclass
class Journal:
    """Keeps events in a list, and dies once, just before or just after its nth write."""

    crash_at: int | None = None
    lose_write: bool = False
    events: list[Event] = field(default_factory=list)

    def append(self, event: Event) -> None:
        dying = len(self.events) + 1 == self.crash_at
        if not (dying and self.lose_write):
            self.events.append(event)
        if dying:
            self.crash_at = None
            raise Crash


@dataclass
class Fleet:
    """Servers, what was recorded of them, and a daemon in one method."""

    spec: SpecTree
    servers: dict[str, Server]
    journal: Journal = field(default_factory=Journal)
    now: datetime = NOW
    allocations: dict[str, Allocation] = field(default_factory=dict)
    retired: dict[str, Allocation] = field(default_factory=dict)
    vips: dict[tuple[str, str], Vip] = field(default_factory=dict)
    commit: int = 1  # of what documents are made of, besides
    minted: set[SecretRef] = field(default_factory=set)
    approvals: list[tuple[int, Approval]] = field(default_factory=list)  # with how much had happened by then
    documents: dict[str, DocumentVersion] = field(default_factory=dict)
    rings: FakeRings = field(default_factory=FakeRings)

    @classmethod
    def of(cls, spec: SpecTree, servers: Iterable[Server], **more) -> "Fleet":
        return cls(spec, {server.serial: server for server in servers}, **more)

    def observation(self) -> Observation:
        known = histories(self.journal.events)
        return Observation(
            self.now,
            tuple(self._view(server, known) for server in self.servers.values() if server.last),
            vips=tuple(self.vips.values()),
            approvals=tuple(word for position, word in self.approvals if not self._is_used(position, word)),
            retired=dict(self.retired),
            rings=tuple(state for _, state in sorted(self.rings.states.items())),
            ring_rounds=tuple(round_ for _, round_ in sorted(self.rings.rounds.items())),
        )

    def _is_used(self, position: int, word: Approval) -> bool:
        since = self.journal.events[position:]
        return any(event.serial == word.serial and word.action in uses_up(event) for event in since)

    def _document(self, held: Allocation) -> DocumentVersion:
        """It says who else is in the cluster."""
        peers = sorted(other.hostname for other in self.allocations.values() if other.cluster == held.cluster)
        digest = sha256(f"{peers} {self.commit}".encode()).hexdigest()
        known = self.documents.get(held.hostname)
        if known is None or known.digest != digest:
            known = self.documents[held.hostname] = DocumentVersion(digest, self.now)
        return known

    def _view(self, server: Server, known) -> MachineView:
        held = self.allocations.get(server.serial)
        needed = (
            (SecretRef(held.cluster, "swift", "hashpathprefix"), SecretRef(held.hostname, "ssh", "key")) if held else ()
        )
        view = server.view()
        history = known.get(server.serial, view.history)
        missing = tuple(ref for ref in needed if ref not in self.minted)
        return replace(
            view,
            seen=server.last,
            allocation=held,
            history=history,
            missing_secrets=missing,
            document=self._document(held) if held else None,
            readings=server.readings,
        )

    def planned(self) -> Plan:
        given = PlanningInput("c0ffee1", self.spec, self.observation(), QUICK)
        todo = plan(given)
        assert broken_promises(todo, given) == []
        return todo

    def approve(self) -> None:
        """An operator says yes to everything that waits for a word."""
        for step in self.planned().steps:
            if isinstance(step, Wait) and step.needs_approval:
                generation = self.allocations[step.serial].generation
                asked = step.asks.statement if step.asks else None
                word = Approval(
                    step.serial, step.needs_approval, generation, "alice", "fine", self.now, step.covers, asked
                )
                self.approvals.append((len(self.journal.events), word))

    def a_minute_passes(self, reporting: Iterable[str] | None = None) -> None:
        """One turn of the daemon's loop; when it dies it is started again for the next."""
        self.now += MINUTE
        heard = set(self.servers if reporting is None else reporting)
        for serial, server in self.servers.items():
            if serial in heard:
                server.report(self.now)
            elif server.running == "disk":
                server.spoke = True
            self._look_at_rings(server)
        self.now += timedelta(seconds=1)
        try:
            for serial, history in histories(self.journal.events).items():
                if history.open_action is not None:
                    self.journal.append(Interrupted(serial, self.now, history.open_action.id))
            for step in self.planned().steps:
                self._carry_out(step)
        except Crash:
            pass

    def _carry_out(self, step) -> None:
        if isinstance(step, Advance):
            self.journal.append(Advanced(step.serial, self.now, step.to, step.because, step.announces))
        if not isinstance(step, Act):
            return
        self.journal.append(Started(step.serial, self.now, step.action))
        self.now += timedelta(seconds=1)
        try:
            self._record(step.action)
            if step.action.touches or step.action.looks:
                self._touch(self.servers[step.serial], step.action)
        except TemporaryError as error:
            self.journal.append(Failed(step.serial, self.now, step.action.id, str(error)))
        else:
            self.journal.append(Succeeded(step.serial, self.now, step.action))

    def _touch(self, server: Server, action: Action) -> None:
        """Let the machine have it, and write down what a handler would write on its way."""
        wiped = server.wiped
        server.announce = partial(self._booting, server.serial)
        if isinstance(action, VerifyBmc):
            said = BmcWord(self.now, BMC, "off" if server.running == "nothing" else "on")
            self.journal.append(Vouched(server.serial, self.now, said))
            return
        try:
            if proof := server.carry_out(action, self.now):
                self.journal.append(Proved(server.serial, self.now, proof))
        finally:
            if isinstance(action, InstallOs) and server.wiped > wiped:
                self._install_rings(server, action)
                self.journal.append(Erasing(server.serial, self.now, tuple(map(str, action.identity))))

    def _booting(self, serial: str) -> int:
        """Write down that the machine is about to be booted; the number of that boot."""
        self.journal.append(Booting(serial, self.now))
        return histories(self.journal.events)[serial].witnesses.boots

    def _record(self, action: Action) -> None:
        if isinstance(action, Enroll):
            self._allocate(action)
        if isinstance(action, Release) and (held := self.allocations.pop(action.serial, None)):
            self.retired[action.serial] = held
        if isinstance(action, BuildRings):
            self._build_rings(action)
        if isinstance(action, PlaceRings):
            self._place_rings(self.servers[action.serial], action)
        if action.type == "mint_secrets":
            self.minted |= {SecretRef(*parts) for parts in action.secrets}

    def _install_rings(self, server: Server, action: InstallOs) -> None:
        """The files of the install; Swift's servers do not start without them."""
        server.rings = self.rings.files(action.cluster)
        assert server.rings or facts_of(action.role).object_store != "swift", "a store was installed without rings"

    def _build_rings(self, action: BuildRings) -> None:
        known = histories(self.journal.events)
        serving = {serial for serial, history in known.items() if history.phase is Phase.IN_SERVICE}
        mine = {serial for serial, held in self.allocations.items() if held.cluster == action.cluster}
        self.rings.build(action, self.now, [self.servers[serial].rings for serial in serving & mine])

    def _place_rings(self, server: Server, action: PlaceRings) -> None:
        if action.rings != self.rings.files(action.cluster):
            raise TemporaryError("other rings are in force than were planned for it")
        server.rings = action.rings
        self.journal.append(RingsRead(server.serial, self.now, server.rings))

    def _look_at_rings(self, server: Server) -> None:
        """What its gate says, once Puppet has run on it."""
        held = self.allocations.get(server.serial)
        if held is None or server.readings is None or facts_of(server.role).object_store != "swift":
            return
        differ = not has_all(server.rings, self.rings.files(held.cluster))
        server.readings = readings(server.role, self.now, **({"swift_rings": "object is another"} if differ else {}))

    def _allocate(self, e: Enroll) -> None:
        """What the store would refuse is a bug of the planner."""
        others = [held for serial, held in self.allocations.items() if serial != e.serial]
        assert e.hostname not in {held.hostname for held in others}
        taken = {address for held in others for address in held.addresses.values()}
        taken |= {vip.address for vip in self.vips.values()}
        assert taken.isdisjoint(e.addresses.values())
        assert taken.isdisjoint(address for _, _, address in e.vips)
        before = self.allocations.get(e.serial) or self.retired.get(e.serial)
        assert before is None or e.generation >= before.generation
        self.allocations[e.serial] = Allocation.given_by(e)
        self.vips |= {(e.cluster, usage): Vip(e.cluster, network, usage, address) for network, usage, address in e.vips}
