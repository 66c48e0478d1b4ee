"""What an operator is told about a setting that cannot be."""

from typing import Any

import pytest

from reconciler.model.settings import problem_with
from reconciler.specs.settings_table import load_table

TABLE = load_table()


@pytest.mark.parametrize(
    ("name", "value", "level", "problem"),
    [
        ("install_heat", True, "cluster", None),
        ("install_heat", "yes", "cluster", 'must be true or false, not "yes"'),
        ("install_heat", 1, "cluster", "must be true or false, not 1"),
        ("install_heat", True, "machine", "cannot be set for a machine; set it for the whole fleet or a cluster"),
        (
            "mysql_max_connections",
            1,
            "machine",
            "cannot be set for a machine; set it for the whole fleet, a cluster or a role of a cluster",
        ),
        ("swift_part_power", 19, "fleet", None),
        ("swift_part_power", "19", "fleet", 'must be a whole number (bits), not "19"'),
        ("swift_part_power", 19.0, "fleet", "must be a whole number (bits), not 19.0"),
        ("swift_part_power", True, "fleet", "must be a whole number (bits), not true"),
        ("swift_part_power", 64, "fleet", "must be at most 32 bits, not 64"),
        ("swift_part_power", 0, "fleet", "must be at least 1 bits, not 0"),
        ("cpu_allocation_ratio", 4, "profile", None),
        ("cpu_allocation_ratio", 1.5, "profile", None),
        ("cpu_allocation_ratio", float("nan"), "profile", "must be at least 0, not nan"),
        ("cpu_mode", "custom", "profile", None),
        ("cpu_mode", "pass", "profile", 'must be "host-model", "host-passthrough" or "custom", not "pass"'),
        ("cpu_mode", ("custom",), "profile", 'must be "host-model", "host-passthrough" or "custom", not a list'),
        ("raid_type", 10, "profile", 'must be "0", "1", "10" or "5", not 10'),
        ("neutron_az_list", ("az1", "az2"), "cluster", None),
        ("neutron_az_list", (), "cluster", None),
        ("neutron_az_list", "az1", "cluster", 'must be a list, such as ["az1"], not "az1"'),
        ("neutron_az_list", ("a/b",), "cluster", 'must not have "/" inside an item: "a/b"; write two items'),
        ("neutron_az_list", ("",), "cluster", "must not have an empty item"),
        ("neutron_az_list", (1,), "cluster", "must be a list of texts, not 1; put it in quotes"),
        ("manila_network_division_mask", 27, "fleet", "must be a text, not 27; put it in quotes"),
        ("haproxy_timeout_queue", "90s", "role", None),
        ("haproxy_timeout_queue", "1 min", "role", 'must look like "1m", not like "1 min"'),
        ("vmms_migration_start_time", "25:00", "cluster", 'must look like "02:00", not like "25:00"'),
        ("dhcp_domain", "a\nb", "fleet", "must be one line without control characters"),
        ("extswift_password", 12345678, "cluster", "must be a text, not what stands there; put it in quotes"),
    ],
)
def test_the_problem_with_a_value(name: str, value: Any, level: str, problem: str | None) -> None:
    assert problem_with(TABLE[name], value, level) == (f'"{name}" {problem}.' if problem else None)


def test_a_long_value_is_cut_in_the_message() -> None:
    problem = problem_with(TABLE["haproxy_timeout_queue"], "x" * 5000, "cluster")
    assert problem is not None
    assert len(problem) < 200
