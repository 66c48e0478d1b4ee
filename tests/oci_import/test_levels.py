"""At which level settings of OCI's rows are written, and which are left out."""

import pytest

from reconciler.model.settings import SettingsTable
from reconciler.oci_import.levels import spread_settings
from reconciler.oci_import.machines import OciMachine
from reconciler.oci_import.yaml_documents import Noted


def machine(role: str) -> OciMachine:
    return OciMachine(
        row={"hw_machine_type": "cluster_value"}, serial="S1", hardware=None, cluster="z", role=role, location=None,
        hostname=f"z-{role}-1.example.com", addresses={}, address="", heard_at=None, status=None, installed=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("role", "kept"), [("compute", {"hw_machine_type": "q35"}), ("controller", {})], ids=["computes", "none"]
)
def test_the_machine_type_that_nova_ignores_is_kept_where_there_are_computes(
    table: SettingsTable, role: str, kept: dict[str, str]
) -> None:
    levels = spread_settings([{"name": "z", "hw_machine_type": "q35"}], [machine(role)], {}, table)
    assert levels.clusters["z"] == kept
    assert (levels.fleet, levels.roles, levels.machines, levels.leftover) == ({}, {}, {}, [])


def test_an_operator_is_told_of_a_machine_type_that_nova_ignores(table: SettingsTable) -> None:
    levels = spread_settings([{"name": "z", "hw_machine_type": "q35"}], [machine("compute")], {}, table)
    written = levels.marked(levels.clusters["z"])["hw_machine_type"]
    assert isinstance(written, Noted)
    assert "Nova ignores" in str(written.comment)
