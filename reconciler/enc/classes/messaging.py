"""``oci::messaging``: RabbitMQ for notifications, Gnocchi and CloudKitty, away from the controllers."""

from ..conditions import has, has_osds, has_swift, is_on, is_wanted
from ..credentials import credential, credentials
from ..params import PuppetClass, Section, constant, derived, setting, settings, subroles
from ..shared_sections import CEPH_MONITORS, CEPH_SECRETS, COMMON, DATABASE_VIP, EXTERNAL_KEYSTONE, HAPROXY_TIMEOUTS
from ..values.common import QUORUM_QUEUES
from ..values.controller import cloudkitty_metrics
from ..values.peers import (
    addresses_of,
    corosync_ids,
    first,
    is_first,
    names,
    other_addresses,
    other_names,
    short_names,
)  # fmt: skip
from ..values.setup import first_setup_goes_on
from ..values.vips import VIP_ADDRESS, VIP_PREFIX, interface_of_vip, of_vip, vip_for
from ..view import View

MESSAGING_SERVICES = (
    "aodh", "barbican", "ceilometer", "cinder", "cloudkitty", "designate", "glance", "gnocchi", "heat", "keystone",
    "magnum", "manila", "mistral", "neutron", "nova", "octavia", "panko", "swift", "vigie", "vmms",
)  # fmt: skip
"""Services that have a user in RabbitMQ here."""


def telemetry_database(v: View) -> str:
    """The virtual address of the sqlmsg nodes, or of the messaging nodes where they hold the database themselves"""
    return vip_for(v, "sqlmsg" if v.cluster.has("sqlmsg") else "messaging").address


MESSAGING = PuppetClass(
    "oci::messaging",
    sections=(
        *COMMON,
        Section(
            "The node itself",
            {
                "machine_iface": constant("eth0"),
                **settings("configure_dkms", "use_json_log", "logrotate_hourly"),
            },
        ),
        Section(
            "RabbitMQ's nodes",
            {
                "first_rabbit": first("messaging"),
                "is_first_rabbit": is_first("messaging"),
                "all_rabbits": names("messaging"),
                "all_rabbits_ips": addresses_of("messaging"),
                "all_rabbits_ids": corosync_ids("messaging"),
                "all_rabbits_short_hostnames": short_names("messaging"),
                "messaging_other_nodes": other_names("messaging"),
                "messaging_other_nodes_ips": other_addresses("messaging"),
                "initial_cluster_setup": derived(first_setup_goes_on),
                "rabbitmq_enable_quorum_queues": QUORUM_QUEUES,
                **settings("rabbitmq_message_timeout"),
            },
        ),
        Section(
            "Virtual addresses",
            {
                "messaging_vip_ipaddr": of_vip("messaging", lambda vip: vip.address, VIP_ADDRESS),
                "messaging_vip_network": of_vip(
                    "messaging", lambda vip: vip.network_address, "the network of the virtual address for {}"
                ),
                "messaging_vip_cidr": of_vip("messaging", lambda vip: vip.prefix, VIP_PREFIX),
                "vip_sqlmsg_ip": derived(telemetry_database),
                **DATABASE_VIP.params,
                "sql_vip_iface": interface_of_vip("messaging"),
            },
        ),
        Section(
            "Its own database",
            {
                "has_subrole_db": derived(lambda v: not v.cluster.has("sqlmsg"), "whether there are no sqlmsg nodes"),
                "pass_mysql_rootuser": credential("mysql", "rootuser"),
                "pass_mysql_backup": credential("mysql", "backup"),
                **settings("mysql_max_connections", "mysql_max_user_connections"),
            },
        ),
        Section(
            "Services of a cluster with computes",
            when=has("compute"),
            params=subroles(True, "nova", "neutron", "aodh", "octavia", "magnum", "manila"),
        ),
        Section("Images", when=is_wanted("install_glance"), params=subroles(True, "glance")),
        Section("Swift", when=has_swift, params=subroles(True, "swift")),
        Section("Telemetry", when=has_osds, params=subroles(True, "gnocchi", "ceilometer", "cloudkitty", "panko")),
        Section("Volumes", when=has_osds | has("volume"), params=subroles(True, "cinder")),
        Section("Designate", when=is_on("install_designate"), params=subroles(True, "designate")),
        Section("VMMS", when=is_on("install_vmms"), params=subroles(True, "vmms")),
        Section("Vigie", when=is_on("install_vigie"), params=subroles(True, "vigie")),
        Section(
            "Passwords in RabbitMQ",
            {
                **credentials("rabbitmq", "cookie", "monitoring"),
                **{f"pass_{service}_messaging": credential(service, "messaging") for service in MESSAGING_SERVICES},
            },
        ),
        Section(
            "Passwords of the services here",
            {
                **credentials("haproxy", "stats"),
                **credentials("gnocchi", "db", "authtoken"),
                **credentials("cloudkitty", "db", "authtoken"),
                **credentials("keystone", "adminuser"),
                **credentials("zabbix", "authtoken"),
                "pass_gnocchi_rscuuid": credential("gnocchi", "uuid"),
                "pass_elastic_keystore": credential("elastickeystore", "monitoring"),
                "pass_cloudkitty_elastic": credential("cloudkitty", "monitoring"),
            },
        ),
        Section(
            "The Ceph that keeps the metrics",
            {
                **CEPH_SECRETS.params,
                **CEPH_MONITORS.params,
                **settings("ceph_use_cephadm_to_deploy"),
            },
        ),
        Section(
            "Gnocchi",
            settings(
                "gnocchi_debug_log",
                "gnocchi_incoming_sacks_use_redis",
                "gnocchi_metricd_workers",
                "gnocchi_metricd_processing_delay",
                "gnocchi_metricd_reporting_delay",
                "gnocchi_metricd_cleanup_delay",
                "gnocchi_metricd_greedy",
                "gnocchi_api_workers",
            ),
        ),
        Section(
            "CloudKitty",
            {
                "cloudkitty_metrics_yml": derived(
                    cloudkitty_metrics, written="Fleet.telemetry.cloudkitty_metrics", base64=True
                ),
                **settings(
                    "cloudkitty_debug_log",
                    "cloudkitty_http_pool_maxsize",
                    "cloudkitty_use_storage_v2",
                    "cloudkitty_storage_v2_backend",
                    "cloudkitty_storage_v2_host",
                    "cloudkitty_storage_v2_index_name",
                    "cloudkitty_processor_workers",
                ),
            },
        ),
        Section(
            "Memcached",
            settings(
                "messaging_node_memcache_memory_limit",
                "messaging_node_memcache_max_connections",
            ),
        ),
        HAPROXY_TIMEOUTS,
        Section(
            "Keystone",
            {
                "keystone_sni_name": setting("keystone_sni_name"),
                **EXTERNAL_KEYSTONE.params,
            },
        ),
    ),
    left_to_puppet={
        "haproxy_use_sni": "OCI does not give it; an EncOverlay can set it",
        "has_subrole_barbican": "on; Barbican's user in RabbitMQ does no harm where it is not installed",
        "has_subrole_heat": "on; Heat's user in RabbitMQ does no harm where it is not installed",
        "has_subrole_horizon": "the class does not use it",
        "has_subrole_mistral": "on; Mistral's user in RabbitMQ does no harm where it is not installed",
        "network_cidr": "the class does not use it",
        "network_ipaddr": "the class does not use it",
        "rabbit_env": "OCI has no setting for it; an EncOverlay can set it",
        "zookeeper_ensemble_string": "Puppet makes it of all_masters_ip",
    },
)
