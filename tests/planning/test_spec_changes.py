"""Which changes of the specs a plan tells of before any step, and which of them loosen a rule."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.diagnostics import Location
from reconciler.model.kinds import KINDS
from reconciler.model.spec_change import RuleKind, SpecChange
from reconciler.model.tree import SpecTree
from reconciler.planning.spec_changes import spec_changes

from .build import cluster, tree

PROVISIONING = {"address": "192.0.2.2", "trusted_networks": ["192.0.2.0/24"]}


def with_fleet(**spec: Any) -> SpecTree:
    return SpecTree(fleet=KINDS["Fleet"].model_validate({"provisioning": PROVISIONING, **spec}))


def with_policy(**policy: Any) -> SpecTree:
    return with_fleet(policy=policy)


def trusting(*networks: str) -> SpecTree:
    return with_fleet(provisioning={**PROVISIONING, "trusted_networks": networks})


def told(before: SpecTree, after: SpecTree) -> list[str]:
    return [
        f"{'looser ' if one.looser else ''}{one.kind} {one.what}: {one.before} -> {one.after}"
        for one in spec_changes(before, after)
    ]


DAYTIME = {"allow": "Mon-Thu 09:00-17:00"}
NIGHT = {"allow": "Sat 00:00-24:00", "timezone": "Europe/Zurich", "for": ["disruptive", "destructive"]}


@pytest.mark.parametrize(
    ("before", "after", "forth", "back"),
    [
        (
            with_policy(reinstall="approval"), with_policy(reinstall="automatic"),
            "looser policy policy.reinstall: approval -> automatic",
            "policy policy.reinstall: automatic -> approval",
        ),
        (
            with_policy(install="approval"), with_policy(),
            "looser policy policy.install: approval -> automatic",
            "policy policy.install: automatic -> approval",
        ),
        (
            with_policy(), with_policy(foreign_data="automatic"),
            "looser policy policy.foreign_data: approval -> automatic",
            "policy policy.foreign_data: automatic -> approval",
        ),
        (
            with_policy(roll_out="agents"), with_policy(),
            "looser policy policy.roll_out: agents -> automatic",
            "policy policy.roll_out: automatic -> agents",
        ),
        (
            with_policy(self_heal=False), with_policy(),
            "looser policy policy.self_heal: false -> true",
            "policy policy.self_heal: true -> false",
        ),
        (
            with_policy(max_destructive=1), with_policy(max_destructive=1000),
            "looser policy policy.max_destructive: 1 -> 1000",
            "policy policy.max_destructive: 1000 -> 1",
        ),
        (
            with_policy(), with_policy(max_renewals=11),
            "looser policy policy.max_renewals: 10 -> 11",
            "policy policy.max_renewals: 11 -> 10",
        ),
        (
            with_policy(approvals={"lasts": "30m"}), with_policy(),
            "looser policy policy.approvals.lasts: 0.5h -> 24h",
            "policy policy.approvals.lasts: 24h -> 0.5h",
        ),
        (
            with_policy(approvals={"approvers": {"reinstall": 2}}), with_policy(),
            "looser policy policy.approvals.approvers.reinstall: 2 -> 1",
            "policy policy.approvals.approvers.reinstall: 1 -> 2",
        ),
        (
            with_policy(windows=[DAYTIME]), with_policy(),
            "looser policy policy.windows: Mon-Thu 09:00-17:00 UTC for destructive -> none",
            "policy policy.windows: none -> Mon-Thu 09:00-17:00 UTC for destructive",
        ),
        (
            with_policy(windows=[DAYTIME, NIGHT]), with_policy(windows=[DAYTIME]),
            "policy policy.windows: Mon-Thu 09:00-17:00 UTC for destructive, "
            "Sat 00:00-24:00 Europe/Zurich for disruptive and destructive -> Mon-Thu 09:00-17:00 UTC for destructive",
            "looser policy policy.windows: Mon-Thu 09:00-17:00 UTC for destructive -> "
            "Mon-Thu 09:00-17:00 UTC for destructive, Sat 00:00-24:00 Europe/Zurich for disruptive and destructive",
        ),
        (
            with_fleet(), with_fleet(bmc={"manage": True}),
            "looser policy bmc.manage: false -> true",
            "policy bmc.manage: true -> false",
        ),
        (
            trusting("192.0.2.0/24"), trusting("192.0.2.0/24", "0.0.0.0/0"),
            "looser trust provisioning.trusted_networks: 192.0.2.0/24 -> 0.0.0.0/0, 192.0.2.0/24",
            "trust provisioning.trusted_networks: 0.0.0.0/0, 192.0.2.0/24 -> 192.0.2.0/24",
        ),
        (
            with_fleet(), with_fleet(puppet={"servers": ["192.0.2.9"]}),
            "looser trust puppet.servers: none -> 192.0.2.9",
            "trust puppet.servers: 192.0.2.9 -> none",
        ),
        (
            with_fleet(), with_fleet(hooks={"dns": "powerdns"}),
            "looser hook hooks.dns: none -> powerdns",
            "hook hooks.dns: powerdns -> none",
        ),
        (
            with_fleet(), with_fleet(release={"debian": "bookworm"}),
            "release release.debian: trixie -> bookworm",
            "release release.debian: bookworm -> trixie",
        ),
        (
            tree(machines={"A1": {"protected": True}}), tree(),
            "looser protection Machine A1 protected: true -> false",
            "protection Machine A1 protected: false -> true",
        ),
        (
            tree(), tree(machines={"A1": {"data_disks": "erase"}}),
            "looser protection Machine A1 data_disks: preserve -> erase",
            "protection Machine A1 data_disks: erase -> preserve",
        ),
        (
            tree({"cl1": cluster(compute={})}), tree({"cl1": cluster(compute={"count": 2})}),
            "cluster Cluster cl1 roles.compute.count: every fitting machine -> 2",
            "cluster Cluster cl1 roles.compute.count: 2 -> every fitting machine",
        ),
    ],
)  # fmt: skip
def test_a_changed_rule_is_told_and_which_way_it_went(before: SpecTree, after: SpecTree, forth: str, back: str) -> None:
    assert told(before, after) == [forth]
    assert told(after, before) == [back]
    assert told(before, before) == []


@pytest.mark.parametrize(
    ("before", "after", "looser"),
    [
        (1, 2, True), (2, 1, False), ("10%", "50%", True), ("50%", "10%", False), ("9%", "10%", True),
        (1, "10%", True), ("10%", 1, True),  # without machines nobody can tell
    ],
)  # fmt: skip
def test_budgets_are_compared_where_they_can_be(before: int | str, after: int | str, looser: bool) -> None:
    (change,) = spec_changes(
        with_policy(max_unavailable={"default": before}), with_policy(max_unavailable={"default": after})
    )
    assert (change.what, change.before, change.after) == ("policy.max_unavailable.default", str(before), str(after))
    assert change.looser is looser


def test_a_budget_that_a_role_no_longer_has_is_the_default_one() -> None:
    """Whoever writes ``max_unavailable`` replaces all of it: controllers had one, and have a half now."""
    found = told(with_policy(), with_policy(max_unavailable={"default": "50%"}))
    assert "looser policy policy.max_unavailable.controller: 1 -> 50%" in found
    assert "looser policy policy.max_unavailable.default: 10% -> 50%" in found
    assert all(line.startswith("looser policy policy.max_unavailable.") for line in found)


def test_a_profile_that_begins_to_take_unlisted_disks_is_loosened() -> None:
    def profile(unlisted: str) -> SpecTree:
        found = with_fleet()
        found.profiles["store"] = KINDS["HardwareProfile"].model_validate(
            {"role": "swiftstore", "unlisted_disks": unlisted}
        )  # type: ignore[index]
        return found

    assert told(profile("ignore"), profile("use")) == [
        "looser protection HardwareProfile store unlisted_disks: ignore -> use"
    ]
    assert told(profile("use"), profile("refuse")) == ["protection HardwareProfile store unlisted_disks: use -> refuse"]


def test_clusters_come_and_go_and_are_linked() -> None:
    alone = {"cl1": cluster(controller={"count": 3})}
    store = {**cluster("sw1", 2, swiftstore={}), "domain": "sw.example.com"}
    linked = {"cl1": {**alone["cl1"], "links": {"swift": "sw1"}}, "sw1": store}
    assert told(tree(alone), tree(linked)) == [
        "cluster Cluster cl1 links.swift: none -> sw1",
        "cluster Cluster sw1 roles.swiftstore.count: none -> every fitting machine",
    ]
    assert told(tree(linked), tree({})) == [
        "cluster Cluster cl1 links.swift: sw1 -> none",
        "cluster Cluster cl1 roles.controller.count: 3 -> none",
        "cluster Cluster sw1 roles.swiftstore.count: every fitting machine -> none",
    ]


def test_what_is_loosened_comes_first_and_the_place_is_named() -> None:
    at = {("Fleet", "fleet"): {("policy", "max_destructive"): Location("fleet.yaml", 9, 5)}}
    after = with_fleet(policy={"max_destructive": 99}, release={"debian": "bookworm"})
    assert spec_changes(with_fleet(), replace(after, places=at)) == (
        SpecChange(RuleKind.POLICY, "policy.max_destructive", "10", "99", True, None, Location("fleet.yaml", 9, 5)),
        SpecChange(RuleKind.RELEASE, "release.debian", "trixie", "bookworm", False, None, None),
    )
