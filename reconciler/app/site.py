"""One site: its configuration, its database, its specs, and what is worked out from them.

What commands and the daemon have in common stands here, so that they cannot differ: ``plan`` on the command line is
the daemon's plan.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from ..enc.documents.cache import ClusterRecords, Documents, Secrets
from ..enc.documents.secrets import SecretTexts
from ..execution import seam
from ..model.errors import PermanentError
from ..model.machine import Observation, SecretRef
from ..model.tree import SpecTree
from ..planning.first_setup import set_up_clusters
from ..planning.fixed import fixed_by, remembered
from ..planning.observe_only import ENDS_IT, new_beside_installed
from ..specs.puppet_module import known_signatures
from ..store import Snapshot, Store
from .certificates import Certificates
from .clocks import behind
from .config import Config, ListenConfig, SourceConfig
from .database import SiteDatabase
from .epochs import Epochs
from .observer import Observer
from .signatures import SshSignatures
from .spec_source import AS_EVER, SpecReading, SpecSource


class Site:
    """Opens things when they are first needed, so that a command pays only for what it uses."""

    def __init__(
        self,
        config: Config,
        now: Callable[[], datetime] = seam.now,
        *,
        follows: SourceConfig | None = None,
        makes_database: bool = True,
        reading: SpecReading = AS_EVER,
    ) -> None:
        """The site of a configuration.

        Args:
            config: The daemon's.
            now: The clock.
            follows: The branch that the daemon follows, where ``config`` names other specs in its place.
            makes_database: False: who writes to a database that is not there is refused.
            reading: How specs are fetched and read.
        """
        self.config = config
        self.now = now
        self.database = SiteDatabase(config, makes=makes_database)
        self._follows = follows or config.source
        self.reading = reading
        self.observer = Observer()

    @property
    def store(self) -> Store:
        """The database for those who write.

        Raises:
            PermanentError: It cannot be opened; or it is not there, and this site makes none.
        """
        return self.database.writing

    @property
    def kept(self) -> Store | None:
        """The database for those who only read; None when there is none yet, and then none is made."""
        return self.database.reading

    def snapshot(self) -> Snapshot:
        """Everything that is known now, and whether it may be older than the machines; without a database, nothing."""
        before = self.epochs.memory()
        found = self.kept.snapshot() if self.kept else Snapshot(token=0)
        return replace(found, doubt=before.doubt(found.standing))

    @cached_property
    def epochs(self) -> Epochs:
        """Whether the database is as new as the state folder remembers."""
        return Epochs(self.config.state, lambda: self.kept)

    @cached_property
    def secrets(self) -> SecretTexts:
        """The texts of secrets, for the documents."""
        return SecretTexts(self.kept or self.store)

    @cached_property
    def documents(self) -> Documents:
        """The nodes' Puppet documents; empty until ``observe`` was called."""
        return Documents(known_signatures())

    @cached_property
    def certificates(self) -> Certificates:
        """The fleet's certificates."""
        return Certificates(lambda: self.store, self.specs.tree, self.now)

    @cached_property
    def specs(self) -> SpecSource:
        """The specs, and which of them are in force."""
        return SpecSource(self.config, self._follows, self.now, self.database, self.reading)

    def close(self) -> None:
        """Close the database, if it was opened."""
        self.database.close()

    def with_listen(self, listen: ListenConfig) -> "Site":
        """A site with this one's configuration, listening elsewhere."""
        config = self.config.model_copy(update={"listen": listen})
        return Site(config, self.now, follows=self._follows, makes_database=self.database.makes, reading=self.reading)

    def observe(self, tree: SpecTree | None = None, snapshot: Snapshot | None = None) -> Observation:
        """The world as the planner sees it. Renders the Puppet documents that changed on the way."""
        tree = tree or self.specs.tree()
        snapshot = snapshot or self.snapshot()
        now = self.now()
        members = self.observer.members(tree, snapshot)
        if snapshot.secrets:
            self.secrets.refresh(snapshot.secrets)
            secrets = Secrets(self.secrets.seals, self.secrets.text, self.secrets.expect)
        else:
            secrets = Secrets({}, _no_text)
        records = ClusterRecords(snapshot.vips, snapshot.set_up, snapshot.fixed, snapshot.shown)
        self.documents.refresh(tree, members, records, secrets)
        observation = self.observer.observe(tree, snapshot, self.documents, now, self.now())
        if self.signatures is not None:
            words = self.signatures.judged(observation.approvals, _fleet_of(snapshot))
            observation = replace(observation, approvals=words)
        return replace(
            observation,
            observing=_observing(observation, snapshot),
            clock=behind(snapshot.set_back, now),
            hooks=tuple(sorted(self.config.hooks)) if self.kept else None,
        )

    @cached_property
    def signatures(self) -> SshSignatures | None:
        """Who signed approvals; None where no approval has to be signed."""
        return SshSignatures(self.config.approvals) if self.config.approvals else None

    @property
    def fleet(self) -> str:
        """The id of the fleet, which every statement names."""
        return self.kept.standing().epoch.fleet if self.kept else ""

    def keep_documents(self) -> None:
        """Write down which nodes' documents the last ``observe`` found changed; for the one who acts."""
        self.store.keep_documents(self.observer.new_documents)

    def keep_facts(self, tree: SpecTree, observation: Observation, known: frozenset[str]) -> bool:
        """Write down which clusters' first setup is over, and what clusters with nodes keep.

        Returns whether clusters are set up that were not among those ``known``, or the other way round.
        """
        kept = remembered(observation.fixed, fixed_by(tree, observation.machines, observation.rings))
        for cluster in sorted(kept.keys() | observation.fixed.keys()):
            if (news := kept.get(cluster, {})) != observation.fixed.get(cluster, {}):
                self.store.keep_fixed(cluster, news, self.now())
        over = set_up_clusters(tree, observation.machines, known)
        for cluster in sorted(over - known):
            self.store.note_set_up(cluster, self.now())
        for cluster in sorted(known - over):
            self.store.forget_set_up(cluster, self.now())
        return over != known

    def serial_of(self, name: str) -> str:
        """The serial of a machine given by serial or hostname.

        Raises:
            PermanentError: None is known by that name.
        """
        snapshot = self.snapshot()
        by_hostname = {held.hostname: serial for serial, held in snapshot.allocations.items()}
        known = snapshot.seen.keys() | snapshot.allocations.keys() | snapshot.conflicts.keys()
        if name not in known and name not in by_hostname:
            raise unknown("machine", name)
        return name if name in known else by_hostname[name]


def _fleet_of(snapshot: Snapshot) -> str:
    return snapshot.standing.epoch.fleet if snapshot.standing else ""


def unknown(kind: str, name: str) -> PermanentError:
    """What to tell somebody who names a machine or cluster that there is not."""
    return PermanentError(f'no {kind} "{name}" is known; "reconciler {kind}s" lists all')


def _observing(seen: Observation, snapshot: Snapshot) -> str | None:
    """Why nothing may be begun now; None: it may."""
    settled = snapshot.standing is not None and snapshot.standing.settled
    why = snapshot.doubt or new_beside_installed(seen.machines, seen.retired, settled=settled)
    return why and f"Nothing is begun: {why}. {ENDS_IT}."


def _no_text(ref: SecretRef) -> str:
    raise PermanentError(f"the secret {ref} has not been made")
