"""Which value is in force for a node, and the line it came from."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.diagnostics import Location
from reconciler.model.in_force import (
    Effective,
    Memo,
    Place,
    SettingsAt,
    Sourced,
    all_levels,
    effective,
    levels,
    written_at,
)
from reconciler.model.kinds import ClusterSpec, FleetSpec, HardwareProfileSpec, MachineSpec
from reconciler.model.settings import LEVELS, SettingRow, SettingsTable
from reconciler.model.tree import SpecTree
from reconciler.specs.settings_table import load_table

TABLE = {
    "cpu_mode": SettingRow("cpu_mode", "string", "host-passthrough", LEVELS, "CPU that instances see."),
    "amphora": SettingRow("amphora", "list", None, LEVELS, "Unset until somebody sets it."),
}
PLACE = Place("cl1", "compute", "r640", "2S2JGM2")
LINES = {"fleet": 3, "cluster": 5, "role": 7, "profile": 11, "machine": 13}


def tree(table: SettingsTable = TABLE, **said: Mapping[str, Any]) -> SpecTree:
    """A fleet of one machine in which each named level sets something."""
    said = {level: {"settings": said.get(level, {})} for level in LEVELS}
    held = {
        ("Fleet", "fleet"): {("settings", "cpu_mode"): LINES["fleet"]},
        ("Cluster", "cl1"): {
            ("settings", "cpu_mode"): LINES["cluster"],
            ("roles", "compute", "settings", "cpu_mode"): LINES["role"],
        },
        ("HardwareProfile", "r640"): {("settings", "cpu_mode"): LINES["profile"]},
        ("Machine", "2S2JGM2"): {("settings", "cpu_mode"): LINES["machine"]},
    }
    provisioning = {"address": "192.0.2.1", "trusted_networks": ["192.0.2.0/24"]}
    return SpecTree(
        fleet=FleetSpec.model_validate({"provisioning": provisioning, **said["fleet"]}),
        clusters={
            "cl1": ClusterSpec.model_validate(
                {"domain": "example.com", "roles": {"compute": said["role"]}, **said["cluster"]}
            )
        },
        profiles={"r640": HardwareProfileSpec.model_validate({"role": "compute", **said["profile"]})},
        machines={"2S2JGM2": MachineSpec.model_validate(said["machine"])},
        places={
            document: {path: Location("specs.yaml", line, 1) for path, line in lines.items()}
            for document, lines in held.items()
        },
        settings_table=table,
    )


def of_the_machine(tree: SpecTree, memo: Memo | None = None) -> Effective:
    return effective(tree, PLACE, memo)


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_wins_over_every_wider_one(level: str) -> None:
    wider = LEVELS[: LEVELS.index(level) + 1]
    found = of_the_machine(tree(**{name: {"cpu_mode": f"said by {name}"} for name in wider}))
    assert found["cpu_mode"] == Sourced(f"said by {level}", f"specs.yaml:{LINES[level]}", written=True)


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_alone_is_enough(level: str) -> None:
    found = of_the_machine(tree(**{level: {"cpu_mode": "custom"}}))
    assert found["cpu_mode"] == Sourced("custom", f"specs.yaml:{LINES[level]}", written=True)


@pytest.mark.parametrize("level", LEVELS)
def test_a_setting_asked_for_alone_is_what_all_together_say(level: str) -> None:
    specs = tree(**{level: {"cpu_mode": "custom"}})
    alone, together = SettingsAt(specs, PLACE), effective(specs, PLACE)
    assert {name: alone[name] for name in TABLE} == {name: together[name].value for name in TABLE}


def test_all_that_is_written_of_a_setting_is_told_widest_first_with_its_line() -> None:
    specs = tree(**{level: {"cpu_mode": level} for level in ("machine", "role", "fleet")})
    expected = [(level, level, f"specs.yaml:{LINES[level]}") for level in ("fleet", "role", "machine")]
    assert written_at(specs, "cpu_mode", PLACE) == expected
    assert [one.level for one in written_at(specs, "cpu_mode", PLACE._replace(role="controller"))] == [
        "fleet",
        "machine",
    ]


def test_the_levels_of_all_nodes_are_those_of_one() -> None:
    specs = tree()
    assert list(all_levels(specs)) == list(levels(specs, PLACE))


@pytest.mark.parametrize(("written", "text"), [("custom", "custom"), ("", None), ("none", None)])
def test_a_text_that_is_empty_or_none_is_no_text(written: str, text: str | None) -> None:
    assert SettingsAt(tree(machine={"cpu_mode": written}), PLACE).text("cpu_mode") == text


def test_what_nobody_says_is_the_default_and_every_name_is_there() -> None:
    found = of_the_machine(tree())
    assert found == {"cpu_mode": Sourced("host-passthrough", "default"), "amphora": Sourced(None, "default")}


@pytest.mark.parametrize(
    ("whom", "expected"),
    [
        ({"profile": ""}, "role"),
        ({"profile": "left git"}, "role"),
        ({"role": "controller"}, "profile"),
        ({"cluster": "left git", "profile": ""}, "fleet"),
        ({"serial": "another", "profile": ""}, "role"),
    ],
)
def test_a_machine_elsewhere_has_what_remains(whom: dict[str, Any], expected: str) -> None:
    everybody = tree(**{level: {"cpu_mode": level} for level in LEVELS if level != "machine"})
    assert effective(everybody, PLACE._replace(**whom))["cpu_mode"].value == expected


def test_a_place_nobody_recorded_names_the_document() -> None:
    found = of_the_machine(replace(tree(fleet={"cpu_mode": "custom"}), places={}))
    assert found["cpu_mode"].origin == "Fleet fleet"


def test_machines_alike_share_one_mapping() -> None:
    memo: Memo = {}
    fleet = tree(role={"cpu_mode": "custom"})
    several = [effective(fleet, PLACE._replace(serial=serial), memo) for serial in ("A", "B", "C")]
    assert len({id(one) for one in several}) == 1


def test_values_keep_the_types_they_were_written_in() -> None:
    said = {"use_gpu": True, "vfio_ids": ["10de:1eb8"], "cpu_allocation_ratio": 4, "gpu_vendor_id": "10de"}
    found = of_the_machine(tree(load_table(), machine=said))
    assert [found[name].value for name in said] == [True, ("10de:1eb8",), 4, "10de"]
    assert set(found) == set(load_table())
