"""What the server's tests serve: a store in memory, fleets of any size, operators that remember what they heard."""

import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import IPv4Network, ip_network
from typing import Any

from reconciler.hardware.report import digest, parse_report
from reconciler.model.actions import BootLive, InstallOs, RunPuppet
from reconciler.model.boot_nonce import is_genuine, make_nonce
from reconciler.model.errors import TemporaryError
from reconciler.model.hardware import Match, Racked
from reconciler.model.history import Failures, History, Phase
from reconciler.model.interfaces import NodeInterface
from reconciler.model.machine import Allocation, MachineView, Observation, Pause, Power, Seen
from reconciler.model.observations import Heard, Notice, Occurrence, Unplaced
from reconciler.model.plan import Act, Orphaned, Plan, Settled, Shortfall, Step, Wait
from reconciler.model.reasons import Reason
from reconciler.render.fleet import FleetView, PlannedFleet, SourceStatus, build_fleet
from reconciler.render.plan import plan_json
from reconciler.server.app import create_app
from reconciler.server.auth import Access, Token, Trust
from reconciler.server.claims import Stake
from reconciler.server.ingest import Ingest
from reconciler.server.metrics import Metrics
from reconciler.server.ports import ApprovalWord, NoDocument, NotPossibleError, Served


@dataclass(frozen=True)
class Rendered:
    """A document as the server is handed it."""

    yaml: bytes
    address: str | None
    as_of: datetime | None = None

    @property
    def as_oci(self) -> bytes:
        return json.dumps({"status": "success", "message": "", "data": self.yaml.decode()}).encode()


NOW = datetime(2026, 11, 22, 3, 12, 4, tzinfo=UTC)
TRUSTED = "192.168.100.7"
NODE = "192.168.101.14"
STRANGER = "198.51.100.9"
PUPPET = "192.168.100.2"
LOOPBACK = "127.0.0.1"
TOKENS = {role: f"secret-of-{role}" for role in Access}


NONCE_KEY = bytes(32)
"""Of the nonces that were served here."""


def nonce(boot: int = 0, salt: str = "0" * 16, serial: str = "7XK9Z01", key: bytes = NONCE_KEY) -> str:
    """What the machine's live system was given for a boot."""
    return str(make_nonce(key, boot, report(serial)["interfaces"][0]["macaddr"], salt))


def report(serial: str = "7XK9Z01", **machine: Any) -> dict[str, Any]:
    """What the stock agent posts."""
    last = sha256(serial.encode()).hexdigest()
    return {
        "blockdevices": [{"name": "sda", "realdev": "sda", "size": "240057409536", "model": "SSDSC2KB24"}],
        "interfaces": [
            {
                "name": "eth0",
                "macaddr": f"52:54:00:{last[:2]}:{last[2:4]}:{last[4:6]}",
                "max_speed": "1000",
                "switchport_name": "swp1",
                "switch_hostname": "tor-a",
                "firmware_version": "1",
                "driver": "e1000",
            }
        ],
        "blkdev_ctrl": [],
        "machine": [
            {
                "serial": serial,
                "system_manufacturer": "Dell Inc.",
                "productname": "PowerEdge R640",
                "bios_version": "2.12.2",
                "cpu_threads": "40",
                "cpu_sockets": "2",
                "boot_uefi": "no",
                **machine,
            }
        ],
        "memory": [{"size": "131072", "type": "RAM", "speed": "2666", "manufacturer": "Hynix"}],
    }


def body(serial: str = "7XK9Z01", returning: str | None = None, **machine: Any) -> bytes:
    """What an agent posts; ours returns a nonce."""
    more = {"boot_nonce": returning} if returning else {}
    return json.dumps({**report(serial, **machine), **more}).encode()


@dataclass
class MemoryStore:
    """Implements ``server.ports.WordStore``; can be told to fail, or to hang until let go."""

    words: list[Heard] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    conflicts: dict[str, tuple[str, str]] = field(default_factory=dict)
    machines: dict[str, Seen] = field(default_factory=dict)
    batches: int = 0
    broken: bool = False
    away: bool = False  # it does not even answer
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def record(self, words: Sequence[Heard], notices: Sequence[Notice]) -> None:
        assert self.gate.wait(120)
        if self.broken:
            raise OSError("disk full")
        self.batches += 1
        self.words += words
        self.notices += notices
        for word in words:
            if word.hardware and word.digest:
                self.machines[word.serial] = Seen(
                    word.hardware, word.digest, word.at, word.address or "", boot=word.boot
                )

    def seen(self, serials: Collection[str]) -> Mapping[str, Seen]:
        if self.away:
            raise TemporaryError("the database cannot be read (database is locked): another process holds it")
        return {serial: self.machines[serial] for serial in serials if serial in self.machines}

    def set_conflict(self, serial: str, reason: str, evidence: str, *, at: datetime) -> None:
        if serial not in self.conflicts:
            self.conflicts[serial] = reason, evidence
            self.notices.append(Notice(serial, at, "conflict", f"{reason}: {evidence}"))

    def unplaced(self) -> Mapping[str, Unplaced]:
        assert not self.away
        return {
            serial: Unplaced(seen.address, 1000, seen.reported_at, seen.witnessed_at is not None)
            for serial, seen in self.machines.items()
        }

    def forget_unplaced(self, serials: Collection[str], silent_since: datetime) -> frozenset[str]:
        known = (serial for serial in serials if serial in self.machines)
        gone = frozenset(serial for serial in known if self.machines[serial].reported_at < silent_since)
        for serial in gone:
            del self.machines[serial]
        return gone

    @property
    def is_untouched(self) -> bool:
        return not (self.words or self.notices or self.conflicts)


@dataclass
class MemoryOperators:
    """Implements ``server.ports.Operators``."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def approve(self, serial: str, word: ApprovalWord, who: str) -> None:
        if serial == "NOBODY":
            raise LookupError("No machine of that serial has reported.")
        if word.generation != 3:
            raise NotPossibleError(f"This machine is at generation 3, not {word.generation}: look again.")
        signed = [each for each in (word.covers, word.signature) if each]
        self.asked.append(("approve", serial, word.action, word.generation, who, word.why, *signed))

    def statement(self, serial: str) -> str | None:
        if serial == "NOBODY":
            raise LookupError("No machine of that serial has reported.")
        return "reconciler-approval 1\naction: install_os\n" if serial == "2S2JG008" else None

    def retry(self, serial: str, who: str, why: str) -> None:
        self.asked.append(("retry", serial, who, why))

    def pause(self, scope: str, who: str, why: str) -> None:
        self.asked.append(("pause", scope, who, why))

    def resume(self, scope: str, who: str, why: str) -> None:
        self.asked.append(("resume", scope, who, why))


@dataclass
class World:
    """An application and everything behind it."""

    store: MemoryStore = field(default_factory=MemoryStore)
    operators: MemoryOperators = field(default_factory=MemoryOperators)
    documents: Mapping[str, Rendered | NoDocument] = field(
        default_factory=lambda: {
            "n1.example.com": Rendered(b"classes:\n  oci::generic: {}\n", NODE),
            "n2.example.com": NoDocument("its cluster has no controller yet"),
        }
    )
    view: FleetView = field(default_factory=lambda: fleet_of(12))
    observed: Observation | None = field(default_factory=lambda: _everything(12)[1])
    plan: bytes | None = field(default_factory=lambda: json.dumps(plan_json(_everything(12)[0])).encode())
    boots: Any = None
    trusted: tuple[IPv4Network, ...] | None = (IPv4Network("192.168.100.0/24"), IPv4Network("127.0.0.8/29"))
    unready: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    owners: dict[str, str] = field(default_factory=dict)  # address -> serial
    stakes: dict[str, Stake] = field(default_factory=dict)  # by serial
    named: set[str] = field(default_factory=set)  # serials that the specs name
    dashboard_networks: tuple[str, ...] = ()
    woken: int = 0
    pushes: int = 0  # that a forge told of
    webhooks: dict[str, bytes] = field(default_factory=dict)  # secrets, by forge
    looked_up: list[str] = field(default_factory=list)  # hostnames whose documents were asked for
    told: list[Exception | None] = field(default_factory=list)  # how writing ended
    now: datetime = NOW
    events: Callable[[int, int], Sequence[Occurrence]] | None = None

    def __post_init__(self) -> None:
        nodes = (ip_network("192.168.101.0/24"),)
        self.ingest = Ingest(
            store=lambda: self.store,
            clock=lambda: self.now,
            wake=self._wake,
            trusted=lambda: self.trusted,
            node_networks=lambda: nodes,
            serial_at=lambda address: next(
                (s for s, seen in self.store.machines.items() if seen.address == address), None
            ),
            owner_of=self.owners.get,
            tell=self.told.append,
            is_genuine=lambda returned, macs: is_genuine(NONCE_KEY, returned, macs),
            stake=lambda serial: self.stakes.get(serial, Stake.NOTHING),
            is_named=lambda serial: serial in self.named,
            called=lambda hardware: hardware.called_in(self.named),
        )
        self.metrics = Metrics(lambda: self.now)
        trust = Trust(
            is_puppet_server=lambda address: str(address) == PUPPET,
            may_look=lambda address: any(address in ip_network(network) for network in self.dashboard_networks),
            tokens={sha256(text.encode()).hexdigest(): Token(f"a-{role}", role) for role, text in TOKENS.items()},
        )
        served = Served(
            trust=trust,
            enc=self._enc,
            may_be=lambda hostname, address: getattr(self.documents.get(hostname), "address", None) == address,
            fleet=lambda: self.view,
            observation=lambda: self.observed,
            plan_json=lambda: self.plan,
            events=lambda after, limit: (self.events or self._told)(after, limit),
            operators=self.operators,
            boots=lambda: self.boots,
            unready=lambda: self.unready,
            remarks=lambda: self.remarks,
            webhooks=self.webhooks,
            specs_changed=self._pushed,
        )
        self.app = create_app(served, self.ingest, self.metrics)

    def _enc(self, hostname: str) -> Rendered | NoDocument | None:
        self.looked_up.append(hostname)
        return self.documents.get(hostname)

    def _pushed(self) -> None:
        self.pushes += 1

    def _wake(self) -> None:
        self.woken += 1

    def _told(self, after: int, limit: int) -> Sequence[Occurrence]:
        return [event for event in reversed(self.view.events) if event.position > after][:limit]


def machine_of(i: int, phase: Phase = Phase.IN_SERVICE, *, racked: bool = True, height: int = 1) -> MachineView:
    """A machine like any other, told apart by its number."""
    hardware = parse_report(body(f"2S2JG{i:03d}", ipmi_detected_ip=f"192.168.200.{i % 250 + 1}"))
    role = ("controller", "compute", "swiftstore")[i % 3]
    place = Racked("dc1", "a", str(i // 40 + 1), i % 40 + 1, height, "zone-1", None, "tor-a", f"swp{i}")
    given = Allocation(
        cluster="cl1",
        role=role,
        profile=f"{role}-r640",
        location="zone-1",
        hostname=f"cl1-{role}-{i}.example.com",
        number=i,
        addresses={"mgmt": f"192.168.101.{i % 250 + 1}"},
    )
    return MachineView(
        hardware.serial,
        seen=Seen(
            hardware, digest(hardware), NOW - timedelta(seconds=i % 30), f"192.168.100.{i % 250 + 1}", power=Power.ON
        ),
        match=Match((f"{role}-r640",)),
        racked=place if racked else None,
        allocation=None if phase is Phase.DISCOVERED else given,
        history=History(phase),
    )


def fleet_of(machines: int, *, problem: str | None = None) -> FleetView:
    """A fleet in which a bit of everything happens, the same each time."""
    planned = PlannedFleet(*_everything(machines))
    return build_fleet(planned, source=_source(problem), events=_events(), progress=PROGRESS)


PROGRESS = {"2S2JG001": "unpacking base system, 61%", "2S2JG005": "waiting for SSH"}


def _source(problem: str | None) -> SourceStatus:
    return SourceStatus(
        commit="5efc236c0ffee1c0ffee1c0ffee1c0ffee1c0ffe",
        committed_at=NOW - timedelta(hours=5),
        refused="badc0de8badc0de8badc0de8" if problem else None,
        problem=problem,
        checked_at=NOW,
    )


def _events() -> list[Occurrence]:
    told = [
        (60, "2S2JG001", "started", "install_os", None, Reason.TO_BE_INSTALLED),
        (400, "2S2JG007", "failed", "boot_live: no report within 20 minutes of power-on", None, None),
        (900, None, "paused", "cluster:cl2: switch maintenance", "ada", None),
        (1000, "2S2JG003", "disk-gone", "disk sda (240GB SSDSC2KB24) is gone", None, None),
    ]
    return [
        Occurrence(90 - i, NOW - timedelta(seconds=ago), serial, kind, text, who, reason)
        for i, (ago, serial, kind, text, who, reason) in enumerate(told)
    ]


def observation_of(machines: int) -> Observation:
    """What was seen of a fleet in which a bit of everything happens."""
    return _everything(machines)[1]


def _everything(machines: int) -> tuple[Plan, Observation]:
    views: list[MachineView] = []
    steps: list[Step] = []
    for i in range(machines):
        view, step = _one(i)
        views.append(view)
        steps.append(step)
    lacks = (
        Shortfall("cl1", "compute", 8, 4, Reason.NO_FREE_MACHINE, "no free machine matches a profile of role compute"),
    )
    pauses = (Pause("cluster:cl2", "ada", "switch maintenance", NOW - timedelta(minutes=15)),)
    return Plan("5efc236", "0" * 12, tuple(steps), lacks), Observation(NOW, tuple(views), pauses=pauses)


def _one(i: int) -> tuple[MachineView, Step]:
    view = machine_of(i, height=2 if i % 40 == 39 else 1)
    serial = view.serial
    match i % 12:
        case 1:
            view = machine_of(i, Phase.ENROLLED)
            return view, Act(_install(serial), Reason.TO_BE_INSTALLED, "it is blank, and cl1 wants a compute")
        case 5:
            view = machine_of(i, Phase.ENROLLED)
            because = "it is to be installed and runs nothing we know"
            return view, Act(BootLive(serial=serial, generation=1), Reason.TO_BE_INSTALLED, because)
        case 7:
            view = machine_of(i, Phase.ENROLLED)
            failed = History(
                Phase.ENROLLED, failures=Failures(count=3, error="no report within 20 minutes of power-on")
            )
            return replace(view, history=failed), Wait(
                serial, Reason.BACKS_OFF, "the back-off after 3 failures, until 03:20"
            )
        case 8:
            view = machine_of(i, Phase.ENROLLED)
            return view, Wait(serial, Reason.FOREIGN_DATA, "approval: its disks hold an LVM volume group")
        case 9:
            return machine_of(i, Phase.DISCOVERED, racked=False), Wait(
                serial, Reason.NO_PROFILE, "a profile that matches"
            )
        case 10:
            view = machine_of(i, Phase.INSTALLED)
            action = RunPuppet(serial=serial, generation=1, hostname="n")
            return view, Act(action, Reason.PUPPET_UNSEEN, "its first Puppet run has not succeeded yet")
        case 11:
            return view, Orphaned(serial, Reason.NOT_ASKED_FOR, "in service, and no cluster in git asks for it")
    return view, Settled(serial, Reason.IN_SERVICE, "as wanted")


def _install(serial: str) -> InstallOs:
    return InstallOs(
        serial=serial,
        generation=1,
        hostname="n",
        role="compute",
        cluster="cl1",
        release="trixie",
        interfaces=(NodeInterface(network="mgmt", kind="normal", nics=("eth0",), address="192.168.101.2/24"),),
        system_disks=("sda",),
        raid=None,
        data_disks=(),
        identity=(),
    )
