"""Answers the HTTP server from the store and the last pass, and records what operators decide over HTTP."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import IPv4Network

from ..enc.documents.writer import Document
from ..model.errors import PermanentError
from ..model.hardware import Hardware
from ..model.history import Phase
from ..model.machine import Allocation, Approval, MachineView, Observation, Pause
from ..model.observations import Occurrence
from ..model.plan import Plan, Step, Wait
from ..model.tree import SpecTree
from ..provisioning.boot.tree import IMAGES, TFTP
from ..render.fleet import FleetView, PlannedFleet, SourceStatus, build_fleet, with_problems, with_progress
from ..render.machines import MachineSummaries
from ..render.plan import plan_json
from ..server.auth import Access, ClientAddress, Token, Trust, TrustedNetwork
from ..server.claims import Stake
from ..server.ports import ApprovalWord, NoDocument, NotPossibleError, Served, ServedDocument
from ..store import Snapshot
from .approving import approve, statement_text
from .boot_nonces import BootNonces
from .health import DATABASE, Health
from .kept_documents import Asking, KeptDocuments
from .netboot import Boots
from .site import Site
from .webhook_secrets import webhook_secrets

EVENTS_SHOWN = 30
UNVERIFIED = "orders are not verified: no commit has to be signed (authority in the configuration)"


@dataclass(frozen=True)
class PassResult:
    """What one pass of the loop found and decided."""

    tree: SpecTree
    observation: Observation
    plan: Plan

    @cached_property
    def plan_json(self) -> bytes:
        """The plan as the contract has it."""
        return json.dumps(plan_json(self.plan)).encode()


@dataclass
class Published:
    """What the daemon's latest pass found, and the functions that the server calls."""

    site: Site
    wake: Callable[[], None]
    health: Health
    kept: KeptDocuments
    stage: str = "the database is not open yet"  # what comes before the first pass has ended
    given: Mapping[str, str] | None = None  # hostname -> digest of what Puppet is to be given; None: nobody knows
    is_doubted: bool = False  # the database may be older than the machines, and so may documents made from it
    latest: PassResult | None = None
    is_own: bool = False  # ``latest`` is of a pass of this daemon, and not what it saw while another one acts
    source: SourceStatus = field(default_factory=SourceStatus)
    progress: dict[str, str] = field(default_factory=dict)
    asking: Asking = field(default_factory=Asking)  # who may ask for any node's classes
    specs_changed: Callable[[], None] = lambda: None  # told when a forge says that there is a new commit
    crowded: Callable[[], Sequence[str]] = lambda: ()  # what to tell of networks from which no more machines are taken
    _view: FleetView | None = None
    _boots_of: tuple[PassResult, Boots] | None = None
    _owners: tuple[PassResult, dict[str, str]] | None = None
    _stakes: tuple[PassResult, dict[str, Stake]] | None = None
    _bare: tuple[PassResult, frozenset[str]] | None = None  # hostnames whose machines were given no keys yet
    _summaries: MachineSummaries = field(default_factory=MachineSummaries)
    _recent: tuple[Occurrence, ...] = ()

    def remember(self) -> None:
        """Read from disk what answers depend on before a pass has ended; runs in a thread."""
        self.asking = self.kept.asking()
        self.kept.read_addresses()
        _ = self.site.documents  # made here, as the first question must not wait for it

    def look(self) -> Snapshot:
        """Everything that is known now. A doubt about it counts at once, before anything is rendered from it."""
        snapshot = self.site.snapshot()
        if self.latest is None or snapshot.doubt is not None:  # its end counts once documents are rendered without it
            self.is_doubted = snapshot.doubt is not None
        return snapshot

    def show(
        self,
        latest: PassResult | None,
        source: SourceStatus,
        recent: Sequence[Occurrence] | None = None,
        *,
        is_own: bool = True,
    ) -> None:
        """Let what a pass found be seen. Without ``recent``, the events shown stay. ``is_own``: this daemon acts."""
        self.latest, self.source, self.is_own = latest, source, is_own and latest is not None
        if latest is not None:
            self.is_doubted = latest.observation.observing is not None
            self.asking = Asking.of(latest.tree.fleet)
        if recent is not None:
            self._recent = tuple(recent)
        self._view = None

    def served(self) -> Served:
        """What the server asks for."""
        config = self.site.config
        tokens = {t.sha256: Token(t.name, Access(t.role)) for t in config.tokens}
        return Served(
            trust=Trust(self._is_puppet_server, self._may_look, tokens),
            enc=self._enc,
            may_be=self._may_be,
            fleet=self._fleet,
            observation=lambda: self.latest.observation if self.latest else None,
            plan_json=lambda: self.latest.plan_json if self.latest else None,
            events=self._events,
            operators=StoredDecisions(self),
            boots=self._boots,
            unready=self.unready,
            gates=lambda: self.latest.plan.gates if self.latest else {},
            webhooks=webhook_secrets(config),
            specs_changed=lambda: self.specs_changed(),
            remarks=self._remarks,
        )

    @cached_property
    def nonces(self) -> BootNonces:
        """Of the boots that this daemon serves, and of those that another daemon of the fleet did."""
        return BootNonces(self.site.config.key_file, lambda: self.site.database.opened.histories())

    def stake(self, serial: str) -> Stake:
        """What a machine has to lose, as of the last pass."""
        if (latest := self.latest) is None:
            return Stake.NOTHING
        if self._stakes is None or self._stakes[0] is not latest:
            self._stakes = latest, {m.serial: _stake(m) for m in latest.observation.machines}
        return self._stakes[1].get(serial, Stake.NOTHING)

    def is_named(self, serial: str) -> bool:
        """Whether the specs have a document about a machine."""
        return self.latest is not None and serial in self.latest.tree.machines

    def called(self, hardware: Hardware) -> str | None:
        """By which of its numbers the specs call a machine, where that is not the one that its agent chose."""
        return None if self.latest is None else hardware.called_in(self.latest.tree.machines)

    def trusted(self) -> Sequence[TrustedNetwork] | None:
        """Who may report; None until there are specs that say it."""
        return self.latest.tree.fleet.provisioning.trusted_networks if self.latest else None

    def node_networks(self) -> Sequence[IPv4Network]:
        """Where installed nodes call from."""
        if self.latest is None:
            return ()
        clusters = self.latest.tree.clusters.values()
        return tuple(net.subnet for cluster in clusters for net in cluster.networks.values() if not net.public)

    def is_ours(self, address: ClientAddress) -> bool:
        """Whether an address is a machine's, a node's, the Puppet server's or an operator's."""
        networks = (*self.asking.trusted_networks, *self.node_networks())
        if any(address in network for network in networks):
            return True
        return self._is_puppet_server(address) or self._may_look(address)

    def serial_at(self, address: str) -> str | None:
        """The machine that last called from an address; None when there is none, or more than one."""
        machines = self.latest.observation.machines if self.latest else ()
        found = [m.serial for m in machines if m.seen and m.seen.address == address]
        return found[0] if len(found) == 1 else None

    def owner_of(self, address: str) -> str | None:
        """The machine that was given an address."""
        if (latest := self.latest) is None:
            return None
        if self._owners is None or self._owners[0] is not latest:
            held = ((m.serial, m.allocation) for m in latest.observation.machines)
            given = {to: serial for serial, one in held if one for to in one.addresses.values()}
            self._owners = latest, given
        return self._owners[1].get(address)

    def _boots(self) -> Boots | None:
        if (latest := self.latest) is None or not self.is_own:  # what is booted is for the acting daemon to say
            return None
        if self._boots_of is None or self._boots_of[0] is not latest:
            images = self.site.config.boot_folder / TFTP / IMAGES
            seen = latest.observation
            self._boots_of = latest, Boots(latest.tree, seen.machines, images, seen.observing, self.nonces)
        return self._boots_of[1]

    def _is_puppet_server(self, address: ClientAddress) -> bool:
        return self.asking.is_puppet_server(address)

    def _may_look(self, address: ClientAddress) -> bool:
        return any(address in network for network in self.site.config.dashboard_networks)

    def _enc(self, hostname: str) -> ServedDocument | NoDocument | None:
        documents = self.site.documents
        found = documents.get(hostname)  # before it is asked whether that is doubted: a pass may begin meanwhile
        if self.is_doubted and self.kept.holds(hostname):
            return self._kept_document(hostname)  # made from a database that was as new as the machines
        if found is not None and (self.is_own or self._is_given_out(found)):
            return found
        if not self.is_own or self.health.is_failing(DATABASE):
            return self._kept_document(hostname)
        if not documents.knows(hostname):
            return None
        return NoDocument(documents.why_not(hostname))

    def _is_given_out(self, found: Document) -> bool:
        """Whether a document that was made here is the one that the acting daemon gives out, too."""
        return self.given is not None and self.given.get(found.hostname) == found.digest

    def _may_be(self, hostname: str, address: str) -> bool:
        found = self.site.documents.get(hostname)
        has_it = (found is not None and found.address == address) or self.kept.is_of(hostname, address)
        return has_it and not self._awaits_keys(hostname)

    def _awaits_keys(self, hostname: str) -> bool:
        """Whether no install of the node's machine was begun yet.

        Then nobody has the node's address by right: who has taken it may be anybody, and its classes hold secrets.
        """
        if (latest := self.latest) is None:
            return False
        if self._bare is None or self._bare[0] is not latest:
            self._bare = latest, frozenset(_without_keys(latest.observation.machines))
        return hostname in self._bare[1]

    def _kept_document(self, hostname: str) -> ServedDocument | NoDocument:
        """From the copy on disk, unless a database that is not doubted knows of a newer one."""
        why = "; ".join(self.unready())
        found = self.kept.get(hostname)
        if found is None:
            lacks = "cannot be read just now" if self.kept.holds(hostname) else "has none"
            return NoDocument(f"{why}; the copy on disk {lacks}")
        if not self.is_doubted and self.given is not None and self.given.get(hostname) != found.digest:
            return NoDocument(f"{why}; the copy on disk is out of date", found.address)
        return found

    def _fleet(self) -> FleetView:
        """The fleet as pages and API show it: as of the last pass, with the progress and problems of this moment."""
        if self._view is None:
            shown = self.latest
            nothing = PlannedFleet(Plan(None, "", ()), Observation(self.site.now(), ()))
            self._view = build_fleet(
                PlannedFleet(shown.plan, shown.observation, shown.tree.clusters) if shown else nothing,
                source=replace(self.source, is_verified=self.site.config.authority is not None),
                events=self._recent,
                progress=dict(self.progress),
                summaries=self._summaries,
            )
        self._view = with_problems(with_progress(self._view, self.progress), self.health.problems())
        return self._view

    def _events(self, after: int, limit: int) -> Sequence[Occurrence]:
        return self.site.database.opened.events(after=after, limit=limit)

    def _remarks(self) -> Sequence[str]:
        clock = self.latest.observation.clock if self.latest else None
        unverified = () if self.site.config.authority else (UNVERIFIED,)
        floor = (f"policy: the daemon's floor holds: {rule}" for rule in self.site.specs.held_up)
        return (*unverified, *floor, *((f"clock: {clock}",) if clock else ()), *self.crowded())

    def unready(self) -> tuple[str, ...]:
        """Why answers are not worth having yet; nothing, when all is well."""
        reasons = tuple(problem.text for problem in self.health.problems())
        if self.latest is None:
            return (self.stage, *reasons)
        if not self.is_own:
            reasons = (self.stage, *reasons)
        return (self.latest.observation.observing, *reasons) if self.latest.observation.observing else reasons


def _without_keys(machines: Iterable[MachineView]) -> Iterator[str]:
    """Hostnames of the machines that have a place, and no install was begun on them."""
    for m in machines:
        bare = m.history.phase in (Phase.DISCOVERED, Phase.ENROLLED) and m.history.install.begun is None
        if bare and m.allocation is not None:
            yield m.allocation.hostname


def _stake(m: MachineView) -> Stake:
    if m.history.phase in (Phase.INSTALLED, Phase.IN_SERVICE):
        return Stake.SYSTEM
    return Stake.PLACE if m.allocation else Stake.NOTHING


@dataclass(frozen=True)
class StoredDecisions:
    """What operators decide over HTTP."""

    published: Published

    def approve(self, serial: str, word: ApprovalWord, who: str) -> None:
        """Allow the step that a machine waits with."""
        step, site = self._step(serial), self.published.site
        if not isinstance(step, Wait) or step.needs_approval != word.action or step.asks is None:
            raise NotPossibleError(f"{serial} does not wait for an approval of {word.action}")
        held = self._held(serial)
        if held is not None and held.generation != word.generation:
            raise NotPossibleError(f"{serial} is at generation {held.generation}, not {word.generation}: look again")
        self._check("fleet")
        given = Approval(serial, word.action, 0, who, word.why, site.now(), signature=word.signature)
        try:
            approve(site, step, held, given, shown=word.covers)
        except PermanentError as error:
            raise NotPossibleError(str(error)) from error
        self.published.wake()

    def statement(self, serial: str) -> str | None:
        """What the machine waits for somebody to approve, as it is shown and signed; None: nothing."""
        return statement_text(self.published.site, self._step(serial))

    def _step(self, serial: str) -> Step:
        step = next((s for s in self._plan().steps if s.serial == serial), None)
        if step is None:
            raise LookupError("No machine of that serial has reported.")
        return step

    def _held(self, serial: str) -> Allocation | None:
        assert self.published.latest is not None
        machines = self.published.latest.observation.machines
        return next((m.allocation for m in machines if m.serial == serial), None)

    def retry(self, serial: str, who: str, why: str) -> None:
        """Forget failures and back-off."""
        self._known(serial)
        self.published.site.database.opened.retry(serial, who=who, why=why, at=self.published.site.now())
        self.published.wake()

    def pause(self, scope: str, who: str, why: str) -> None:
        """Do nothing in a scope."""
        self._check(scope)
        self.published.site.database.opened.pause(Pause(scope, who, why, self.published.site.now()))
        self.published.wake()

    def resume(self, scope: str, who: str, why: str) -> None:
        """End a pause."""
        self._check(scope)
        if not self.published.site.database.opened.resume(scope, who=who, why=why, at=self.published.site.now()):
            raise NotPossibleError(f"{scope} is not paused")
        self.published.wake()

    def _plan(self) -> Plan:
        if self.published.latest is None:
            raise NotPossibleError(f"there is no plan yet: {self.published.stage}")
        return self.published.latest.plan

    def _known(self, serial: str) -> None:
        if serial not in {step.serial for step in self._plan().steps}:
            raise LookupError("No machine of that serial has reported.")

    def _check(self, scope: str) -> None:
        if not self.published.site.database.is_open:
            raise NotPossibleError(f"nothing can be written down: {'; '.join(self.published.unready())}")
        kind, _, name = scope.partition(":")
        if kind == "machine":
            self._known(name)
        elif kind == "cluster" and self.published.latest and name not in self.published.latest.tree.clusters:
            raise LookupError(f'No cluster is called "{name}".')
