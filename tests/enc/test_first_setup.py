"""How far the first setup has come, from what each machine has been through."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.enc.compile import compile_node
from reconciler.enc.view import ClusterInput, views

from .openstack import machine, openstack, rows

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HYPERCONVERGED = "{compute_is_cephosd: true}"


def at(minutes: int | None) -> datetime | None:
    return None if minutes is None else NOON + timedelta(minutes=minutes)


def gone_through(given: ClusterInput, **times: tuple[int | None, int | None]) -> ClusterInput:
    """The cluster with minutes at which installs began and nodes came into service, by short name."""
    members = []
    for member in given.members:
        short = member.allocation.hostname.partition(".")[0].removeprefix("os-").replace("-", "_")
        begun, served = times.get(short, (None, None))
        come = served is not None and (begun is None or served >= begun)
        members.append(replace(member, begun_at=at(begun), served_at=at(served), in_service=come))
    return replace(given, members=tuple(members))


def bare(controllers: int = 2, computes: int = 2, **nodes: int) -> ClusterInput:
    more = "---\n".join(machine(f"OS-COMPUTE-{n}", HYPERCONVERGED) for n in range(1, computes + 1))
    return openstack({"controller": controllers, "compute": computes, **nodes}, more=more)


def class_of(given: ClusterInput, short: str) -> str:
    classes = compile_node(views(given)[f"os-{short}.example.com"]).classes
    (own,) = [n for n in classes if not n.startswith("oci::repos") and n not in ("oci::generic", "oci::filebeat")]
    return own


ALL_UP = {"controller_1": (0, 9), "controller_2": (0, 10), "compute_1": (1, 12), "compute_2": (1, 14)}


def test_databases_are_made_until_every_controller_is_in_service() -> None:
    given = openstack({"controller": 2})
    assert rows(given)["initial_cluster_setup"] is True
    assert rows(gone_through(given, controller_1=(0, 9)))["initial_cluster_setup"] is True
    assert rows(gone_through(given, controller_1=(0, 9), controller_2=(0, 10)))["initial_cluster_setup"] is False


def test_where_ceph_comes_first_in_service_says_nothing_of_databases() -> None:
    """The controllers were in service as monitors: as controllers they got no databases."""
    given = gone_through(bare(), **ALL_UP)
    assert class_of(given, "controller-1") == "oci::controller"
    assert rows(given)["initial_cluster_setup"] is True
    assert rows(replace(given, set_up=True))["initial_cluster_setup"] is False


def test_a_controller_that_is_reinstalled_is_set_up_again_unless_an_operator_says_no() -> None:
    again = {"controller_1": (0, 9), "controller_2": (30, 10)}
    assert rows(gone_through(openstack({"controller": 2}), **again))["initial_cluster_setup"] is True
    given = openstack({"controller": 2}, settings="{initial_cluster_setup: false}")
    assert rows(gone_through(given, **again))["initial_cluster_setup"] is False


def test_once_all_controllers_were_in_nothing_brings_the_first_setup_back() -> None:
    given = replace(openstack({"controller": 2}), set_up=True)
    assert rows(given)["initial_cluster_setup"] is False
    again = {"controller_1": (0, 9), "controller_2": (30, 10)}
    assert rows(gone_through(given, **again))["initial_cluster_setup"] is False


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({}, "oci::cephmon"),
        ({"controller_1": (0, 9), "controller_2": (0, 10)}, "oci::cephmon"),
        ({**ALL_UP, "compute_2": (1, None)}, "oci::cephmon"),
        (ALL_UP, "oci::controller"),
        ({**ALL_UP, "controller_2": (30, 10)}, "oci::controller"),
        ({**ALL_UP, "compute_1": (30, 12)}, "oci::controller"),
        ({**ALL_UP, "compute_2": (None, 14)}, "oci::controller"),
    ],
    ids=["nothing yet", "controllers only", "one compute to go", "all up", "controller again", "compute again", "left"],
)
def test_controllers_are_monitors_alone_until_all_osds_were_up_once(
    times: dict[str, tuple[int | None, int | None]], expected: str
) -> None:
    assert class_of(gone_through(bare(), **times), "controller-1") == expected


@pytest.mark.parametrize("newcomer", [{}, {"compute_3": (40, None)}, {"controller_3": (40, None)}])
def test_newcomers_do_not_send_a_running_cluster_back(newcomer: dict[str, tuple[int | None, int | None]]) -> None:
    grown = gone_through(bare(3, 3), **{**ALL_UP, **newcomer})
    assert class_of(grown, "controller-1") == "oci::controller"


def test_monitors_of_their_own_make_the_first_stage_needless() -> None:
    assert class_of(bare(cephmon=3), "controller-1") == "oci::controller"
    assert class_of(openstack({"controller": 2, "compute": 2}), "controller-1") == "oci::controller"


def test_an_operator_may_say_that_the_first_stage_is_over() -> None:
    more = machine("OS-COMPUTE-1", HYPERCONVERGED)
    nodes = {"controller": 1, "compute": 1}
    assert class_of(openstack(nodes, more=more), "controller-1") == "oci::cephmon"
    given = openstack(nodes, more=more, settings="{initial_mon_on_ctrl: false}")
    assert class_of(given, "controller-1") == "oci::controller"
    assert rows(given)["cluster_has_mons"] is False
    assert rows(given)["ceph_mon_initial_members"] == "os-controller-1.example.com"
