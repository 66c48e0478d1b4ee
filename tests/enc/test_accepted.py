"""That programs of Debian 13 say it of a file that they would not start with, and services of what they do not take."""

import pytest

from . import options
from .accepted import CHECKS, refusals
from .broker import CONFIGURATION, Broker
from .catalogs import Catalog, Resource
from .debian_programs import Programs
from .debian_services import SERVICES, Services

pytestmark = pytest.mark.puppet

TAKEN = {
    "/etc/haproxy/haproxy.cfg": "global\n  user  haproxy\nlisten a\n  timeout  client 1m\n  bind 192.0.2.1:80\n",
    "/etc/mysql/my.cnf": "[mysqld]\nuser = mysql\nbinlog_format = ROW\n",
    "/etc/bind/named.conf": 'options { directory "/var/cache/bind"; dnssec-validation no; };\n',
    "/etc/ssh/sshd_config": "Port 22\nUsePAM yes\n",
    "/etc/apache2/apache2.conf": "LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\nTimeout 60\n"
    "ErrorLog /var/log/error.log\nServerName node.example.com\n",
    "/etc/corosync/corosync.conf": "totem {\n  version: 2\n  secauth: on\n}\nnodelist {\n  node {\n"
    "    ring0_addr: 192.0.2.1\n    nodeid: 1\n  }\n}\n",
    "/etc/chrony/chrony.conf": "pool ntp.example.com iburst\nmakestep 120 -1\n",
    "/etc/memcached.conf": "# of Puppet\n-m 64\n-l 192.0.2.1\n",
    "/etc/logrotate.d/conntrackd": "/var/log/conntrackd.log {\n  weekly\n  missingok\n}\n",
    "/etc/logrotate.d/haproxy": "/var/log/haproxy.log {\n  weekly\n  missingok\n}\n",
    "/etc/logrotate.d/kern-legacy": "/var/log/kern-legacy.log {\n  weekly\n  missingok\n}\n",
}
REFUSED = {
    "/etc/haproxy/haproxy.cfg": ("  timeout  client", "  reqadd  client"),  # was removed in HAProxy 2.1
    "/etc/mysql/my.cnf": ("ROW", "SQUARE"),
    "/etc/bind/named.conf": ("dnssec-validation", "dnssec-enable"),  # was removed in BIND 9.18
    "/etc/ssh/sshd_config": ("UsePAM", "UseLogin yes\nPAM"),
    "/etc/apache2/apache2.conf": ("Timeout", "LockFile"),  # was removed in Apache 2.4
    "/etc/corosync/corosync.conf": ("secauth: on", "crypto_hash: crc32"),
    "/etc/chrony/chrony.conf": ("120 -1", "often"),
    "/etc/memcached.conf": ("-m", "--megabytes"),
    "/etc/logrotate.d/conntrackd": ("weekly", "at full moon"),
    "/etc/logrotate.d/haproxy": ("weekly", "at full moon"),
    "/etc/logrotate.d/kern-legacy": ("weekly", "at full moon"),
}


def given(path: str, text: str) -> Catalog:
    return Catalog((Resource("File", path, {"content": text}),))


@pytest.mark.parametrize("path", CHECKS)
def test_a_program_takes_one_text_and_refuses_another(programs: Programs, path: str) -> None:
    assert refusals(given(path, TAKEN[path]), programs) == []
    (said,) = refusals(given(path, TAKEN[path].replace(*REFUSED[path])), programs)
    assert said.startswith(f"{path}: status ")


@pytest.mark.parametrize(("heartbeat", "starts"), [("60", True), ("60}", False)])
def test_rabbitmq_starts_with_one_text_and_not_with_another(broker: Broker, heartbeat: str, starts: bool) -> None:
    said = broker.refusals(
        given(CONFIGURATION, f"[{{rabbit, [{{tcp_listeners, []}}, {{heartbeat, {heartbeat}}}]}}].\n")
    )
    assert [one.startswith(f"{CONFIGURATION}: ") for one in said] == ([] if starts else [True])


def test_rabbitmq_4_refuses_to_mirror_queues_and_takes_other_policies(broker: Broker) -> None:
    assert broker.takes('{"max-length": 10}')
    assert not broker.takes('{"ha-mode": "all"}')


LIMITED = {
    "Aodh_config": ("evaluator/workers", 2, 0),
    "Barbican_config": ("secretstore/enable_multiple_secret_stores", "true", "some"),
    "Ceilometer_config": ("notification/workers", "2", "two"),
    "Cinder_config": ("DEFAULT/volume_clear", "zero", "one"),
    "Cloudkitty_config": ("storage/version", "1", "none"),
    "Designate_config": ("service:mdns/workers", "2", "two"),
    "Glance_api_config": ("DEFAULT/workers", "2", "-1"),
    "Glance_cache_config": ("glance_store/swift_store_endpoint_type", "internalURL", "internal"),
    "Glance_image_import_config": ("image_import_opts/image_import_plugins", "[no_op]", "no_op"),
    "Gnocchi_config": ("metricd/workers", "2", "0"),
    "Heat_config": ("DEFAULT/num_engine_workers", "2", "two"),
    "Keystone_config": ("fernet_tokens/max_active_keys", "3", "0"),
    "Neutron_agent_ovs": ("ovs/local_ip", "192.0.2.1", "node.example.com"),
    "Neutron_config": ("DEFAULT/dhcp_agents_per_network", "2", "0"),
    "Neutron_dhcp_agent_config": ("DEFAULT/enable_isolated_metadata", "true", "some"),
    "Neutron_l3_agent_config": ("DEFAULT/agent_mode", "dvr_snat", "router"),
    "Neutron_metadata_agent_config": ("DEFAULT/nova_metadata_protocol", "https", "gopher"),
    "Neutron_metering_agent_config": ("DEFAULT/measure_interval", "30", "often"),
    "Neutron_plugin_ml2": ("ml2/path_mtu", "1550", "large"),
    "Nova_config": ("libvirt/cpu_mode", "host-model", "host"),
    "Octavia_config": ("controller_worker/loadbalancer_topology", "ACTIVE_STANDBY", "ACTIVE"),
    "Placement_config": ("api/auth_strategy", "keystone", "none"),
}
"""By Puppet's type: an option, a value that its service takes, and one that it does not."""


def one_option(kind: str, name: str, value: object, **others: object) -> Catalog:
    told = {name: value, **others}
    return Catalog(tuple(Resource(kind, title, {"value": each}) for title, each in told.items()))


def test_each_service_has_a_file_and_each_file_a_test() -> None:
    assert {file.service for file in options.FILES.values()} == set(SERVICES)
    assert set(LIMITED) == set(options.FILES)


@pytest.mark.parametrize("kind", options.FILES)
def test_a_service_takes_one_value_and_refuses_another(services: Services, kind: str) -> None:
    name, taken, refused = LIMITED[kind]
    assert options.refusals(one_option(kind, name, taken), services) == []
    (said,) = options.refusals(one_option(kind, name, refused), services)
    assert said.startswith(f"{kind} {name}: refused: ")


@pytest.mark.parametrize("kind", options.FILES)
def test_a_service_says_that_it_does_not_know_an_option(services: Services, kind: str) -> None:
    (said,) = options.refusals(one_option(kind, "DEFAULT/colour", "red"), services)
    assert said == f"{kind} DEFAULT/colour: unknown"


def test_what_another_reader_knows_is_unknown_in_an_agents_file(services: Services) -> None:
    agents = [kind for kind, file in options.FILES.items() if file.namespaces and file.service == "neutron"]
    found = [options.refusals(one_option(kind, "DEFAULT/dhcp_agents_per_network", "2"), services) for kind in agents]
    assert found == [[f"{kind} DEFAULT/dhcp_agents_per_network: unknown"] for kind in agents]


def test_an_option_is_known_by_its_former_name_too(services: Services) -> None:
    assert options.refusals(one_option("Cinder_config", "DEFAULT/volume_clear_size", "0"), services) == []
    assert options.refusals(one_option("Nova_config", "DEFAULT/block_device_allocate_retries", "3"), services) == []


def test_a_section_that_logs_in_has_the_options_of_the_way_that_it_names(services: Services) -> None:
    catalog = one_option("Nova_config", "colour/auth_type", "password", **{"colour/user_domain_name": "Default"})
    assert options.refusals(catalog, services) == []
    catalog = one_option("Nova_config", "colour/auth_type", "v3token", **{"colour/username": "nova"})
    assert options.refusals(catalog, services) == ["Nova_config colour/username: unknown"]


@pytest.mark.parametrize(
    ("kind", "backends", "name", "taken"),
    [
        ("Cinder_config", "NVME_1,CEPH_1", "reserved_percentage", "10"),
        ("Glance_api_config", "swift:swift,ceph:rbd", "rbd_store_chunk_size", "8"),
    ],
)
def test_a_backend_has_a_section_where_it_is_named(
    services: Services, kind: str, backends: str, name: str, taken: str
) -> None:
    section = backends.split(",")[1].partition(":")[0]
    named = {"DEFAULT/enabled_backends": backends}
    assert options.refusals(one_option(kind, f"{section}/{name}", taken, **named), services) == []
    (said,) = options.refusals(one_option(kind, f"{section}/{name}", "much", **named), services)
    assert "refused" in said
    assert options.refusals(one_option(kind, f"{section}/{name}", taken), services) == [
        f"{kind} {section}/{name}: unknown"
    ]


NAMED = {
    "Barbican_config": ("secretstore/enabled_secretstore_plugins", "store_crypto", "store_vault"),
    "Cinder_config": ("DEFAULT/backup_driver", "cinder.backup.drivers.swift.SwiftBackupDriver", "cinder.backup.swift"),
    "Cloudkitty_config": ("fetcher/backend", "keystone", "monasca"),
    "Designate_config": ("service:sink/enabled_notification_handlers", "neutron_floatingip", "neutron_port"),
    "Keystone_config": ("auth/methods", "external,password,totp", "password,magic"),
    "Neutron_agent_ovs": ("agent/extensions", "qos", "fwaas_v2"),
    "Neutron_config": ("DEFAULT/service_plugins", "router,qos", "router,lbaasv2"),
    "Neutron_l3_agent_config": ("agent/extensions", "fip_qos", "qos_fip"),
    "Neutron_metering_agent_config": ("DEFAULT/driver", "iptables", "nftables"),
    "Neutron_plugin_ml2": ("ml2/mechanism_drivers", "openvswitch,l2population", "openvswitch,linuxbridge"),
    "Nova_config": ("filter_scheduler/enabled_filters", "ComputeFilter", "ComputeFilter,RamFilter"),
}
"""By Puppet's type: an option, plugins that its service has, and plugins of which it lacks one."""


def test_each_service_whose_plugins_are_looked_for_has_a_test() -> None:
    assert {options.FILES[kind].service for kind in NAMED} == set(options.PLUGINS)


@pytest.mark.parametrize("kind", NAMED)
def test_a_service_says_of_a_plugin_that_it_does_not_have(services: Services, kind: str) -> None:
    name, taken, refused = NAMED[kind]
    assert options.refusals(one_option(kind, name, taken), services) == []
    (said,) = options.refusals(one_option(kind, name, refused), services)
    assert said == f"{kind} {name}: refused: there is no {refused.rpartition(',')[2]}"


def test_an_option_that_is_taken_out_is_nobodys_business() -> None:
    told = [{"ensure": "absent"}, {"value": "<SERVICE DEFAULT>"}, {"value": "x", "ensure_absent_val": "x"}]
    catalog = Catalog(tuple(Resource("Nova_config", f"DEFAULT/{n}", one) for n, one in enumerate(told)))
    assert options.written(catalog, "Nova_config") == {}


def test_options_are_written_as_puppets_types_write_them() -> None:
    told = {"DEFAULT/a": True, "DEFAULT/b": ["x", "y"], "pci/a/b": " z "}
    catalog = Catalog(tuple(Resource("Nova_config", name, {"value": value}) for name, value in told.items()))
    written = {"DEFAULT": {"a": ["True"], "b": ["x", "y"]}, "pci": {"a/b": ["z"]}}
    assert options.written(catalog, "Nova_config") == written
