"""Small worlds for the tests of execution."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from reconciler.execution.drivers.hooks import tell_child
from reconciler.execution.handlers import Options, Tools
from reconciler.execution.ports import BmcAccess, HostAuthority
from reconciler.model.actions import (
    Action,
    BeginPuppet,
    BootDisk,
    BootLive,
    BuildRings,
    ConfigureBmc,
    Discover,
    Enroll,
    InstallOs,
    MintSecrets,
    PlaceRings,
    PowerOn,
    Release,
    RenewCertificates,
    RollOut,
    RunPuppet,
    VerifyBmc,
    VerifyInstall,
    VerifyLive,
    Voucher,
)
from reconciler.model.errors import TemporaryError
from reconciler.model.gates import Readings
from reconciler.model.hardware import Cpu, Disk, Hardware, Nic
from reconciler.model.history import BmcWord, Proof
from reconciler.model.interfaces import NodeInterface
from reconciler.model.kinds import FleetSpec
from reconciler.model.machine import SecretRef, Seen
from reconciler.model.plan import Act
from reconciler.model.reasons import Reason
from reconciler.model.rings import BuiltRing, RingBasis, RingChange, RingFile, RingRound, files_in_force
from reconciler.model.serials import numbers

from ..fakes.bmc import FakeBmcs, FakeChassis
from ..fakes.clock import NOON, FakeClock
from ..fakes.machine import FakeMachine, FakeShells

SERIAL, ADDRESS, HOSTNAME = "A001", "192.0.2.7", "cl1-controller-1.example.com"
OWN_ADDRESS = "192.0.2.20"
"""Given to the machine; the live system has another."""

FLEET = FleetSpec.model_validate({"provisioning": {"address": "192.0.2.1", "trusted_networks": ["192.0.2.0/24"]}})
SDA = Disk("sda", "sda", 240_000_000_000, "SSD")
HARDWARE = Hardware(
    SERIAL, "Dell Inc.", "PowerEdge R640", 2**36, cpu=Cpu(vendor="GenuineIntel"), disks=(SDA,), uefi=True,
    nics=(Nic("eno1", "52:54:00:00:00:01", 10000), Nic("eno2", "52:54:00:00:00:02", 10000)),
)  # fmt: skip

ENROLL = Enroll(
    serial=SERIAL, generation=1, cluster="cl1", role="controller", profile="p", location=None, hostname=HOSTNAME,
    number=1, addresses={"mgmt": OWN_ADDRESS},
)  # fmt: skip
MINT = MintSecrets(serial=SERIAL, generation=1, secrets=(("cl1", "swift", "hashpathprefix", "hex"),))
RENEW = RenewCertificates(
    serial=SERIAL, generation=1, certificates=(("cl1", "api", "server", "2026-12-24T12:00:00+00:00"),)
)
RELEASE = Release(serial=SERIAL, generation=1, hostname=HOSTNAME)
FIND = Discover(serial=SERIAL, generation=0)
LIVE = BootLive(serial=SERIAL, generation=1)
DISK = BootDisk(serial=SERIAL, generation=1)
CONFIGURE = ConfigureBmc(serial=SERIAL, generation=1, username="oci")
ON = PowerOn(serial=SERIAL, generation=1)
PUPPET = RunPuppet(serial=SERIAL, generation=1, hostname=HOSTNAME)
MGMT = NodeInterface(network="mgmt", kind="bond", nics=("eno1", "eno2"), address="192.0.2.20/24", gateway="192.0.2.1")
BEGIN = BeginPuppet(serial=SERIAL, generation=1, hostname=HOSTNAME)
ROLL_OUT = RollOut(serial=SERIAL, generation=1, hostname=HOSTNAME, document="d1")
INSTALL = InstallOs(
    serial=SERIAL, generation=1, hostname=HOSTNAME, role="controller", cluster="cl1", release="trixie",
    interfaces=(MGMT,),
    system_disks=("sda",), raid=None, data_disks=(), identity=(SDA.identity,), vouched=Voucher.NONCE,
)  # fmt: skip
REASON = Reason.TO_BE_INSTALLED


def acts(actions: Iterable[Action]) -> list[Act]:
    """Steps of a plan that do this."""
    return [Act(action, REASON, "the test says so") for action in actions]


LOOK = VerifyInstall(serial=SERIAL, generation=1, hostname=HOSTNAME, install=INSTALL.id)
PLACE = PlaceRings(serial=SERIAL, generation=1, hostname=HOSTNAME, cluster="cl1", rings=(RingFile("object", "0" * 32),))
BUILD = BuildRings(
    serial=SERIAL, generation=1, cluster="cl1", bases=(RingBasis("object", 0, 4, 1, 1, 0, 0),), first=True,
    changes=(RingChange("object", -1, 1, 1, OWN_ADDRESS, 6200, "sdb", 1000.0, 1000.0, 10**12, "S1", SERIAL),),
)  # fmt: skip
ASK_BMC = VerifyBmc(serial=SERIAL, generation=1)
FALLEN = VerifyLive(serial=SERIAL, generation=1, hostname=HOSTNAME)


UUID = "00112233-4455-6677-8899-aabbccddeeff"
NUMBERS = {
    SERIAL: {"SYS-41A1", "CHASSIS-9", UUID, ".B002.CN1374009H00JK.", ".A001.CNSHARED00000."},
    "B002": {"SYS-42B2", "CHASSIS-9", "BOARD-2", "..CNSHARED00000."},
}
"""What DMI of the machines has: two sleds share a chassis, and A001 has a board that came from B002."""


def owners_of(asked: frozenset[str]) -> dict[str, frozenset[str]]:
    """Which of these machines has which of the numbers."""
    has = {serial: numbers({serial, *more}) for serial, more in NUMBERS.items()}
    return {each: frozenset(serial for serial in has if each in has[serial]) for each in asked}


@dataclass
class FakeDirectory:
    known: dict[str, Seen] = field(default_factory=lambda: {SERIAL: Seen(HARDWARE, "d", NOON, ADDRESS, boot=0)})
    generations: dict[str, int] = field(default_factory=lambda: {SERIAL: 1})
    bmcs: dict[str, BmcAccess] = field(default_factory=lambda: {SERIAL: BmcAccess("192.0.2.9", 623, "oci", "secret")})
    roles: dict[str, str] = field(default_factory=dict)
    reporters: frozenset[str] = frozenset({SERIAL})
    authority: HostAuthority | None = None
    addresses: dict[str, str] = field(default_factory=lambda: {SERIAL: OWN_ADDRESS})

    def role(self, serial: str) -> str | None:
        return self.roles.get(serial, "controller")

    def host_authority(self, serial: str) -> HostAuthority | None:
        return self.authority

    def address(self, serial: str) -> str | None:
        return self.addresses.get(serial)

    def seen(self, serial: str) -> Seen | None:
        return self.known.get(serial)

    def generation(self, serial: str) -> int | None:
        return self.generations.get(serial)

    def reporters_of_bmc(self, address: str) -> frozenset[str]:
        return self.reporters

    def bmc_at(self, serial: str, address: str, username: str, password: str) -> BmcAccess:
        return replace(self.bmc(serial), address=address, username=username, password=password)

    def bmc(self, serial: str) -> BmcAccess:
        if serial not in self.bmcs:
            raise TemporaryError(f"nobody knows the BMC of {serial}")
        return replace(self.bmcs[serial], owners=owners_of)


@dataclass
class FakePasswords:
    """Of one machine."""

    new: str = "Abcdefgh12345678"
    own: str | None = None
    given: bool = False

    def next(self, serial: str, *, fresh: bool = False) -> str:
        self.given = True
        return self.new

    def coming(self, serial: str) -> str | None:
        return self.new if self.given else None

    def keep(self, serial: str) -> None:
        self.own, self.given = self.new, False


@dataclass
class FakeRecords:
    done: list[object] = field(default_factory=list)
    ran: list[datetime] = field(default_factory=list)  # when Puppet runs began
    erased: list[tuple[str, ...]] = field(default_factory=list)
    marks: list[tuple[str, ...]] = field(default_factory=list)  # of what was to be erased, and of what was written
    proofs: list[Proof] = field(default_factory=list)
    readings: list[Readings] = field(default_factory=list)
    booted: list[datetime] = field(default_factory=list)  # when boots were begun
    vouchers: list[BmcWord] = field(default_factory=list)

    rings: dict[str, BuiltRing] = field(default_factory=dict)
    bases: dict[str, int] = field(default_factory=dict)  # of the rings that were last taken
    rounds: list[RingRound] = field(default_factory=list)
    read: list[tuple[RingFile, ...]] = field(default_factory=list)

    def ring_builders(self, cluster: str) -> dict[str, BuiltRing]:
        return dict(self.rings)

    def keep_rings(self, made, bases, why: str, at: datetime) -> None:
        self.bases = dict(bases)
        self.rings |= {one.state.name: one for one in made}

    def propose_round(self, worked_out: RingRound, at: datetime) -> None:
        self.rounds.append(worked_out)

    def rings_for(self, serial: str) -> tuple[RingFile, ...]:
        return files_in_force([built.state for built in self.rings.values()], "cl1")

    def rings_read(self, serial: str, rings: tuple[RingFile, ...], at: datetime) -> None:
        self.read.append(rings)

    def proved(self, serial: str, proof: Proof) -> None:
        self.proofs.append(proof)

    def booting(self, serial: str, at: datetime) -> None:
        self.booted.append(at)

    def vouched(self, serial: str, said: BmcWord) -> None:
        self.vouchers.append(said)

    def allocate(self, action: Enroll, at: datetime) -> None:
        self.done.append(action)

    def release(self, serial: str, at: datetime) -> None:
        self.done.append(serial)

    def secret(self, ref: SecretRef) -> str:
        return "s3cret"

    def renew(self, certificate: SecretRef, ends: datetime) -> None:
        self.done.append((certificate, ends))

    def puppet_ran(self, serial: str, began: datetime, at: datetime) -> None:
        self.ran.append(began)

    def services_read(self, serial: str, found: Readings) -> None:
        self.readings.append(found)

    def erasing(self, serial: str, disks: tuple[str, ...], at: datetime, marks: tuple[str, ...] = ()) -> None:
        self.erased.append(disks)
        self.marks.append(marks)

    def wrote(self, serial: str, marks: tuple[str, ...], at: datetime) -> None:
        self.marks.append(marks)

    def mint(self, secrets: tuple[SecretRef, ...], at: datetime) -> None:
        self.done.append(secrets)


@dataclass
class World:
    """One machine in its live system, its BMC, and everything that handlers are given."""

    clock: FakeClock = field(default_factory=FakeClock)
    machine: FakeMachine = field(default_factory=FakeMachine)
    records: FakeRecords = field(default_factory=FakeRecords)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    passwords: FakePasswords = field(default_factory=FakePasswords)
    told: list[tuple[str, str]] = field(default_factory=list)
    built: list[dict[str, Any]] = field(default_factory=list)  # what Swift's library answers
    asked: list[Mapping[str, object]] = field(default_factory=list)
    options: Options = field(default_factory=lambda: Options(fleet=lambda: FLEET))

    def __post_init__(self) -> None:
        self.chassis = FakeChassis(self.clock)
        self.shells = FakeShells({ADDRESS: self.machine, OWN_ADDRESS: self.machine})
        self.bmcs = FakeBmcs({"192.0.2.9": self.chassis})

    @property
    def tools(self) -> Tools:
        return Tools(
            records=self.records, directory=self.directory, bmcs=self.bmcs, bmc_passwords=self.passwords,
            shells=self.shells,
            progress=lambda serial, line: self.told.append((serial, line)), time=self.clock.time, options=self.options,
            tell_child=tell_child, build_rings=self._build_rings,
        )  # fmt: skip

    async def _build_rings(self, order: Mapping[str, object]) -> list[dict[str, Any]]:
        self.asked.append(order)
        return self.built

    def move(self, address: str) -> None:
        """The machine called from another address."""
        self.directory.known[SERIAL] = replace(self.directory.known[SERIAL], address=address)
        self.shells.machines[address] = self.machine
