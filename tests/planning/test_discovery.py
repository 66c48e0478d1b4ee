"""Machines that a document names and nobody has seen: who is turned on, and who is left alone."""

from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.actions import Discover
from reconciler.model.events import Event, Failed, Retried, Started, Succeeded
from reconciler.model.folding import after
from reconciler.model.history import History
from reconciler.model.machine import MachineView

from .build import MINUTE, NOW, USUAL, VIPS, cluster, kind, machine, one, tree

FOUND = Discover(serial="A", generation=0)
BMC = {"bmc": {"address": "192.0.2.200"}}
BOOTED = NOW - USUAL.live_boot - MINUTE


def history(*events: Event) -> History:
    known = History()
    for event in events:
        known = after(known, event)
    return known


def tried(ago: timedelta, error: str | None = None) -> tuple[Event, Event]:
    at = NOW - ago
    end = Failed("A", at, FOUND.id, error, True) if error else Succeeded("A", at, FOUND)
    return Started("A", at, FOUND), end


@pytest.mark.parametrize(
    ("pin", "events", "expected", "told"),
    [
        (BMC, (), "discover", "nobody has seen it, and its BMC is at 192.0.2.200"),
        ({}, (), "wait", "its first report: nobody has seen it yet"),
        ({**BMC, "protected": True}, (), "wait", "its protection"),
        ({**BMC, "lifecycle": "maintenance"}, (), "wait", "the end of its maintenance"),
        ({**BMC, "lifecycle": "decommissioned"}, (), "settled", "holds nothing"),
        (BMC, (Started("A", NOW, FOUND),), "wait", "the action in flight: discover"),
        (BMC, tried(MINUTE), "wait", "its first report: it was turned on"),
        (BMC, tried(USUAL.live_boot + MINUTE), "discover", "nobody has seen it"),
        (BMC, tried(timedelta(seconds=1), "no answer"), "wait", "another try at discover"),
        (BMC, tried(10 * MINUTE, "no answer"), "discover", "nobody has seen it"),
        (BMC, tried(MINUTE, "no answer") * 20, "wait", "an operator, then retry: 20 failures in a row"),
        (BMC, (*tried(MINUTE, "no answer") * 20, Retried("A", NOW, "ada", "mended")), "discover", "nobody has seen it"),
    ],
)  # fmt: skip
def test_what_is_done_so_that_it_is_seen(
    pin: dict[str, Any], events: tuple[Event, ...], expected: str, told: str
) -> None:
    spec = tree({"cl1": cluster(controller={"count": 1})}, machines={"A": pin})
    step = one(spec, MachineView("A", history=history(*events)), vips=VIPS)
    assert kind(step) == expected
    assert told in (step.on if expected == "wait" else step.because)


def test_once_it_has_reported_what_failed_before_holds_nothing_up() -> None:
    spec = tree({"cl1": cluster(controller={"count": 1})}, machines={"A": BMC})
    seen = machine("A", history=history(*tried(MINUTE, "no answer") * 20))
    assert kind(one(spec, seen, vips=VIPS)) == "enroll"


def test_its_document_says_where_its_bmc_is_when_its_agent_cannot() -> None:
    spec = tree(machines={"A": BMC})
    assert spec.bmc_address("A", machine("A", bmc=None).seen) == "192.0.2.200"
    assert spec.bmc_address("A", machine("A", bmc="192.0.2.7").seen) == "192.0.2.7"
    assert spec.bmc_address("B", None) is None
