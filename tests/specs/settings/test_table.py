"""The settings table: well-formed, and complete against what OCI lets operators set."""

import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.model.settings import LEVELS, TYPES, SettingRow, for_puppet, problem_with
from reconciler.render.settings import render_settings_page
from reconciler.specs.settings_table import load_table

from ...reference.database import Column
from ...reference.facts import Variable

Columns = Mapping[str, Mapping[str, Column]]

TABLE = load_table()
ROWS = list(TABLE.values())
NOT_SETTINGS = yaml.safe_load((Path(__file__).parent / "not_settings.yaml").read_text())
TEXT = (Path(__file__).parents[3] / "reconciler/data/settings.yaml").read_text()

OCI_ROLES = {
    *("compute", "controller", "network", "volume", "sql", "sqlmsg", "messaging", "cephmon", "cephosd", "swiftproxy"),
    *("swiftstore", "custom", "debmirror", "tempest", "billosd", "billmon", "dns", "metal", "radosgw", "elastic"),
    "all",
}
OCI_TYPES = {"text": "string", "fqdn": "string", "ip_list": "list"}
ONLY_WITH_COMPUTES = {"install_heat", "install_barbican"}
"""Clusters without instances lack these unless they ask for them; OCI gives them to all, and an import says so."""
LISTS_THAT_OCI_KEEPS_AS_TEXT = {"vfio_ids": " "}
"""Where OCI's database has another separator than its Puppet classes."""


def left_out(table: str) -> set[str]:
    return {column for group in NOT_SETTINGS[table].values() for column in group}


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_a_row_is_well_formed(row: SettingRow) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", row.name)
    assert row.type in TYPES
    assert row.levels and tuple(sorted(row.levels, key=LEVELS.index)) == row.levels
    assert set(row.roles) <= OCI_ROLES
    assert bool(row.choices) == (row.type == "choice")
    assert row.min is None or row.type in ("int", "float")
    assert row.separator is None or row.type == "list"
    assert row.default is None or not row.otherwise
    if row.default is not None:
        assert problem_with(row, row.default, row.levels[0]) is None


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_the_help_is_one_sentence_of_substance(row: SettingRow) -> None:
    assert 30 <= len(row.help) <= 160
    assert row.help[0].isupper() and row.help.endswith(".")
    assert "\n" not in row.help
    assert row.help.lower().rstrip(".").replace(" ", "_") != row.name


def test_no_two_rows_say_the_same() -> None:
    assert len({row.help for row in ROWS}) == len(ROWS)


def test_every_row_is_on_a_line_of_its_own_below_a_heading() -> None:
    lines = TEXT.splitlines()
    assert sum(line.startswith("- {name: ") and line.endswith("}") for line in lines) == len(TABLE)
    assert all(re.match(r"$|#( |$)|- \{|[A-Z][^:]+:$", line) for line in lines)


def test_rows_of_a_subject_stand_together() -> None:
    subjects = [subject for subject, _ in groupby(row.subject for row in ROWS)]
    assert len(subjects) == len(set(subjects))


def test_the_page_for_people_is_up_to_date() -> None:
    page = Path(__file__).parents[3] / "docs/settings.md"
    assert page.read_text() == render_settings_page(TABLE), "run: make schemas"


def test_no_name_is_given_twice() -> None:
    names = re.findall(r"^- \{name: (\w+)", TEXT, re.MULTILINE)
    assert len(names) == len(set(names)) == len(TABLE)


def test_passwords_are_never_shown() -> None:
    assert {row.name for row in ROWS if "password" in row.name} <= {row.name for row in ROWS if row.secret}


def test_every_name_that_a_help_mentions_exists() -> None:
    words = ("cluster_value", "extswift_")
    for row in ROWS:
        for name in re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b", row.help):
            assert name in TABLE or name.startswith(words), f"{row.name} speaks of {name}"


def test_every_variable_of_oci_has_a_row_with_its_type_default_and_roles(variables: dict[str, Variable]) -> None:
    assert set(variables) <= set(TABLE)
    for name, fact in variables.items():
        row = TABLE[name]
        assert row.type in (OCI_TYPES.get(fact.type, fact.type), "list", "choice"), name
        if name in ONLY_WITH_COMPUTES:
            assert (row.default, fact.default) == (None, "yes"), name
            continue
        assert as_oci_writes(row) == (float(fact.default) if fact.type == "float" else fact.default), name
        assert not fact.roles or row.roles == fact.roles, name


def test_every_column_of_oci_is_a_row_or_is_left_out_for_a_reason(columns: Columns) -> None:
    for table, known in columns.items():
        assert set(known) - set(TABLE) == left_out(table)


OTHER_THAN_OCI = {"hw_machine_type": "x86_64=q35"}
"""Defaults that are not OCI's: Nova ignores a machine type without an architecture."""


def test_a_column_that_is_a_row_has_its_default(columns: Columns, variables: dict[str, Variable]) -> None:
    for name, column in {**columns["machines"], **columns["clusters"]}.items():
        if name in TABLE and name not in variables:
            ours, theirs = as_oci_writes(TABLE[name]), column.by_itself
            assert ours == OTHER_THAN_OCI.get(name, theirs) and (name in OTHER_THAN_OCI) == (ours != theirs), name


def test_a_choice_offers_what_the_database_takes(columns: Columns) -> None:
    for name, column in {**columns["machines"], **columns["clusters"]}.items():
        words = set(re.findall("'([^']*)'", column.type)) if column.type.startswith("enum") else set()
        if name in TABLE and words:
            row = TABLE[name]
            assert words == ({"yes", "no"} if row.type == "boolean" else set(row.choices)), name


def as_oci_writes(row: SettingRow) -> Any:
    if row.type == "boolean":
        return "yes" if row.default else "no"
    if row.type == "float":
        return row.default
    if row.type == "list" and row.default is not None:
        separator = LISTS_THAT_OCI_KEEPS_AS_TEXT.get(row.name, row.separator)
        return separator.join(row.default) if separator else row.default
    return None if row.default is None else str(row.default)


def test_a_list_becomes_the_text_that_puppet_takes() -> None:
    assert for_puppet(TABLE["neutron_dnsmasq_dns_servers"], ("9.9.9.9", "1.1.1.1")) == "9.9.9.9;1.1.1.1"
    assert for_puppet(TABLE["neutron_az_list"], ("az1", "az2")) == "az1/az2"
    assert for_puppet(TABLE["vfio_ids"], ()) == ""
    assert for_puppet(TABLE["amp_secgroup_list"], None) is None
    assert for_puppet(TABLE["asn"], 65001) == 65001
