"""Whole plans as operators, reviewers and programs read them. ``GOLDEN=overwrite pytest`` rewrites them for review."""

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest

from reconciler.model.history import Failures, History, Phase, Proof
from reconciler.model.kinds.fleet import Hooks, Release
from reconciler.model.machine import InstallStatus, Pause, Power
from reconciler.model.plan import EncChange, Plan
from reconciler.planning.spec_changes import spec_changes
from reconciler.render.plan import plan_json, plan_markdown, plan_text
from reconciler.render.plan_groups import doing
from reconciler.render.plan_markdown import escaped
from reconciler.render.plan_text import FOLD_AT
from reconciler.render.schemas import schemas

from ..histories import history_with
from .build import (
    MINUTE,
    NOW,
    VIPS,
    approval,
    cluster,
    holding,
    in_phase,
    machine,
    planned,
    saying,
    silent,
    tree,
)

PLANS = Path(__file__).parent / "plans"
SCHEMAS = Path(__file__).parents[2] / "schemas"


def first_day() -> Plan:
    """An empty cluster, and the machines of a first delivery."""
    spec = tree({"cl1": cluster(controller={"count": 3, "spread": "location"}, compute={})})
    fleet = [machine(f"C{n}", zone=f"z{n}") for n in (1, 2)]
    fleet += [machine(f"H{n}", "compute", f"z{n}") for n in (1, 2, 3)]
    return planned(spec, [*fleet, machine("ODD", None), machine("NOWHERE", zone=None), machine("N1", "network")])


def grow_swift() -> Plan:
    """A Swift cluster in service gets three more stores; each is at another point of its way."""
    spec = tree({"cl1": cluster(swiftstore={})}, policy={"max_destructive": 1})
    fleet = [silent(holding(in_phase(machine(f"S{n}", "swiftstore", f"z{n}"), Phase.IN_SERVICE), n)) for n in (1, 2, 3)]
    new = [holding(in_phase(machine(f"T{n}", "swiftstore", f"z{n}"), Phase.ENROLLED), n + 3) for n in (1, 2, 3)]
    failing = replace(
        new[2], history=History(Phase.ENROLLED, failures=Failures(count=1, error="mirror is slow", tried=NOW))
    )
    booted = in_phase(machine("U1", "swiftstore"), Phase.INSTALLED, last_begun="boot_disk")
    booting = saying(holding(booted, 7), InstallStatus.FIRSTBOOT)
    return planned(spec, [*fleet, *new[:2], failing, booting, machine("V1", "swiftstore")], vips=VIPS)


def less_is_asked_for() -> Plan:
    """Git asks for fewer controllers, and no longer for the other cluster at all."""
    spec = tree({"cl1": cluster(controller={"count": 1})})
    fleet = [silent(holding(in_phase(machine(f"C{n}", zone=f"z{n}"), Phase.IN_SERVICE), n)) for n in (1, 2, 3)]
    gone = [
        holding(in_phase(machine(f"G{n}", "compute"), p), n, "gone", addresses={"gone-z1": f"10.9.1.{n}"})
        for n, p in enumerate(Phase, 1)
    ]
    return planned(spec, [*fleet, *gone], vips=VIPS)


def a_bad_night() -> Plan:
    """Machines off, in the live system, said to be there, moved; a reinstall asked for and allowed; a pause."""
    pins = {s: {"reinstall": "2026-11-23"} for s in ("R1", "R2")} | {
        "OLD": {"lifecycle": "decommissioned"},
        "NEW": {"replaces": "OLD"},
        "KEEP": {"protected": True},
        "MAINT": {"lifecycle": "maintenance"},
    }
    spec = tree({"cl1": cluster(compute={}), "cl2": cluster("cl2", 2, compute={})}, pins)

    def serving(serial: str, number: int, name: str = "cl1", **seen: object):
        m = silent(holding(in_phase(machine(serial, "compute"), Phase.IN_SERVICE), number, name))
        return replace(m, seen=replace(m.seen, **seen))

    off = {"power": Power.OFF, "power_at": NOW - MINUTE}
    lost = replace(serving("LOST", 2), seen=machine("LOST").seen)
    fleet = [
        serving("OFF", 1, **off),
        replace(lost, history=history_with(lost.history, proof=Proof(NOW - MINUTE, "live", "192.0.2.50"))),
        replace(serving("SAID", 10), seen=machine("SAID").seen),
        replace(serving("MOVED", 3), racked=machine("X", zone="z3").racked),
        *(serving(f"R{n}", n + 3) for n in (1, 2)),
        serving("OLD", 6),
        machine("NEW", "compute"),
        holding(in_phase(machine("KEEP", "compute"), Phase.ENROLLED), 7),
        serving("MAINT", 8, **off),
        replace(serving("FIRST", 1, "cl2", **off)),
        replace(
            serving("TIRED", 9, **off),
            history=History(Phase.IN_SERVICE, failures=Failures(count=6, error="BMC: no answer")),
        ),
    ]
    fleet[-2] = replace(fleet[-2], allocation=replace(fleet[-2].allocation, addresses={"cl2-z1": "10.2.1.2"}))
    vips = (*VIPS, replace(VIPS[0], cluster="cl2", network="cl2-public", address="203.0.2.2"))
    words = tuple(approval(serial, "reinstall") for serial in ("R1", "R2"))
    pause = Pause("cluster:cl2", "bob", "power work in row 4", NOW - timedelta(hours=1))
    return planned(spec, fleet, vips=vips, approvals=words, pauses=(pause,))


def hostile() -> Plan:
    """Reports and repositories say what they like; no reader is to be fooled."""
    evil = "x\x1b[31m`|</details><img src=//e.example>@team #12 $x$ [a](http://e.example)\nnext"
    spec = tree({"cl1": cluster(compute={})})
    odd = machine("A", None)
    odd = replace(odd, match=replace(odd.match, refused={"compute": evil}))
    todo = planned(spec, [odd])
    same = [EncChange(f"n{n}.example.com", "oci::swiftstore", "zone", 1, 2) for n in range(3)]
    other = EncChange("n9.example.com", "c", "gone", evil, None)
    return replace(todo, enc=(*same, other), notes={"specs": evil})


def rules_loosened() -> Plan:
    """Specs that change no machine's step, and what may be done with machines unasked."""
    roles = {"controller": {"count": 3}, "compute": {}}
    before = tree({"cl1": cluster(**roles)}, {"C1": {"protected": True}}, policy={"max_destructive": 1})
    after = tree({"cl1": cluster(**roles)}, policy={"reinstall": "automatic", "max_unavailable": {"default": "50%"}})
    hooks = Hooks(dns="powerdns")
    after = replace(after, fleet=after.fleet.model_copy(update={"hooks": hooks, "release": Release(debian="bookworm")}))
    fleet = [silent(holding(in_phase(machine(f"C{n}", zone=f"z{n}"), Phase.IN_SERVICE), n)) for n in (1, 2, 3)]
    return replace(planned(after, fleet, vips=VIPS), changes=spec_changes(before, after))


STORIES = [first_day, grow_swift, less_is_asked_for, a_bad_night, hostile, rules_loosened]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_plans_read_as_reviewed(story):
    todo, folder = story(), PLANS / story.__name__
    as_json = json.dumps(plan_json(todo), indent=1) + "\n"
    for name, got in (("plan.txt", plan_text(todo)), ("plan.json", as_json), ("plan.md", plan_markdown(todo))):
        if os.environ.get("GOLDEN") == "overwrite":
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(got)
        assert got == (folder / name).read_text(), f"{folder / name} differs; GOLDEN=overwrite rewrites it"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_json_is_what_its_schema_says(story):
    validator = jsonschema.Draft202012Validator(json.loads(schemas()["plan.json"]))
    validator.validate(json.loads(json.dumps(plan_json(story()))))


def test_checked_in_schemas_are_up_to_date():
    for name, text in schemas().items():
        if os.environ.get("GOLDEN") == "overwrite":
            (SCHEMAS / name).write_text(text)
        assert (SCHEMAS / name).read_text() == text, name


def test_no_reader_is_fooled():
    todo = hostile()
    assert "\x1b" not in plan_text(todo) + plan_markdown(todo)
    assert "<img" not in plan_markdown(todo)
    assert escaped("a|b_c@team http://e #1") == "a\\|b\\_c@\u200bteam http:\u200b//e #\u200b1"


def test_what_thousands_wait_for_is_said_once():
    spec = tree({"cl1": cluster()})
    text = plan_text(planned(spec, [machine(f"M{n:03}") for n in range(100)]))
    assert text.count("a cluster that asks for a controller") == 1
    assert f"and {100 - FOLD_AT} more" in text and len(text.splitlines()) < 20


def test_nothing_to_say_is_said_too():
    todo = planned(tree({}), [])
    assert plan_text(todo) == "No changes. Plan c0ffee1: no machines.\n" and not doing(todo)
