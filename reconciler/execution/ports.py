"""Protocols that execution needs of the world. Drivers and the store implement these; fakes pass the same suites."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from ..model.actions import Action, Enroll
from ..model.bmc import Lan
from ..model.bmc_protocol import BmcProtocol
from ..model.errors import PermanentError
from ..model.events import Event
from ..model.files import File
from ..model.gates import Readings
from ..model.history import BmcWord, Proof
from ..model.machine import Power, SecretRef, Seen
from ..model.rings import BuiltRing, RingFile, RingRound

Clock = Callable[[], datetime]
"""Now, in UTC."""


class BootDevice(StrEnum):
    """What a machine starts from at its next boot."""

    NETWORK = "network"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class BmcIdentity:
    """Whose a BMC is, as it says itself. Texts as the BMC has them; it may have none, or a factory's placeholders."""

    machine: frozenset[str]  # serials of chassis, product, system
    parts: frozenset[str] = frozenset()  # of its board; UUIDs: prove a machine where they match, else nothing


class Bmc(Protocol):
    """One session with a machine's management controller, over IPMI or Redfish.

    Calls may raise TemporaryError (no answer, busy) or PermanentError (credentials refused); none retries.
    """

    async def power(self) -> Power: ...

    async def identity(self) -> BmcIdentity:
        """Which machine it belongs to, as far as it knows."""

    async def set_power(self, want: Power) -> None:
        """Ask for a power state and return; reaching it takes seconds, or minutes when turning off."""

    async def boot_next(self, device: BootDevice, *, uefi: bool | None = False) -> None:
        """Choose the device for the next boot; follow with a power command within 60 s, or an IPMI BMC forgets it.

        Args:
            device: What to start from, once.
            uefi: Ask for a UEFI boot. Without it a BMC that takes the IPMI specification by its word boots as BIOS.
                None: nobody knows how it boots. Redfish leaves that as it is; IPMI has to say one, and says UEFI.
        """

    async def set_password(self, password: str) -> None:
        """Give the user whose session this is another password, of at most 16 bytes: IPMI takes no more.

        The session may end with it. Whether the BMC took it, only the next login tells.
        """

    async def lan(self) -> Lan:
        """The network of the interface that we talk to."""

    async def set_lan(self, now: Lan, wanted: Lan) -> None:
        """Give that interface another network: what differs, and the address after what it needs to be reached.

        A BMC that takes it at once answers no more: then TemporaryError is raised, and the next login tells.
        """

    async def close(self) -> None: ...


NumberOwners = Callable[[frozenset[str]], Mapping[str, frozenset[str]]]
"""The machines, by serial, whose firmware has a number; for each of some numbers (``serials.number``)."""


def _nobody(_: frozenset[str]) -> Mapping[str, frozenset[str]]:
    return {}


@dataclass(frozen=True, slots=True)
class BmcAccess:
    """How to reach a BMC."""

    address: str
    port: int
    username: str
    password: str
    protocol: BmcProtocol | None = None  # pinned by an operator; None: what it answers
    serial: str | None = None  # what it must say of its machine; None: one of the machine's numbers
    owners: NumberOwners = field(default=_nobody, compare=False, repr=False)
    machine: str = ""  # the serial of the machine whose BMC it is to be


class SeveralSystemsError(PermanentError):
    """A BMC shows several systems, or none, and nothing tells which of them is the machine: over Redfish, that is."""


class Bmcs(Protocol):
    """Opens BMC sessions; at most one per BMC at any moment."""

    async def open(self, access: BmcAccess) -> Bmc: ...


class RememberingBmcs(Bmcs, Protocol):
    """Opens BMC sessions, and remembers which BMCs fail and which certificates they showed."""

    def ask_again(self, address: str, *, same_certificate: bool = False) -> None:
        """Forget that: the BMC there was set up anew, or an operator says that it is back.

        Args:
            address: Of the BMC.
            same_certificate: Forget only that it failed.
        """


class BmcPasswords(Protocol):
    """Passwords of BMCs, one for each machine."""

    def next(self, serial: str, *, fresh: bool = False) -> str:
        """The password that the machine's BMC is to have; durable, and the same until it is kept.

        Args:
            serial: Of the machine.
            fresh: The one that it has will not do.
        """

    def coming(self, serial: str) -> str | None:
        """The one that ``next`` gave, if it was not kept since: the BMC may have it or not."""

    def keep(self, serial: str) -> None:
        """The BMC has let us in with the next password: from now on it is the machine's, and no other is known."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a remote command ended."""

    status: int
    stdout: str
    stderr: str


class Shell(Protocol):
    """A command line and file access on one machine, as root. Every call may raise TemporaryError."""

    async def run(self, command: str, *, timeout: float) -> Ran: ...

    async def put(self, files: Mapping[str, File]) -> None:
        """Write whole files by absolute path with their modes, making their folders."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class HostKey:
    """A machine's SSH host key as we pinned it, and the boot in which we saw it."""

    key: str  # as in known_hosts: "ssh-ed25519 AAAA..."
    boot_id: str


@dataclass(frozen=True, slots=True)
class HostAuthority:
    """Who signs the SSH host key that a node was installed with, and under which name."""

    key: str  # the authority's public key: "ssh-rsa AAAA..."
    hostname: str  # what a certificate must name to prove the node


class HostKeys(Protocol):
    """Remembers which host key a machine showed. Durable when ``pin`` and ``expect_new_boot`` return."""

    def pinned(self, serial: str) -> HostKey | None: ...

    def new_boot_since(self, serial: str) -> datetime | None:
        """When a reboot was last expected; None: not since the key was pinned."""

    def pin(self, serial: str, key: HostKey) -> None:
        """Remember the key; from now on no other is expected."""

    def expect_new_boot(self, serial: str, at: datetime) -> None:
        """The machine is about to be rebooted by us, or an operator says that it was: its key may be new once."""


class Shells(Protocol):
    """Opens shells. The host key is checked: certified, learnt from a report, or pinned at first sight per boot."""

    async def open(self, serial: str, address: str) -> Shell:
        """Connect as root.

        Raises:
            TemporaryError: Nobody answers, or the connection breaks.
            PermanentError: Another host key than the one expected, a host certificate that does not prove the node, or
                our own key is refused.
        """

    async def meet(self, address: str) -> Shell:
        """Connect as root to whoever is there, to ask who it is. Any host key is believed, and none remembered.

        Raises:
            TemporaryError: Nobody answers, or the connection breaks.
            PermanentError: Our own key is refused.
        """

    async def expect_new_boot(self, serial: str) -> None:
        """Say that the machine is about to be rebooted, so that a new host key is believed once."""


class Journal(Protocol):
    """Append-only; durable when ``append`` returns."""

    def append(self, event: Event) -> int: ...


class Bookkeeping(Protocol):
    """The bookkeeping that actions without a machine do."""

    def allocate(self, action: Enroll, at: datetime) -> None:
        """Record an allocation and its VIPs in one transaction. Idempotent.

        Raises:
            PermanentError: A name or address is held by another machine, or the generation is older than recorded.
        """

    def release(self, serial: str, at: datetime) -> None:
        """Take back what a machine was given."""

    def erasing(self, serial: str, disks: tuple[str, ...], at: datetime, marks: tuple[str, ...] = ()) -> None:
        """Record that these disks are about to be erased. Durable when it returns.

        Args:
            serial: Of the machine.
            disks: Their identities.
            at: When.
            marks: By which they are known again (``model.ownership``).
        """

    def wrote(self, serial: str, marks: tuple[str, ...], at: datetime) -> None:
        """Record by which marks (``model.ownership``) what we left on the disks is known again."""

    def proved(self, serial: str, proof: Proof) -> None:
        """Record what the machine proved of itself over SSH. Durable when it returns."""

    def booting(self, serial: str, at: datetime) -> None:
        """Record that the machine is about to be booted: nonces of before count no more. Durable when it returns."""

    def vouched(self, serial: str, said: BmcWord) -> None:
        """Record what the machine's BMC said of it."""

    def mint(self, secrets: tuple[SecretRef, ...], at: datetime) -> None:
        """Make those of the secrets that do not exist; never changes one that does."""

    def secret(self, ref: SecretRef) -> str:
        """The text of a secret that exists."""

    def renew(self, certificate: SecretRef, ends: datetime) -> None:
        """Make a certificate anew; nothing when the one there is does not end then: it was replaced already.

        Raises:
            PermanentError: It cannot be made, or it comes from a file that holds no newer one.
        """

    def ring_builders(self, cluster: str) -> Mapping[str, BuiltRing]:
        """The rings of a cluster that are in force, by name.

        Raises:
            PermanentError: One is not what was written.
        """

    def keep_rings(self, made: Iterable[BuiltRing], bases: Mapping[str, int], why: str, at: datetime) -> None:
        """Have these rings take the place of those before them, all of them or none.

        Raises:
            TemporaryError: Another version is in force than one was built on.
        """

    def propose_round(self, worked_out: RingRound, at: datetime) -> None:
        """Keep what a round would do, for a human to approve."""

    def rings_for(self, serial: str) -> tuple[RingFile, ...]:
        """Swift's ring files in force for the machine's cluster; none where nobody knows them."""

    def rings_read(self, serial: str, rings: tuple[RingFile, ...], at: datetime) -> None:
        """Record which ring files the node said that it has."""

    def puppet_ran(self, serial: str, began: datetime, at: datetime) -> None:
        """Note that a good Puppet run on the machine asked for its document at ``began``, or later."""

    def services_read(self, serial: str, found: Readings) -> None:
        """Note what was read of the machine's services; what is as it was, has been so since then."""


class Directory(Protocol):
    """Where a machine can be reached right now. May raise TemporaryError when nobody knows."""

    def seen(self, serial: str) -> Seen | None: ...

    def generation(self, serial: str) -> int | None:
        """Of the machine's allocation now; None: it has none. An action of an older one is refused."""

    def host_authority(self, serial: str) -> HostAuthority | None:
        """Who certifies the host key of the node that the machine is; None: it is none, or nobody does yet."""

    def address(self, serial: str) -> str | None:
        """The management address that the machine was given; None: it has none."""

    def role(self, serial: str) -> str | None:
        """The role of the node that the machine is; None: it is none."""

    def bmc(self, serial: str) -> BmcAccess: ...

    def bmc_at(self, serial: str, address: str, username: str, password: str) -> BmcAccess:
        """The BMC of a machine, with address and login as they were set a moment ago, before its agent reports them."""

    def reporters_of_bmc(self, address: str) -> frozenset[str]:
        """Serials of all machines whose agents last said that their BMC has this address."""


Sleep = Callable[[float], Awaitable[None]]
"""Waits for so many seconds; tests give one that only moves their clock."""

TellChild = Callable[[Sequence[str], Mapping[str, object], float], Awaitable[None]]
"""Runs a command that reads a JSON object, for so many seconds at most. Raises TemporaryError."""

RingBuilder = Callable[[Mapping[str, object]], Awaitable[list[dict[str, Any]]]]
"""Builds rings with Swift's library (``drivers.ring_builder``). Raises TemporaryError or PermanentError."""

Handler = Callable[[Any], Awaitable[None]]
"""Carries out one action: looks, acts if needed, looks again. Raises TemporaryError or PermanentError."""

Handlers = Mapping[type[Action], Handler]
Progress = Callable[[str, str], None]
"""Told (serial, one line of text) while a long action runs."""
