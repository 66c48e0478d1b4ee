"""Observations travel as JSON: what is written is read back, and what is broken says where."""

import json
from dataclasses import replace
from datetime import timedelta

import jsonschema
import pytest

from reconciler.model.history import Phase
from reconciler.model.machine import Observation
from reconciler.planning.digest import observation_digest
from reconciler.planning.planner import plan
from reconciler.render.observation import ObservationError, dump_observation, load_observation
from reconciler.render.schemas import schemas

from ..histories import history_with
from .build import NOW, VIPS, approval, cluster, given, holding, in_phase, looked_at, machine, one, tree

SPEC = tree({"cl1": cluster(controller={})})


def world() -> Observation:
    """One machine of every kind of fact, with an action in flight."""
    m = holding(in_phase(machine("A"), Phase.ENROLLED))
    flying = replace(m, history=replace(m.history, open_action=one(SPEC, m).action))
    what = given(SPEC, [flying, machine("B", None)], vips=VIPS, approvals=(approval("A"),))
    return replace(what.observed, retired={"OLD": m.allocation}, set_up=("cl1",))


def test_what_is_written_is_read_back_and_plans_alike():
    seen = world()
    back = load_observation(dump_observation(seen))
    assert back == seen
    what = given(SPEC, ())
    assert plan(replace(what, observed=back)) == plan(replace(what, observed=seen))


def test_what_is_written_is_what_the_schema_says():
    validator = jsonschema.Draft202012Validator(json.loads(schemas()["observation.json"]))
    validator.validate(json.loads(dump_observation(world())))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "the observation is not JSON"),
        ("[" * 100_000, "the observation is not JSON"),
        ("[]", "this is not an observation"),
        ('{"version": 2, "observation": {}}', "the observation is of version 2; this program reads 1"),
        ('{"version": 1, "observation": {"machines": [{"serial": 1}]}}', "machines.0.serial: Input should be a valid"),
        ('{"version": 1, "observation": {"now": "2026-11-23T10:00:00", "machines": []}}', "the time needs its zone"),
    ],
)
def test_a_broken_observation_says_what_is_wrong(text, expected):
    with pytest.raises(ObservationError, match=expected):
        load_observation(text)


def test_fields_of_a_later_version_are_passed_over():
    known = json.loads(dump_observation(world()))
    known["observation"]["machines"][0]["colour"] = "blue"
    assert load_observation(json.dumps(known)) == world()


class TestDigest:
    def test_it_does_not_look_at_the_clock(self):
        seen = world()
        later = replace(seen, now=NOW + timedelta(days=1))
        heard = [replace(m, seen=replace(m.seen, reported_at=NOW)) for m in seen.machines]
        assert observation_digest(seen) == observation_digest(later)
        assert observation_digest(seen) == observation_digest(replace(seen, machines=tuple(heard[::-1])))

    def test_it_looks_at_everything_that_decides(self):
        seen = world()
        a, b = seen.machines
        changed = [
            replace(seen, machines=(a,)),
            replace(seen, machines=(a, replace(b, seen=replace(b.seen, digest="other")))),
            replace(seen, machines=(replace(a, history=history_with(a.history, failures=1)), b)),
            replace(seen, machines=(replace(a, conflict="two"), b)),
            replace(seen, machines=(replace(a, disks=None), b)),
            replace(seen, machines=(looked_at(a), b)),
            replace(seen, machines=(looked_at(a, login="no"), b)),
            replace(seen, vips=()),
            replace(seen, approvals=()),
            replace(seen, retired={}),
        ]
        digests = {observation_digest(o) for o in changed}
        assert len(digests) == len(changed) and observation_digest(seen) not in digests
