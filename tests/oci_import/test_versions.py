"""Where a new version of OCI has to be known by the import: said in a sentence when it is not."""

from collections.abc import Collection, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from reconciler.model.roles import BUILT_IN_ROLES
from reconciler.oci_import.versions import switches_gone, version_of
from reconciler.specs.settings_table import load_table

from ..reference import database, facts
from ..reference.clusters import VERSION

PAGE = Path(__file__).parents[2] / "docs/coming-from-oci.md"
OLDER = Path(__file__).parent / "older"
HERE = "reconciler/oci_import/versions.py"


def columns_of(version: str) -> set[str]:
    """Columns of the table ``clusters``."""
    differing = OLDER / f"{version}.yaml"
    lacks = yaml.safe_load(differing.read_text())["lacks"].get("clusters", ()) if differing.exists() else ()
    fixed = set(database.columns()["clusters"]) - set(facts.settings(VERSION)["clusters"])
    return fixed - set(lacks) | set(facts.settings(version)["clusters"])


def mistaken(columns: Mapping[str, Collection[str]]) -> list[str]:
    """A sentence for each version whose database is taken for another's, oldest first. None that adds a column is."""
    told = {version: version_of({"clusters": [dict.fromkeys(columns[version])]}) for version in columns}
    new = {version: set(columns[version]) - set(columns[before]) for before, version in pairwise(columns)}
    return [
        f"a database of OCI {version} is taken for one of {told[version]}: it lacks a line in _MARKS of {HERE}, "
        f"with a column that {version} and all later ones have, and none before, such as {min(new[version])}"
        for version in new
        if new[version] and told[version] != version
    ]


def lost(variables: Collection[str]) -> list[str]:
    """Variables whose values the import would lose."""
    switches = switches_gone({"name": "cl1", **dict.fromkeys(variables, "yes")}, BUILT_IN_ROLES)
    kept = {key for overlay in switches for values in overlay.spec["classes"].values() for key in values}
    return sorted(set(variables) - set(load_table()) - kept)


def test_the_database_of_every_version_is_told_from_that_of_the_one_before() -> None:
    if found := mistaken({version: columns_of(version) for version in facts.VERSIONS}):
        pytest.fail("\n".join(found), pytrace=False)


def test_a_version_that_is_taken_for_an_earlier_one_is_named() -> None:
    columns = {"43.0.45": columns_of("43.0.45"), "43.0.46": columns_of("43.0.45") | {"colour", "depth"}}
    (said,) = mistaken(columns)
    assert said.startswith("a database of OCI 43.0.46 is taken for one of 43.0.45: it lacks a line in _MARKS of")
    assert said.endswith("such as colour")
    assert mistaken({**columns, "43.0.46": columns["43.0.45"]}) == []


@pytest.mark.parametrize("version", facts.VERSIONS)
def test_no_variable_of_a_version_is_lost(version: str) -> None:
    found = lost({name for table in facts.settings(version).values() for name in table})
    assert not found, (
        f"OCI {version} has {', '.join(found)}: a row in reconciler/data/settings.yaml, "
        f"or, for a switch that later versions do not have, a line in _GONE of {HERE}"
    )


def test_a_variable_that_would_be_lost_is_named() -> None:
    assert lost({"swift_ec_enable", "nova_use_qemu_backports", "colour"}) == ["colour"]


def test_the_page_says_which_versions_are_read() -> None:
    versions = f"{facts.VERSIONS[0]} to {facts.VERSIONS[-1]}"
    assert f"({versions})" in PAGE.read_text(), f"docs/coming-from-oci.md does not say that {versions} are read"
