"""``oci::network``: Neutron's agents, on nodes that carry the traffic between instances and the outside."""

from ..conditions import has, is_on
from ..credentials import credential, credentials
from ..params import PuppetClass, Section, settings, spec, subroles
from ..shared_sections import (
    BRIDGES_AND_ROUTING,
    COMMON,
    DATABASE_AND_MESSAGES,
    EXTERNAL_KEYSTONE,
    MANAGEMENT_NETWORK,
    MESSAGING_PEERS,
)  # fmt: skip

NETWORK = PuppetClass(
    "oci::network",
    sections=(
        *COMMON,
        MANAGEMENT_NETWORK,
        Section("Mail", settings("admin_email_address")),
        DATABASE_AND_MESSAGES,
        MESSAGING_PEERS,
        BRIDGES_AND_ROUTING,
        Section("Neutron", {
            "cluster_domain": spec(lambda v: v.cluster.spec.domain, "Cluster.domain"),
            **settings(
                "dhcp_domain", "neutron_dns_domain", "neutron_dnsmasq_dns_servers", "neutron_global_physnet_mtu",
                "neutron_path_mtu", "neutron_vxlan_vni_min", "neutron_vxlan_vni_max", "neutron_use_az",
                "neutron_az_name",
            ),
        }),
        Section("Designate", settings("install_designate", "designate_zone_admin_email")),
        Section("Names of instances in Designate", when=is_on("install_designate") & has("compute"), params=subroles(
            True, "designate",
        )),
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
