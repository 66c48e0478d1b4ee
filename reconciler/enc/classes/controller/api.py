"""The API's endpoint: HAProxy in front of the controllers, its limits, its addresses and names."""

from ...params import Section, derived, settings
from ...values.controller import redirect

API = (
    Section("Limits of the API", settings(
        "api_disable_rate_limit", "api_iptables_rate_limit", "api_haproxy_rate_limit", "api_rate_limit_whitelist",
    )),
    Section("Maintenance of the API", settings("api_maint_activate", "api_maint_whitelist")),
    Section("HAProxy", {
        "haproxy_custom_url": derived(redirect),
        **settings("haproxy_admin_external_access", "api_haproxy_redirect_port_80"),
    }),
    Section("IPv6", settings("api_use_ipv6", "vip6_ipaddr", "vip6_netmask")),
    Section("Names by SNI", settings(
        "haproxy_use_sni", "aodh_sni_name", "barbican_sni_name", "cinder_sni_name", "cloudkitty_sni_name",
        "designate_sni_name", "glance_sni_name", "gnocchi_sni_name", "heat_cfn_sni_name", "heat_sni_name",
        "horizon_sni_name", "inspector_sni_name", "ironic_sni_name", "keystone_sni_name", "magnum_sni_name",
        "manila_sni_name", "mistral_sni_name", "neutron_sni_name", "nova_sni_name", "octavia_sni_name",
        "panko_sni_name", "placement_sni_name", "vigie_sni_name", "vmms_sni_name",
    )),
)
