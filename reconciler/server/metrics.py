"""Metrics for Prometheus, in a registry of our own, so that two servers in one process do not meet."""

from collections import Counter as Counts
from collections.abc import Callable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from ..render.fleet import FleetView
from ..render.rows import Tone

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters and gauges of one daemon. The composition calls ``planned`` and ``action_ended``."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self._clock = clock
        self._committed_at: datetime | None = None
        self._reports = self._counter("reports", "Hardware reports, by what became of them.", "result")
        self._statuses = self._counter("statuses", "Install-status calls, by status or refusal.", "result")
        self._enc = self._counter("enc_answers", "Answers to requests for Puppet classes.", "result")
        self._actions = self._counter("actions", "Actions that ended, by type and result.", "type", "result")
        self._machines = self._gauge("machines", "Machines, by phase and kind of the next step.", "phase", "kind")
        self._steps = self._gauge("steps", "Machines, by kind and reason of the next step.", "kind", "reason")
        self._attention = self._gauge("machines_by_tone", "Machines, by how much they need a human.", "tone")
        self._gates = self._gauge(
            "gates_closed", "Machines with a closed gate, by cluster and gate.", "cluster", "gate"
        )
        self._behind = self._gauge("machines_behind", "Machines in service whose Puppet document has changed.")
        self._problem = self._gauge("git_problem", "1 while the newest commit cannot be used.")
        self._age = self._gauge("git_commit_age_seconds", "Age of the commit in force.")
        self._age.set_function(self._commit_age)
        self._failing = self._gauge("failing", "1 for what of the daemon does not work.", "what")
        self._pass_age = self._gauge("pass_age_seconds", "Time since the last pass ended.")
        self._queue = self._gauge("report_queue_length", "Words from machines that wait to be written.")
        self._refused = self._counter("connections_refused", "Connections closed at once: too many were open.")
        self._plan_seconds = Histogram(
            "plan_duration_seconds",
            "Time from the observation to the plan.",
            namespace="reconciler",
            registry=self.registry,
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10),
        )

    def report(self, result: str) -> None:
        """A report was answered."""
        self._reports.labels(result).inc()

    def status(self, result: str) -> None:
        """An install-status call was answered."""
        self._statuses.labels(result).inc()

    def enc(self, result: str) -> None:
        """A request for classes was answered."""
        self._enc.labels(result).inc()

    def connection_refused(self) -> None:
        """A connection was closed at once, as too many were open."""
        self._refused.inc()

    def planned(self, seconds: float) -> None:
        """A plan was made."""
        self._plan_seconds.observe(seconds)

    def action_ended(self, action: str, result: str) -> None:
        """An action ended: ``succeeded``, ``failed`` or ``interrupted``."""
        self._actions.labels(action, result).inc()

    def watch_queue(self, length: Callable[[], int]) -> None:
        """Ask ``length`` at each scrape."""
        self._queue.set_function(length)

    def watch_passes(self, age: Callable[[], float]) -> None:
        """Ask for the seconds since the last pass ended at each scrape."""
        self._pass_age.set_function(age)

    def render(self, view: FleetView) -> bytes:
        """The text that Prometheus reads, with the gauges as of ``view``."""
        self._machines.clear()
        for (phase, kind), count in Counts((row.phase, row.kind) for row in view.machines).items():
            self._machines.labels(phase, kind).set(count)
        self._steps.clear()
        for (kind, reason), count in Counts((row.kind, row.reason) for row in view.machines if row.reason).items():
            self._steps.labels(kind, reason).set(count)
        for tone in Tone:
            self._attention.labels(tone).set(view.totals.tones.get(tone, 0))
        self._gates.clear()
        closed = ((row.cluster or "", gate) for row in view.machines for gate in row.closed_gates)
        for labels, count in Counts(closed).items():
            self._gates.labels(*labels).set(count)
        self._behind.set(sum(row.behind for row in view.machines))
        self._failing.clear()
        for problem in view.problems:
            self._failing.labels(problem.what).set(1)
        self._problem.set(view.source.problem is not None)
        self._committed_at = view.source.committed_at
        return generate_latest(self.registry)

    def _commit_age(self) -> float:
        return (self._clock() - self._committed_at).total_seconds() if self._committed_at else float("nan")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace="reconciler", registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace="reconciler", registry=self.registry)
