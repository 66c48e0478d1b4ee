"""Agreement with OCI 43.0.45 on racking and matching, except where OCI did not look at the disks."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.hardware.disks import disk_plan
from reconciler.hardware.match import match
from reconciler.hardware.racking import rack
from reconciler.hardware.report import parse_report
from reconciler.model.hardware import DiskPlan, Hardware, Match, Racked, Unracked
from reconciler.model.kinds import HardwareProfileSpec, RackingSpec
from reconciler.render.match import match_line

from ..reference import configuration
from ..reference.clusters import CLUSTERS, WITH_REPORTS, Machine, Place
from ..reference.facts import drawn_machines, drawn_profiles, no_controller_makes
from ..reference.reports import as_sent

GIB = 2**30


def racking_from_oci(config: Mapping[str, Any]) -> dict[str, RackingSpec]:
    """OCI's auto-racking.json as a Racking; its port table is an explicit map."""
    switches = {
        name: {
            "dc": place["dc"], "row": place["row"], "rack": place["rack"],
            "location": place.get("location-name"), "compute_aggregate": place.get("compute-aggregate"),
        }
        for name, place in config["switchhostnames"].items()
    }  # fmt: skip
    products = {name: {"height": size["num-u"]} for name, size in config["productnames"].items()}
    ports = {"map": {name: int(unit) for name, unit in config["switchportnames"].items()}}
    return {"oci": RackingSpec.model_validate({"switches": switches, "ports": ports, "products": products})}


def profile_from_oci(profile: Mapping[str, Any]) -> HardwareProfileSpec:
    """One of OCI's hardware profiles. It compares whole GiB, rounded down, so the upper end reaches the next GiB."""
    return HardwareProfileSpec.model_validate(
        {
            "role": profile["role"],
            "match": {
                "product": profile["product-name"],
                "memory": {end: f"{profile['ram'][end]}GiB" for end in ("min", "max")},
                "raid_controller": {"megacli": "megaraid", "none": "none"}[profile["hdd"]["controller"]],
            },
            "disks": [disk_rule_from_oci(layout) for layout in profile["hdd"]["layout"].values()],
            "unlisted_disks": "refuse" if profile["hdd"].get("hdd-num-exact-match") == "yes" else "ignore",
        }
    )


def disk_rule_from_oci(layout: Mapping[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "raid": layout["raid-type"],
        "by": "software" if layout["software-raid"] == "yes" else "controller",
    }
    if "device-list" in layout:
        number = len(layout["device-list"])
        return rule | {"devices": layout["device-list"], "count": {"min": number, "max": number}}
    low, high = f"{layout['size_min']}GiB", f"{(layout['size_max'] + 1) * GIB - 1}B"
    return rule | {"size": {"min": low, "max": high}, "count": {"min": layout["num_min"], "max": layout["num_max"]}}


@pytest.fixture(scope="module")
def rackings() -> dict[str, RackingSpec]:
    return racking_from_oci(configuration.recorded().auto_racking)


def oci_answers() -> Iterator[tuple[Hardware, Machine]]:
    """The machines of the three clusters: what they reported, and what OCI says of them."""
    for cluster in map(CLUSTERS.__getitem__, WITH_REPORTS):
        for machine in cluster.machines.values():
            yield parse_report(as_sent(cluster.reports[machine.serial])), machine


def as_oci_says(place: Racked | Unracked) -> Place | None:
    if isinstance(place, Unracked) or place.unit is None:
        return None
    return Place(place.dc, place.row, place.rack, place.unit, place.unit + place.height - 1)


def test_every_machine_of_the_clusters_stands_where_oci_says(rackings: dict[str, RackingSpec]) -> None:
    answers = [(as_oci_says(rack(hardware, rackings)), said.place) for hardware, said in oci_answers()]
    assert len(answers) > 50
    assert [ours for ours, _ in answers] == [said for _, said in answers]


WHY_NOWHERE = {
    "no-switch": "hears a switch",
    "unknown-product": "how high",
    "unknown-place": "no Racking knows",
}
"""What OCI lacks to say where a machine is, and a part of our own sentence about it."""


def test_random_machines_stand_where_oci_says(rackings: dict[str, RackingSpec]) -> None:
    seen: Counter[str] = Counter()
    for drawn in drawn_machines():
        place = rack(parse_report(as_sent(drawn.report)), rackings)
        if isinstance(drawn.place, Place):
            assert as_oci_says(place) == drawn.place
            seen["placed"] += 1
        else:
            assert isinstance(place, Unracked)
            assert WHY_NOWHERE[drawn.place] in place.reason
            seen["not placed"] += 1
    assert seen["placed"] > 300
    assert seen["not placed"] > 50


def explained(hardware: Hardware, profile: Mapping[str, Any], oci_took_it: bool) -> bool:
    """Whether OCI's answer differs for a reason it is known for, computed here without our matcher.

    H1: it never looks at the largest number, so with an exact match extras within it count as left over.
    H2: without a RAID controller it never looks at the disks.
    H3: it never asks of how many disks a controller can make a RAID level.
    """
    layouts = list(profile["hdd"]["layout"].values())
    if profile["hdd"]["controller"] == "none":
        return oci_took_it
    sizes = [math.floor(disk.size / GIB) for disk in hardware.physical_disks]
    if oci_took_it:
        return no_controller_makes(layouts, sizes)
    return len(sizes) > sum(layout["num_min"] for layout in layouts)


@pytest.mark.parametrize("source", ["random", "clusters"])
def test_profiles_match_as_in_oci_unless_it_did_not_count_disks(source: str) -> None:
    if source == "random":
        oci = drawn_profiles()
        cases = [(parse_report(as_sent(drawn.report)), drawn.profiles) for drawn in drawn_machines()]
    else:
        oci = configuration.recorded().hardware_profiles
        cases = [(hardware, said.profiles) for hardware, said in oci_answers()]
    profiles = {name: profile_from_oci(profile) for name, profile in oci.items()}
    same, different = 0, Counter[bool]()
    for hardware, guessed in cases:
        ours = match(hardware, profiles)
        assert set(ours.profiles) | set(ours.refused) == set(profiles)
        for name in profiles:
            taken = name in guessed
            if (name in ours.profiles) == taken:
                same += 1
                continue
            different[taken] += 1
            assert explained(hardware, oci[name], taken), (hardware.serial, name, ours.refused.get(name))
            if taken:
                assert re.search("disk", ours.refused[name])
    assert same > 30 * sum(different.values())


def test_what_we_take_beyond_oci_is_within_the_numbers_of_the_profile() -> None:
    profiles = {name: profile_from_oci(profile) for name, profile in drawn_profiles().items()}
    plans = 0
    for drawn in drawn_machines():
        hardware = parse_report(as_sent(drawn.report))
        for name in match(hardware, profiles).profiles:
            plan = disk_plan(hardware, profiles[name])
            assert isinstance(plan, DiskPlan)
            plans += 1
            assert not plan.left_over or profiles[name].unlisted_disks == "ignore"
            everything = [disk for taken in plan.taken for disk in taken.disks] + list(plan.left_over)
            assert sorted(map(repr, everything)) == sorted(map(repr, hardware.physical_disks or hardware.disks))
            for rule, taken in zip(profiles[name].disks, plan.taken, strict=True):
                assert (rule.count.min or 0) <= len(taken.disks) <= (rule.count.max or 0)
    assert plans > 50


def test_every_line_that_match_prints_follows_its_schema(rackings: dict[str, RackingSpec]) -> None:
    schema = json.loads((Path(__file__).parents[2] / "schemas/match.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for drawn in drawn_machines():
        hardware = parse_report(as_sent(drawn.report))
        place = rack(hardware, rackings)
        found = Match(("compute-r640",), {"other": "product"})
        line = match_line(hardware, found, place)
        validator.validate(json.loads(json.dumps(line)))
