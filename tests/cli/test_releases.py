"""Another release for a cluster with nodes is held and told: no node gets other sources by an ordinary Puppet run."""

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from ..ring_states import as_built
from .conftest import STORE, Cli, Laid
from .test_revisions import enc, plan_of

__all__ = ["plan_of"]

RELEASE = "release: {openstack: epoxy, debian: trixie}"
WANTED = "release: {openstack: flamingo, debian: trixie}"


def documents(laid: Laid) -> dict[str, str | None]:
    """The digest of every node's document, after a pass of the daemon's over the newest specs."""
    with closing(laid.open()) as site:
        looked = site.specs.look()
        assert looked.loaded is not None and looked.loaded.tree is not None
        observation = site.observe(looked.loaded.tree)
        site.keep_facts(looked.loaded.tree, observation, frozenset())
        return {
            m.allocation.hostname: site.documents.digest(m.allocation.hostname)
            for m in observation.machines
            if m.allocation
        }


def test_a_plan_holds_another_release_and_says_why(plan_of: Callable[..., Any], laid: Laid) -> None:
    plan_of(laid.specs)  # observed before
    laid.change(RELEASE, WANTED, "fleet.yaml")
    laid.change("swiftstore: {count: 6", "swiftstore: {count: 8")
    said = plan_of(laid.specs, "--format", "json", "--detailed-exitcode")
    assert (said.status, enc(said), said.json["summary"]["act"]) == (2, [], 0)
    note = said.json["notes"]["OpenStack of swift01"]
    assert f"the specs say flamingo ({laid.specs}/fleet.yaml:9), and epoxy is kept" in note
    text = plan_of(laid.specs).out
    assert "put epoxy back, then enroll" in text
    assert "would erase 2 machines' disks" in text


def test_the_daemon_gives_nodes_the_documents_of_what_they_were_installed_with(on: Any, laid: Laid) -> None:
    before, classes = documents(laid), on("enc", STORE).out
    laid.change(RELEASE, WANTED, "fleet.yaml")
    laid.commit()
    assert documents(laid) == before
    assert on("enc", STORE).out == classes
    said = on("plan", "--format", "json").json
    assert {step["kind"] for step in said["steps"] if step["hostname"]} == {"settled"}
    assert list(said["notes"]) == ["OpenStack of swift01"]
    laid.change(WANTED, RELEASE, "fleet.yaml")
    laid.commit()
    assert documents(laid) == before
    assert on("plan", "--detailed-exitcode").status == 0


def test_a_release_that_nobody_made_is_no_release(cli: Cli, laid: Laid) -> None:
    laid.change(RELEASE, "release: {openstack: expoxy}", "fleet.yaml")
    said = cli("--specs", laid.specs, "validate")
    assert (said.status, 'Did you mean "epoxy"?' in said.out) == (1, True)


def test_another_part_power_under_stored_objects_is_refused(on: Any, plan_of: Callable[..., Any], laid: Laid) -> None:
    documents(laid)  # the daemon sees them serve
    laid.change("part_power: 14", "part_power: 18")
    said = plan_of(laid.specs, "--format", "json", "--detailed-exitcode")
    assert said.status == 2
    assert said.json["notes"]["swift_part_power of swift01"] == (
        f"the specs say 18 ({laid.specs}/clusters/swift01.yaml:37), and 14 is kept: what is stored lies where 14 "
        "put it; a part power rises by Swift's own relink procedure alone (swift-ring-builder "
        "prepare_increase_partition_power, then swift-object-relinker), and never falls. Put 14 back"
    )
    assert said.json["warnings"] == []


def test_validate_tells_as_errors_what_clusters_with_nodes_cannot_take(
    on: Any, cli: Cli, laid: Laid, tmp_path: Path
) -> None:
    documents(laid)
    on("observe", "--output", tmp_path / "fleet.json")
    asked = ("--specs", laid.specs, "validate", "--observed", tmp_path / "fleet.json")
    assert cli(*asked).status == 0
    laid.change("part_power: 14", "part_power: 18")
    said = cli(*asked)
    assert (said.status, "Error: A cluster that has nodes keeps this" in said.out) == (1, True)
    assert f"at {laid.specs}/clusters/swift01.yaml:37:" in said.out
    assert cli("--specs", laid.specs, "validate").status == 0


POLICIES = """rings:
    part_power: 14
    policies:
      - {name: Policy-0, index: 0, default: true}
      - {name: ec, index: 1, type: erasure_coding, ec_type: liberasurecode_rs_vand, data: 4, parity: 2}
"""


def test_documents_follow_no_policy_that_changed_once_its_ring_was_built(on: Any, laid: Laid) -> None:
    laid.change("rings: {part_power: 14, replicas: 3, ramp: 25%}\n", POLICIES)
    laid.commit()
    documents(laid)
    laid.change("index: 1, type", "index: 3, type")  # nobody can store in it yet: it may still be put right
    laid.commit()
    documents(laid)
    assert re.search(r"swift_ec_policy_index: ['\"]?3['\"]?\n", on("enc", STORE).out)
    with closing(laid.open()) as site:
        site.specs.look()
        made = [one for one in as_built(site.specs.tree(), site.observe()) if one.state.name == "object-3"]
        site.store.keep_rings(made, {}, "a test says so", site.now())
    before = documents(laid)
    laid.change("index: 3, type", "index: 4, type")
    laid.commit()
    assert documents(laid) == before
    assert list(on("plan", "--format", "json").json["notes"])[:1] == ["swift_ec_policy_index of swift01"]
    laid.change(POLICIES.replace("index: 1", "index: 4"), "rings: {part_power: 14}\n")
    laid.commit()
    assert documents(laid) == before
    assert list(on("plan", "--format", "json").json["notes"])[:1] == ["swift_ec_enable of swift01"]
