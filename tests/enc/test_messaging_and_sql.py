"""``oci::messaging`` and ``oci::sql``, with their virtual addresses and the nodes they take work from."""

import pytest

from reconciler.enc.compile import compile_node
from reconciler.enc.explain import explain
from reconciler.enc.params import Value
from reconciler.enc.view import views
from reconciler.render.explain import explain_text

from .openstack import FLEET, openstack, rows, subroles

NODES = {"controller": 3, "messaging": 3}


def test_messaging_nodes_know_each_other() -> None:
    found = rows(openstack(NODES), "os-messaging-2")
    assert (found["first_rabbit"], found["is_first_rabbit"]) == ("os-messaging-1.example.com", False)
    assert found["all_rabbits_ids"] == (1, 2, 3)
    assert found["messaging_other_nodes"] == ("os-messaging-1.example.com", "os-messaging-3.example.com")
    address, network, prefix = "203.0.116.2", "203.0.116.0", 28
    given = (found["messaging_vip_ipaddr"], found["messaging_vip_network"], found["messaging_vip_cidr"])
    assert given == (address, network, prefix)


def test_telemetry_has_its_database_on_messaging_nodes_or_on_sqlmsg_nodes() -> None:
    alone = rows(openstack(NODES), "os-messaging-1")
    assert (alone["has_subrole_db"], alone["vip_sqlmsg_ip"]) == (True, "203.0.116.2")
    helped = rows(openstack({**NODES, "sqlmsg": 3}), "os-messaging-1")
    assert (helped["has_subrole_db"], helped["vip_sqlmsg_ip"]) == (False, "203.0.115.7")


@pytest.mark.parametrize(
    ("nodes", "sql"),
    [({}, ("203.0.113.2", 24)), ({"sql": 3}, ("203.0.114.2", 32))],
)
def test_messaging_nodes_reach_the_main_database(nodes: dict[str, int], sql: tuple[Value, ...]) -> None:
    found = rows(openstack({**NODES, **nodes}), "os-messaging-1")
    assert (found["sql_vip_ip"], found["sql_vip_netmask"]) == sql
    assert found["sql_vip_iface"] == "eno2"  # where the class brings the messaging nodes' own address up


@pytest.mark.parametrize(
    ("nodes", "settings", "expected"),
    [
        ({}, "{}", {"db"}),
        ({"compute": 1}, "{}", {"db", "glance", "nova", "neutron", "aodh", "octavia", "magnum", "manila"}),
        ({"swiftstore": 1}, "{}", {"db", "swift"}),
        ({"swiftstore": 1}, "{install_glance: true}", {"db", "swift", "glance"}),
        ({"cephosd": 1, "cephmon": 1}, "{}", {"db", "gnocchi", "ceilometer", "cloudkitty", "panko", "cinder"}),
        ({"volume": 1}, "{}", {"db", "cinder"}),
        (
            {},
            "{install_designate: true, install_vmms: true, install_vigie: true}",
            {"db", "designate", "vmms", "vigie"},
        ),
    ],
)
def test_what_messaging_nodes_do_follows_the_others(nodes: dict[str, int], settings: str, expected: set[str]) -> None:
    assert set(subroles(openstack({**NODES, **nodes}, settings=settings), "os-messaging-1")) == expected


def test_metrics_are_kept_in_the_ceph_for_telemetry_where_there_is_one() -> None:
    ceph = {"cephmon": 3, "cephosd": 3}
    found = rows(openstack({**NODES, **ceph}), "os-messaging-1")
    assert found["ceph_fsid"] == "ceph/fsid"
    assert found["ceph_mon_initial_members"] == ",".join(f"os-cephmon-{n}.example.com" for n in (1, 2, 3))
    found = rows(openstack({**NODES, **ceph, "billmon": 2, "billosd": 3}), "os-messaging-1")
    assert (found["ceph_fsid"], found["ceph_openstack_key"]) == ("bill/fsid", "bill/openstackkey")
    assert found["ceph_mon_initial_members"] == "os-billmon-1.example.com,os-billmon-2.example.com"


def test_sql_nodes_serve_the_controllers() -> None:
    found = rows(openstack({"controller": 3, "sql": 3}), "os-sql-2")
    assert (found["first_sql"], found["is_first_sql"]) == ("os-sql-1.example.com", False)
    assert found["non_master_sql"] == ("os-sql-1.example.com", "os-sql-3.example.com")
    assert (found["sql_vip_ip"], found["sql_vip_netmask"], found["sql_vip_iface"]) == ("203.0.114.2", 32, "lo")
    assert found["ip_vip_to_whitelist"] == "203.0.113.2"
    assert found["sql_allowed_networks"] == ("10.0.0.0/22",)


def test_sqlmsg_nodes_serve_telemetry_and_nothing_else() -> None:
    given = openstack({**NODES, "sql": 1, "sqlmsg": 2, "compute": 1})
    found = rows(given, "os-sqlmsg-1")
    assert (found["first_sql"], found["is_first_sql"]) == ("os-sqlmsg-1.example.com", True)
    assert found["all_sql"] == ("os-sqlmsg-1.example.com", "os-sqlmsg-2.example.com")
    assert (found["sql_vip_ip"], found["sql_vip_netmask"], found["sql_vip_iface"]) == ("203.0.115.7", 32, "lo")
    assert found["ip_vip_to_whitelist"] == "203.0.116.2"
    on = {name for name, value in subroles(given, "os-sqlmsg-1").items() if value}
    assert on == {"gnocchi", "ceilometer", "cloudkitty"}
    assert "pass_keystone_db" not in found and "initial_cluster_setup" not in found


@pytest.mark.parametrize(
    ("nodes", "settings", "on"),
    [
        ({}, "{}", set()),
        ({}, "{install_heat: true, install_glance: true}", {"heat", "glance"}),
        ({"compute": 1}, "{}", {"heat", "barbican", "glance", "nova", "neutron", "aodh", "octavia"}),
        ({"volume": 1}, "{}", {"cinder"}),
        ({}, "{install_mistral: true, install_manila: true}", {"mistral", "manila"}),
    ],
)
def test_databases_follow_the_other_nodes(nodes: dict[str, int], settings: str, on: set[str]) -> None:
    given = openstack({"controller": 3, "sql": 1, **nodes}, settings=settings)
    assert {name for name, value in subroles(given, "os-sql-1").items() if value} == on


WITH_QUEUES = {"controller": 1, "messaging": 1, "compute": 1, "network": 1, "volume": 1}


@pytest.mark.parametrize(
    ("debian", "settings", "expected"),
    [
        ("bookworm", "{}", False),
        ("trixie", "{}", True),
        ("forky", "{}", True),
        ("bookworm", "{rabbitmq_enable_quorum_queues: true}", True),
        ("trixie", "{rabbitmq_enable_quorum_queues: false}", False),
    ],
)
def test_queues_are_those_that_the_releases_rabbitmq_has_unless_an_operator_says_else(
    debian: str, settings: str, expected: bool
) -> None:
    """RabbitMQ 4 refuses the policy of mirrored classic queues, and Puppet fails on the first controller."""
    fleet = FLEET.replace("spec:\n", f"spec:\n  release: {{debian: {debian}}}\n")
    given = openstack(WITH_QUEUES, settings=settings, fleet=fleet)
    found = {role: rows(given, f"os-{role}-1")["rabbitmq_enable_quorum_queues"] for role in WITH_QUEUES}
    assert found == dict.fromkeys(WITH_QUEUES, expected)


def test_why_there_are_quorum_queues_is_explained() -> None:
    view = views(openstack({"controller": 1}))["os-controller-1.example.com"]
    text = explain_text(explain(compile_node(view), "rabbitmq_enable_quorum_queues", view=view))
    assert "by the Debian release: RabbitMQ 4, from trixie on, has no others, default\n" in text
    assert "        default  true from trixie on, false before\n" in text
