"""``oci::network``: Neutron's agents, on nodes that carry the traffic between instances and the outside."""

from ..conditions import has, is_on
from ..credentials import credential, credentials
from ..groups import COMMON, EXTERNAL_KEYSTONE, MANAGEMENT_NETWORK, MESSAGING_PEERS
from ..params import PuppetClass, Section, constant, derived, setting, settings, spec
from ..values_compute import (
    address_for_instances,
    bridge_mappings,
    external_networks,
    somebody_routes,
    sql_address,
)  # fmt: skip

NETWORK = PuppetClass(
    "oci::network",
    sections=(
        *COMMON,
        MANAGEMENT_NETWORK,
        Section("Mail", settings("admin_email_address")),
        Section("Database and messages", {
            "sql_vip_ip": derived(sql_address),
            **settings("rabbitmq_enable_quorum_queues", "rabbitmq_message_timeout", "disable_notifications"),
        }),
        MESSAGING_PEERS,
        Section("Bridges and routing", {
            "bridge_mapping_list":   derived(bridge_mappings),
            "external_network_list": derived(external_networks),
            "vmnet_ip":              derived(address_for_instances),
            "use_dynamic_routing":   derived(somebody_routes),
            **settings("neutron_install_dragent", "neutron_external_network_name", "neutron_use_dvr", "brex_macaddr"),
            "bgp_to_the_host":       setting("bgp_to_the_host"),
        }),
        Section("Neutron", {
            "cluster_domain": spec(lambda v: v.cluster.spec.domain, "Cluster.domain"),
            **settings(
                "dhcp_domain", "neutron_dns_domain", "neutron_dnsmasq_dns_servers", "neutron_global_physnet_mtu",
                "neutron_path_mtu", "neutron_vxlan_vni_min", "neutron_vxlan_vni_max", "neutron_use_az",
                "neutron_az_name",
            ),
        }),
        Section("Designate", settings("install_designate", "designate_zone_admin_email")),
        Section("Names of instances in Designate", when=is_on("install_designate") & has("compute"), params={
            "has_subrole_designate": constant(True),
        }),
        Section("Accounts", {
            **credentials("haproxy", "stats"),
            **credentials("nova", "authtoken"),
            **credentials("neutron", "authtoken", "messaging", "vrrpauth"),
            **credentials("keystone", "adminuser"),
            "pass_metadata_proxy_shared_secret": credential("novaneutron", "shared_secret"),
        }),
        Section("Logs", settings("use_json_log", "neutron_debug_log", "logrotate_hourly")),
        Section("Kernel modules", settings("configure_dkms")),
        Section("Names by SNI", settings("haproxy_use_sni", "keystone_sni_name", "designate_sni_name")),
        EXTERNAL_KEYSTONE,
    ),
    left_to_puppet={"neutron_az_list": "OCI does not give it to network nodes; an EncOverlay can set it"},
)
