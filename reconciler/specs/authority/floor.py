"""A floor under the policy of the specs: what git may make stricter, and never looser."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, StrictInt

from ...model.kinds.base import Duration, Strict
from ...model.kinds.fleet import APPROVED, Approvals, Approved, Approvers, Policy, approvers_of
from ...model.units import render_hours

_ASKED = ("install", "foreign_data", "reinstall")


class PolicyFloor(Strict):
    """The least that holds, whatever the specs say. None: the specs alone say it."""

    install: Literal["approval"] | None = Field(default=None, description="a blank machine that matches")
    foreign_data: Literal["approval"] | None = Field(default=None, description="disks that hold something foreign")
    reinstall: Literal["approval"] | None = Field(default=None, description="a machine that was in service")
    max_destructive: StrictInt | None = Field(default=None, ge=0, description="machines being erased at any moment")
    approvals_last: Duration | None = Field(default=None, description="the longest that an approval is good")
    approvers: Mapping[Literal["default", Approved], Approvers] = Field(
        default={}, description="people who have to approve, by what they approve"
    )


def raised(policy: Policy, floor: PolicyFloor) -> Policy:
    """The policy that holds: of each rule the stricter one."""
    asked = {name: getattr(floor, name) for name in _ASKED if getattr(floor, name) is not None}
    most = [policy.max_destructive, *([floor.max_destructive] if floor.max_destructive is not None else [])]
    rules = {**asked, "max_destructive": min(most), "approvals": _approvals(policy.approvals, floor)}
    return Policy.model_validate({**policy.model_dump(by_alias=True), **rules})


def held_up(policy: Policy, floor: PolicyFloor) -> tuple[str, ...]:
    """The rules that the specs have looser than what holds, for people: what they say, and what holds."""
    before, after = _told(policy), _told(raised(policy, floor))
    return tuple(
        f"{name} is {after[name]} (the specs say {before[name]})" for name in after if after[name] != before[name]
    )


def _approvals(said: Approvals, floor: PolicyFloor) -> Approvals:
    approvers = {what: max(said.needed(what), approvers_of(floor.approvers, what)) for what in APPROVED}
    lasts = min(said.lasts, floor.approvals_last) if floor.approvals_last is not None else said.lasts
    more = {what: people for what, people in approvers.items() if people > 1}
    wanted: Mapping[Any, int] = said.approvers
    needed = {**wanted, **more}
    return Approvals.model_validate({"lasts": lasts, "approvers": needed})


def _told(policy: Policy) -> dict[str, str]:
    """What a floor may hold up, by its name in the specs, as text."""
    rules = {name: str(getattr(policy, name)) for name in (*_ASKED, "max_destructive")}
    people = {f"approvals.approvers.{what}": str(policy.approvals.needed(what)) for what in APPROVED}
    return {**rules, "approvals.lasts": render_hours(policy.approvals.lasts), **people}
