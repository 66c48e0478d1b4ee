"""The floor under the policy: git may make a rule stricter, and never looser."""

from typing import Any

import pytest

from reconciler.model.kinds.fleet import Policy
from reconciler.specs.authority.floor import PolicyFloor, held_up, raised

LOOSE = {"install": "automatic", "foreign_data": "automatic", "reinstall": "automatic", "max_destructive": 100}
STRICT = {
    "install": "approval",
    "foreign_data": "approval",
    "reinstall": "approval",
    "max_destructive": 2,
    "approvals_last": "4h",
    "approvers": {"default": 2, "release": 3},
}


def test_of_each_rule_the_stricter_one_holds() -> None:
    said = Policy.model_validate({**LOOSE, "approvals": {"lasts": "72h", "approvers": {"reinstall": 4}}})
    policy = raised(said, PolicyFloor.model_validate(STRICT))
    assert (policy.install, policy.foreign_data, policy.reinstall) == ("approval", "approval", "approval")
    assert (policy.max_destructive, policy.approvals.lasts.total_seconds()) == (2, 4 * 3600)
    people = dict(policy.approvals.approvers)
    assert [people[what] for what in ("install_os", "reinstall", "release", "change_rings")] == [2, 4, 3, 2]
    assert held_up(said, PolicyFloor.model_validate(STRICT)) == (
        "install is approval (the specs say automatic)",
        "foreign_data is approval (the specs say automatic)",
        "reinstall is approval (the specs say automatic)",
        "max_destructive is 2 (the specs say 100)",
        "approvals.lasts is 4h (the specs say 72h)",
        "approvals.approvers.install_os is 2 (the specs say 1)",
        "approvals.approvers.release is 3 (the specs say 1)",
        "approvals.approvers.change_rings is 2 (the specs say 1)",
    )


@pytest.mark.parametrize(
    "said",
    [
        {},
        LOOSE,
        {"max_unavailable": {"controller": 2, "default": "25%"}, "self_heal": False, "roll_out": "agents"},
        {"windows": [{"allow": "Mon-Thu 09:00-17:00", "for": ["destructive"]}], "max_renewals": 3},
        {"approvals": {"approvers": {"default": 3, "release": 1}}},
    ],
)
def test_without_a_floor_the_specs_alone_say_it(said: dict[str, Any]) -> None:
    policy = Policy.model_validate(said)
    assert held_up(policy, PolicyFloor()) == ()
    assert raised(policy, PolicyFloor()).model_dump() | {"approvals": None} == policy.model_dump() | {"approvals": None}


def test_what_git_has_stricter_stays() -> None:
    said = Policy.model_validate(
        {"install": "approval", "max_destructive": 1, "approvals": {"lasts": "1h", "approvers": {"default": 5}}}
    )
    policy = raised(said, PolicyFloor.model_validate(STRICT))
    assert (policy.max_destructive, policy.approvals.lasts.total_seconds()) == (1, 3600)
    assert dict(policy.approvals.approvers)["release"] == 5
    assert held_up(said, PolicyFloor.model_validate(STRICT)) == ()


@pytest.mark.parametrize(
    "floor", [{"install": "automatic"}, {"max_destructive": -1}, {"approvers": {"x": 1}}, {"y": 1}]
)
def test_a_floor_that_makes_no_sense_is_refused(floor: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="PolicyFloor"):
        PolicyFloor.model_validate(floor)
