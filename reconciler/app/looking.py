"""The decision of one pass: a look at everything, what is heeded on the way, and the plan. Runs in a thread."""

from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial

from ..model.events import Retried
from ..model.observations import Occurrence
from ..model.plan import PlanningInput
from ..model.tree import SpecTree
from ..planning.gone_questions import gone_questions
from ..planning.planner import plan
from .clocks import ClockWatch
from .directory import PROVISIONING_KEY
from .following import SpecsFollower
from .machine_access import MachineAccess
from .published import EVENTS_SHOWN, PassResult, Published
from .site import Site

NEWS = 10_000
"""Lines of the journal that are read in one pass; more wait for the next."""


class Looking:
    """Looks for one daemon; called by one thread at a time."""

    def __init__(self, site: Site, published: Published, specs: SpecsFollower, access: MachineAccess) -> None:
        """Nothing is looked at yet. What is seen is shown by ``published``."""
        self._site, self._published, self._specs, self._access = site, published, specs, access
        self._recent: tuple[Occurrence, ...] = ()  # the last things that happened
        self.listening_since: datetime | None = None  # since when machines can be heard; None: not at all

    @cached_property
    def _clock(self) -> ClockWatch:
        return ClockWatch(self._site.store)

    def prepare(self) -> None:
        """Take what the daemon before us left behind. To be called before the first look."""
        self._access.read()  # it was written while we waited for the lease
        self._heed_age()
        self._site.store.note_ends()
        self._specs.look()
        self._recent = tuple(self._site.store.last_events(limit=EVENTS_SHOWN))

    def look(self) -> PassResult | None:
        """One look at everything, and what to do; None as long as there are no valid specs."""
        site, source = self._site, self._specs.source()
        state, loaded = self._specs.looked.state, self._specs.looked.loaded
        tree = loaded.tree if loaded else None
        if tree is None:
            self._published.show(None, source)
            return None
        self._heed_age()
        self._heed_news(tree)
        snapshot = self._published.look()
        observed = site.observe(tree, snapshot)
        news = site.keep_facts(tree, observed, snapshot.set_up)
        if observed.observing is None:  # a database that may be old is given no certificate of today
            news |= site.certificates.heed_files(tree)
        if news:  # documents tell it, and Puppet may ask any moment
            observed = site.observe(tree, self._published.look())
        clock = self._clock.stands_still or observed.clock
        observation = replace(observed, base=state.good, listening_since=self.listening_since, clock=clock)
        site.keep_documents()
        todo = plan(given := PlanningInput(state.good, tree, observation, site.config.planning_timings))
        if observation.observing is None and (gone := gone_questions(given)):
            site.store.void(gone, "nobody asks for it any more", site.now())
        todo = replace(todo, notes={**todo.notes, "specs": state.problem}) if state.problem else todo
        result = PassResult(tree, observation, todo)
        self._published.show(result, source, self._recent)
        return result

    def _heed_news(self, tree: SpecTree) -> None:
        """Read what happened since the last pass; who says "retry now" vouches for the machine."""
        before, news = self._position, self._site.store.events(after=self._position, limit=NEWS)
        self._recent = (*self._recent, *news)[-EVENTS_SHOWN:]
        if any(each.kind == "retried" for each in news):
            known = self._site.store.events_after(before, limit=len(news))
            for retried in (event for _, event in known if isinstance(event, Retried)):
                self._access.vouch(retried, tree)

    @property
    def _position(self) -> int:
        """Up to where the journal was read."""
        return self._recent[-1].position if self._recent else 0

    def _heed_age(self) -> None:
        """Nothing waits for a clock that was ahead; and we begin once the database is as new as it should be."""
        if self._clock.heed(now := self._site.now()) and self.listening_since is not None:
            self.listening_since = min(self.listening_since, now)
        self._site.epochs.begin(partial(self._site.certificates.mint, (PROVISIONING_KEY,)))
