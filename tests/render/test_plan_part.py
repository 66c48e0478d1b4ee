"""A plan of some machines, of one that was made for all."""

import pytest

from reconciler.model.plan import EncChange, Plan, Settled, Shortfall, Wait
from reconciler.model.reasons import Reason
from reconciler.render.plan import only, part_of, plan_json, plan_markdown, plan_text

PLAN = Plan(
    "0123456789abcdef",
    "digest",
    (
        Settled("A1", Reason.IN_SERVICE, "in service", "cl1-controller-1.example.com", "cl1", "controller"),
        Settled("A2", Reason.IN_SERVICE, "in service", "cl1-compute-1.example.com", "cl1", "compute"),
        Settled("A3", Reason.IN_SERVICE, "in service", "cl2-compute-1.example.com", "cl2", "compute"),
        Wait("A4", Reason.NO_PROFILE, "a profile that fits"),
    ),
    (Shortfall("cl1", "compute", 2, 1, Reason.NO_PROFILE, "no free machine"),),
    tuple(
        EncChange(f"{name}-1.example.com", "oci::compute", "machine_type", "a", "b")
        for name in ("cl1-compute", "cl2-compute")
    ),
    {"specs": "something to see to"},
)


@pytest.mark.parametrize(
    ("names", "selectors", "serials", "short", "changed"),
    [
        ([], [], ["A1", "A2", "A3", "A4"], 1, 2),
        (["A4"], [], ["A4"], 0, 0),
        (["cl2-compute-1.example.com", "A1"], [], ["A1", "A3"], 0, 1),
        ([], ["cluster=cl1"], ["A1", "A2"], 1, 1),
        ([], ["cluster=cl1,role=compute"], ["A2"], 1, 1),
        ([], ["cluster=cl1", "role = compute"], ["A2"], 1, 1),
        ([], ["cluster=cl1,cluster=cl2,role=compute"], ["A2", "A3"], 1, 2),
        (["A2", "A3"], ["cluster=cl2"], ["A3"], 0, 1),
    ],
)
def test_a_part_tells_of_its_machines_and_of_nothing_else(
    names: list[str], selectors: list[str], serials: list[str], short: int, changed: int
) -> None:
    part = only(PLAN, part_of(names, selectors))
    assert [step.serial for step in part.steps] == serials
    assert (len(part.shortfalls), len(part.enc), part.notes) == (short, changed, PLAN.notes)
    told = "" if len(serials) == 4 else f" Shown: {len(serials)} of 4 machines.\n"
    assert plan_text(part).endswith(told)
    assert told.strip() in plan_markdown(part)
    assert plan_json(part)["left_out"] == 4 - len(serials)


@pytest.mark.parametrize(
    ("names", "selectors", "told"),
    [
        (["A1", "A9"], [], "no machine is called A9"),
        ([], ["cluster=cl3,role=compute"], "no machine is of cluster cl3, role compute"),
        (["A1"], ["cluster=cl2"], "no machine is of cluster cl2"),
    ],
)
def test_what_is_nowhere_is_said(names: list[str], selectors: list[str], told: str) -> None:
    with pytest.raises(LookupError, match=told):
        only(PLAN, part_of(names, selectors))


@pytest.mark.parametrize("written", ["cl1", "cluster", "cluster=", "zone=1", "cluster=cl1,", ""])
def test_a_selector_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is not one of cluster=NAME, role=NAME"):
        part_of([], [written])
