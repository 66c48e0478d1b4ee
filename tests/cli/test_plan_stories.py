"""Plans of pull requests as their reviewers read them: eight stories, in text and Markdown, of one cloud in service.

What a story gives is in ``plans/``. ``GOLDEN=overwrite pytest`` writes it anew; read the diff as a reviewer would.
"""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import PROXY, STORE, Laid

PLANS = Path(__file__).parent / "plans"
LAST_STORE = "swift01-swiftstore-6.example.com"


def more(laid: Laid, file: str, text: str) -> None:
    """Write another file of specs."""
    (laid.specs / file).write_text(f"apiVersion: reconciler/v1\n{text}")


def growth_by_three(laid: Laid) -> None:
    """Two machines are there for three places."""
    laid.change("swiftstore: {count: 6", "swiftstore: {count: 9")


def a_bit_of_everything(laid: Laid) -> None:
    """A reinstall, a decommission, a smaller pool, and a cluster that is new."""
    more(
        laid,
        "machines/more.yaml",
        f"kind: Machine\nmetadata: {{name: {laid.serial(STORE)}}}\nspec: {{reinstall: again, data_disks: erase}}\n"
        "---\napiVersion: reconciler/v1\n"
        f"kind: Machine\nmetadata: {{name: {laid.serial(PROXY)}}}\nspec: {{lifecycle: decommissioned}}\n",
    )
    laid.change("swiftstore: {count: 6", "swiftstore: {count: 5")
    more(
        laid,
        "clusters/swift02.yaml",
        "kind: Cluster\nmetadata: {name: swift02}\nspec:\n  domain: example.com\n  networks:\n"
        "    swift02-mgmt: {subnet: 192.168.120.0/24, interfaces: [10g1, 10g2]}\n"
        "    swift02-public: {subnet: 203.0.114.0/28, public: true, interfaces: [10g1, 10g2]}\n"
        "  roles: {controller: {count: 3}, swiftstore: {count: 3}}\n",
    )


def policy_loosened(laid: Laid) -> None:
    """No machine's step changes today."""
    laid.change("foreign_data: approval ", "foreign_data: automatic", "fleet.yaml")
    laid.change("reinstall: approval", "reinstall: automatic", "fleet.yaml")
    laid.change("swiftstore: 1, default: 10%", "swiftstore: 3, default: 10%", "fleet.yaml")


def hook_added(laid: Laid) -> None:
    """A hook that the daemon's configuration does not define."""
    laid.change("  policy:\n", "  hooks: {dns: powerdns}\n\n  policy:\n", "fleet.yaml")


def another_release(laid: Laid) -> None:
    """A slip of the pen, in force for nobody, as the cluster has nodes."""
    laid.change("openstack: epoxy", "openstack: dalmatian", "fleet.yaml")


def a_comment_on_a_branch_that_is_behind(laid: Laid) -> None:
    """The branch has a comment more than where it began; what is in force has grown since then."""
    laid.change("swiftstore: {count: 6", "swiftstore: {count: 8")
    laid.commit()
    laid.look()
    subprocess.run(["git", "switch", "--quiet", "--create", "comment", "HEAD~1"], cwd=laid.specs, check=True)
    laid.change("  rings:", "  # Rings grow by themselves.\n  rings:")
    laid.commit()


def a_setting_of_all_nodes(laid: Laid) -> None:
    laid.change("time_server_host: 0.debian.pool.ntp.org", "time_server_host: ntp.example.com", "fleet.yaml")


def two_clusters_linked(laid: Laid) -> None:
    """A compute cluster that keeps its images in the Swift of the other."""
    more(
        laid,
        "clusters/cl2.yaml",
        "kind: Cluster\nmetadata: {name: cl2}\nspec:\n  domain: example.com\n  links: {swift: swift01}\n  networks:\n"
        "    cl2-mgmt: {subnet: 192.168.120.0/24, interfaces: [10g1, 10g2]}\n"
        "    cl2-vms: {subnet: 192.168.121.0/24, role: vm-net, interfaces: [10g1, 10g2], vlan: 121}\n"
        "    cl2-public: {subnet: 203.0.114.0/28, public: true, interfaces: [10g1, 10g2]}\n"
        "  roles: {controller: {count: 3}, compute: {count: 2}}\n",
    )
    more(
        laid,
        "hardware-profiles/compute.yaml",
        "kind: HardwareProfile\nmetadata: {name: compute}\n"
        "spec: {role: compute, match: {product: [PowerEdge R640]}, disks: [{size: {min: 200GB, max: 1TB}}]}\n",
    )


STORIES: tuple[Callable[[Laid], None], ...] = (
    growth_by_three,
    a_bit_of_everything,
    policy_loosened,
    hook_added,
    another_release,
    a_comment_on_a_branch_that_is_behind,
    a_setting_of_all_nodes,
    two_clusters_linked,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_reviewer_reads(story: Callable[[Laid], None], on: Any, laid: Laid, monkeypatch: pytest.MonkeyPatch) -> None:
    story(laid)
    monkeypatch.chdir(laid.specs.parent)
    for suffix, arguments in ((".txt", ()), (".md", ("--format", "markdown"))):
        said = on("--specs", laid.specs.name, "plan", "--base", "--detailed-exitcode", *arguments)
        got = f"{the_same_each_time(said.out + said.err, laid)}exit status {said.status}\n"
        golden = PLANS / f"{story.__name__}{suffix}"
        if os.environ.get("GOLDEN") == "overwrite":
            golden.write_text(got)
        assert got == golden.read_text(), f"{golden} differs; GOLDEN=overwrite rewrites it"


def test_a_branch_that_lacks_what_it_is_compared_with_is_told_so(on: Any, laid: Laid) -> None:
    a_comment_on_a_branch_that_is_behind(laid)
    plan = ("--specs", laid.specs, "plan", "--detailed-exitcode")
    for base, called in (
        ((), "the commit in force, "),
        (("--base",), "the commit in force, "),
        (("--base", "main"), "main"),
    ):
        said = on(*plan, *base)
        assert f"The branch: it does not have {called}" in said.out
        assert said.status == 2
    began = said.out.rpartition("plan --base ")[2].split()[0]
    alone = on(*plan, "--base", began)
    assert (alone.out.startswith("No changes. "), alone.status) == (True, 0)


def test_a_branch_that_lacks_nothing_of_the_specs_is_not(on: Any, laid: Laid) -> None:
    (laid.specs.parent / "README").write_text("Beside the specs.")
    laid.commit()
    laid.look()
    subprocess.run(["git", "switch", "--quiet", "--create", "behind", "HEAD~1"], cwd=laid.specs, check=True)
    assert on("--specs", laid.specs, "plan", "--base", "--detailed-exitcode").out.startswith("No changes. ")


def the_same_each_time(text: str, laid: Laid) -> str:
    """Without what differs from run to run: where the database is, commits, digests, moments."""
    text = text.replace(str(laid.folder), "SITE")
    text = re.sub(r"\b[0-9a-f]{12,40}\b", "DIGEST", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "MOMENT", text)
