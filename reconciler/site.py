"""One site: its configuration, its database, its specs, and what is worked out from them.

What commands and the daemon have in common stands here, so that they cannot differ: ``plan`` on the command line is
the daemon's plan.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from .certificates import Certificates
from .clocks import behind
from .config import Config, ListenConfig, SourceConfig
from .documents import Documents
from .drivers.git import GitSource, commit_of, read_commit
from .drivers.puppet_signatures import known_signatures
from .drivers.source import DirectorySource, Looked, Source, SourceState
from .enc.check import check as check_documents
from .epochs import Epochs
from .model.errors import PermanentError, TemporaryError
from .model.machine import Observation, SecretRef
from .model.observations import Heard, Notice
from .model.plan import Plan
from .model.tree import SpecTree
from .opening import open_existing, open_kept, open_store
from .planning.first_setup import set_up_clusters
from .planning.fixed import fixed_by, remembered
from .planning.observing import ENDS_IT, new_beside_installed
from .render.diagnostics import render_text
from .secret_texts import SecretTexts
from .specs.files import UnreadableError, read_directory
from .specs.loader import Loaded, extended, load_tree
from .specs.settings_table import load_table
from .specs.validate import validate
from .store import Snapshot, Store
from .world import World

_STATE, _ACCEPTED = "source", "accepted-commits"


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class Site:
    """Opens things when they are first needed, so that a command pays only for what it uses."""

    def __init__(
        self,
        config: Config,
        now: Callable[[], datetime] = utc_now,
        *,
        follows: SourceConfig | None = None,
        makes_database: bool = True,
    ) -> None:
        """The site of a configuration.

        Args:
            config: The daemon's.
            now: The clock.
            follows: The branch that the daemon follows, where ``config`` names other specs in its place.
            makes_database: False: who writes to a database that is not there is refused.
        """
        self.config = config
        self.now = now
        self._makes_database = makes_database
        self._follows = follows or config.source
        self._world = World()
        self._kept: Store | None = None
        self._committed_at: dict[str, datetime] = {}
        self.problem: str | None = None  # why what is newest was not in force, when that was last asked for

    @cached_property
    def store(self) -> Store:
        """The database for who writes.

        Raises:
            PermanentError: It cannot be opened; or it is not there, and this site makes none.
        """
        return open_store(self.config) if self._makes_database else open_existing(self.config)

    def open(self) -> None:
        """Open the database for who stays, if that was not done yet, and see that it is sound.

        Raises:
            PermanentError: It may not be opened, or is damaged.
            TemporaryError: It does not answer.
        """
        store = self.__dict__.pop("store", None) or open_store(self.config)
        try:
            if (damage := store.damage()) is not None:
                raise PermanentError(damage)
        except BaseException:
            store.close()
            raise
        self.store = store

    @property
    def opened(self) -> Store:
        """The database for who answers others, and opens none for that.

        Raises:
            TemporaryError: It is not open yet.
        """
        if not self.is_open:
            raise TemporaryError("the database is not open yet")
        return self.store

    @property
    def is_open(self) -> bool:
        """Whether the database was opened."""
        return "store" in self.__dict__

    @property
    def kept(self) -> Store | None:
        """The database for who only reads; None when there is none yet, and then none is made."""
        if self.is_open:
            return self.store
        if self._kept is None:
            self._kept = open_kept(self.config)
        return self._kept

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
    def source(self) -> Source[Loaded] | DirectorySource[Loaded]:
        """Where the specs come from: a branch of a repository, or a directory as it is."""
        given = self.config.source
        if given is None:
            return DirectorySource(self.config.specs, _read, self.validate)
        return Source(self._mirror(given), self.validate)

    def _mirror(self, given: SourceConfig) -> GitSource:
        return GitSource(given.url, given.branch, given.folder, self.config.state / "git")

    @cached_property
    def documents(self) -> Documents:
        """The nodes' Puppet documents; empty until ``observe`` was called."""
        return Documents(known_signatures())

    @cached_property
    def certificates(self) -> Certificates:
        """The fleet's certificates."""
        return Certificates(self)

    def close(self) -> None:
        """Close the database, if it was opened."""
        for store in (self.__dict__.get("store"), self._kept):
            if store is not None:
                store.close()

    def with_listen(self, listen: ListenConfig) -> "Site":
        """The same site, listening elsewhere."""
        config = self.config.model_copy(update={"listen": listen})
        return Site(config, self.now, follows=self._follows, makes_database=self._makes_database)

    def validate(self, files: Mapping[str, bytes]) -> Loaded:
        """Everything that can be said of a spec tree without looking at machines."""
        loaded = validate(files, settings_table=load_table(), module_versions=tuple(known_signatures()))
        if loaded.tree is None:
            return loaded
        return extended(loaded, check_documents(loaded.tree, known_signatures()))

    def load(self) -> Loaded:
        """The newest specs with every problem, good or not; for ``validate``."""
        if self.config.source is None:
            return self.validate(_read(self.config.specs))
        mirror = self._mirror(self.config.source)
        return self.validate(mirror.read(mirror.fetch().commit).files)

    def source_state(self) -> SourceState:
        """What the last look at the source gave."""
        text = self.kept.state(_STATE) if self.kept else None
        return SourceState.from_json(text) if text else SourceState()

    def committed_at(self, commit: str | None) -> datetime | None:
        """When a commit of the source was made; None for a directory, and where the mirror does not have it."""
        if self.config.source is None or commit is None:
            return None
        if commit not in self._committed_at:
            try:
                self._committed_at = {commit: self._mirror(self.config.source).committed_at(commit)}
            except (TemporaryError, PermanentError):
                return None
        return self._committed_at[commit]

    def _accepted(self) -> list[str]:
        found: list[str] = json.loads((self.kept.state(_ACCEPTED) if self.kept else None) or "[]")
        return found

    def look(self) -> Looked[Loaded]:
        """Look at the source, and keep what was found."""
        before = self.source_state()
        looked = self.source.look(before, accepted=self._accepted())
        if looked.state != before:
            self.store.save_state(_STATE, looked.state.to_json())
            self.store.record((), tuple(_told(before, looked.state, self.now())))
        return looked

    def watchable(self) -> tuple[Path, ...]:
        """Folders whose changes may mean new specs; none for a repository elsewhere."""
        given = self.config.source
        if given is None:
            return (self.config.specs,)
        return self._mirror(given).watchable()

    def accept(self, commit: str, *, who: str, why: str) -> None:
        """Let a rewritten branch be taken at exactly this commit."""
        self.store.save_state(_ACCEPTED, json.dumps([*self._accepted(), commit][-100:]))
        text = f"the rewritten branch is accepted at {commit[:12]}: {why}"
        self.store.record((), (Notice(None, self.now(), "commit-accepted", text, who),))

    def in_force(self, *, newest: bool = False) -> tuple[str | None, SpecTree]:
        """The commit and the tree that plans are made from. Changes nothing but the mirror.

        Args:
            newest: Ask the repository first. Else it is asked only when nobody ever did: what the daemon took counts.

        Raises:
            PermanentError: There is none: what is newest does not validate, and nothing before it ever did.
        """
        if self.config.source is None:
            loaded = self.load()
            if loaded.tree is None:
                raise PermanentError(f"the specs have errors:\n\n{render_text(loaded.problems, loaded.sources)}")
            return commit_of(self.config.specs), loaded.tree
        state = self.source_state()
        known = None if newest or state.good is None else self._recalled(state)
        looked = known or self.source.look(state, accepted=self._accepted())
        if looked.loaded is None or looked.loaded.tree is None:
            raise PermanentError(looked.state.problem or "the source has no valid specs yet")
        self.problem = looked.state.problem
        return looked.state.good, looked.loaded.tree

    def _recalled(self, state: SourceState) -> Looked[Loaded] | None:
        """The specs in force, from the mirror alone; None where it does not have them."""
        assert isinstance(self.source, Source)
        looked = self.source.recall(state)
        return looked if looked.loaded is not None else None

    def tree(self) -> SpecTree:
        """The tree that plans are made from."""
        return self.in_force()[1]

    def observe(self, tree: SpecTree | None = None, snapshot: Snapshot | None = None) -> Observation:
        """The world as the planner sees it. Renders the Puppet documents that changed on the way."""
        tree = tree or self.tree()
        snapshot = snapshot or self.snapshot()
        now = self.now()
        members = self._world.members(tree, snapshot)
        if snapshot.secrets:
            self.secrets.refresh(snapshot.secrets)
            known = (self.secrets.seals, self.secrets.text, snapshot.set_up, snapshot.fixed, self.secrets.expect)
            self.documents.refresh(tree, members, snapshot.vips, *known)
        else:
            self.documents.refresh(tree, members, snapshot.vips, {}, _no_text, snapshot.set_up, snapshot.fixed)
        observation = self._world.observe(tree, snapshot, self.documents, now, self.now())
        return replace(observation, observing=_observing(observation, snapshot), clock=behind(snapshot.set_back, now))

    def keep_documents(self) -> None:
        """Write down which nodes' documents the last ``observe`` found changed; for the one who acts."""
        self.store.keep_documents(self._world.new_documents)

    def keep_facts(self, tree: SpecTree, observation: Observation, known: frozenset[str]) -> bool:
        """Write down which clusters' first setup is over, and what clusters with nodes keep.

        Returns whether clusters are set up that were not among those ``known``, or the other way round.
        """
        kept = remembered(observation.fixed, fixed_by(tree, observation.machines))
        for cluster in sorted(kept.keys() | observation.fixed.keys()):
            if (news := kept.get(cluster, {})) != observation.fixed.get(cluster, {}):
                self.store.keep_fixed(cluster, news, self.now())
        over = set_up_clusters(tree, observation.machines, known)
        for cluster in sorted(over - known):
            self.store.note_set_up(cluster, self.now())
        for cluster in sorted(known - over):
            self.store.forget_set_up(cluster, self.now())
        return over != known

    def plan(self, observed: str | None = None) -> Plan:
        """What would be done now; from a saved observation, or from the database."""
        return self.plan_and_observation(observed)[0]

    def plan_and_observation(self, observed: str | None = None) -> tuple[Plan, Observation]:
        """The same, with what it was made from."""
        from .planned import planned

        return planned(self, observed)

    def tree_at(self, commit: str) -> SpecTree | None:
        """The specs at a commit, from the repository that holds the specs directory, or from the daemon's mirror."""
        try:
            files = read_commit(self.config.specs, commit) if self.config.source is None else None
            if files is None and self._follows is not None:
                mirror = self._mirror(self._follows)
                files = mirror.read(commit) if mirror.head() else None
        except (PermanentError, TemporaryError):
            return None
        return load_tree(files.files, load_table()).tree if files else None

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

    def mint(self, secrets: Iterable[SecretRef]) -> None:
        """Make those of the secrets that do not exist."""
        self.certificates.mint(secrets)


def unknown(kind: str, name: str) -> PermanentError:
    """What to tell somebody who names a machine or cluster that there is not."""
    return PermanentError(f'no {kind} "{name}" is known; "reconciler {kind}s" lists all')


def _observing(seen: Observation, snapshot: Snapshot) -> str | None:
    """Why nothing may be begun now; None: it may."""
    settled = snapshot.standing is not None and snapshot.standing.settled
    why = snapshot.doubt or new_beside_installed(seen.machines, seen.retired, settled=settled)
    return why and f"Nothing is begun: {why}. {ENDS_IT}."


def _told(before: SourceState, now: SourceState, at: datetime) -> Iterator[Notice]:
    """What to say when another commit is in force, or one was refused."""
    if now.good is not None and now.good != before.good:
        yield Notice(None, at, "commit-in-force", f"the specs of commit {now.good[:12]} are in force")
    if now.problem is not None and now.problem != before.problem:
        yield Notice(None, at, "commit-refused", now.problem)


def _read(path: Path) -> dict[str, bytes]:
    try:
        return read_directory(path)
    except UnreadableError as error:
        raise PermanentError(str(error)) from None


def _no_text(ref: SecretRef) -> str:
    raise PermanentError(f"the secret {ref} has not been made")


class Records:
    """The store as execution wants it: certificates are made out to whom the allocations say."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.allocate, self.release = site.store.allocate, site.store.release
        self.erasing, self.wrote, self.proved = site.store.erasing, site.store.wrote, site.store.proved

    def mint(self, secrets: tuple[SecretRef, ...], at: object) -> None:
        """Make those of the secrets that do not exist."""
        self._site.mint(secrets)

    def secret(self, ref: SecretRef) -> str:
        """The text of a secret that exists."""
        text = self._site.store.secret(ref)
        if text is None:
            raise PermanentError(f"the secret {ref} has not been made")
        return text

    def renew(self, certificate: SecretRef, ends: datetime) -> None:
        """Make a certificate anew, if it is the one that ends then."""
        self._site.certificates.renew(certificate, who="reconciler", why=f"it ends on {ends:%Y-%m-%d}", ends=ends)

    def puppet_ran(self, serial: str, began: datetime, at: datetime) -> None:
        """Note that a good Puppet run on the machine asked for its document at ``began``, or later."""
        self._site.store.record((Heard(serial, at, puppet_at=began),))
