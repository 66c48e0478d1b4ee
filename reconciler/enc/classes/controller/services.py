"""Settings of the services, and which of them the cluster has."""

from ...conditions import has_instances, is_wanted
from ...params import Condition, Section, derived, settings
from ...shared_sections import EXTERNAL_KEYSTONE
from ...values.common import QUORUM_QUEUES
from ...values.compute import somebody_routes
from ...values.controller import gpu_definitions, gpu_nodes, somebody_has_gpus

_WANTED = f"as written, else whether {has_instances.name}"

has_gpus = Condition("a compute has use_gpu", lambda v: bool(gpu_nodes(v)))

SERVICES = (
    Section("The node itself", settings(
        "configure_dkms", "admin_email_address", "use_json_log", "logrotate_hourly", "brex_macaddr",
        "nameserver_v4_prim", "nameserver_v4_sec", "nameserver_v6_prim", "nameserver_v6_sec",
    )),
    Section("Database, RabbitMQ, memcached", {
        "rabbitmq_enable_quorum_queues": QUORUM_QUEUES,
        **settings(
            "mysql_max_connections", "mysql_max_user_connections", "rabbitmq_message_timeout",
            "controller_node_memcache_max_connections",
        ),
    }),
    Section("Which services there are", {
        "install_barbican": derived(is_wanted("install_barbican").holds, _WANTED, "Setting.install_barbican"),
        "install_heat":     derived(is_wanted("install_heat").holds, _WANTED, "Setting.install_heat"),
        **settings(
            "install_cloudkitty_dashboard", "install_designate", "install_ironic", "install_magnum", "install_manila",
            "install_mistral", "install_octavia", "install_panko", "install_rabbit", "install_telemetry",
            "install_vigie", "install_vmms",
        ),
    }),
    Section("Keystone", {
        **settings("keystone_totp", "keystone_api_workers", "keystone_api_listen", "keystone_debug_log"),
        **EXTERNAL_KEYSTONE.params,
    }),
    Section("Nova and Placement", settings(
        "nova_limit_tenants_to_placement_aggregate", "nova_enable_isolated_aggregate_filtering",
        "nova_scheduler_prefers_hosts_with_more_ram", "nova_host_subset_size", "nova_default_schedule_zone",
        "nova_api_workers", "nova_api_listen", "nova_max_instances_per_host", "nova_debug_log", "placement_debug_log",
    )),
    Section("GPUs", {"use_gpu": derived(somebody_has_gpus)}),
    Section("Kinds of GPUs", when=has_gpus, params={"gpu_def": derived(gpu_definitions)}),
    Section("Neutron", {
        "use_dynamic_routing": derived(somebody_routes),
        **settings(
            "dhcp_domain", "neutron_agent_down_time", "neutron_api_processes_num", "neutron_az_list", "neutron_az_name",
            "neutron_debug_log", "neutron_dns_domain", "neutron_dnsmasq_dns_servers", "neutron_force_notifications_on",
            "neutron_global_physnet_mtu", "neutron_path_mtu", "neutron_rpc_workers_num", "neutron_use_az",
            "neutron_use_dvr", "neutron_vxlan_vni_max", "neutron_vxlan_vni_min",
        ),
    }),
    Section("Octavia", settings("amp_secgroup_list", "amp_boot_network_list")),
    Section("Designate", settings(
        "designate_debug_log", "designate_managed_resource_tenant_id", "designate_zone_admin_email",
    )),
    Section("Glance", settings(
        "glance_api_use_proxy", "glance_api_proxy_url", "glance_api_proxy_exceptions", "glance_metadef_admin_only",
        "glance_debug_log",
    )),
    Section("Cinder", settings(
        "cinder_default_storage_availability_zone", "cinder_default_volume_type", "cinder_api_processes_num",
        "cinder_debug_log",
    )),
    Section("Manila", settings("manila_network_cidr", "manila_network_division_mask", "manila_debug_log")),
    Section("Other services", settings(
        "heat_debug_log", "barbican_debug_log", "mistral_debug_log", "ironic_debug_log",
    )),
    Section("VMMS, migration from another cloud", settings(
        "vmms_source_cloud_url", "vmms_source_cloud_password", "vmms_source_cloud_region",
        "vmms_migration_start_time", "vmms_migration_end_time", "vmms_debug_log",
    )),
    Section("Vigie, checks of compute nodes", settings(
        "vigie_validate_glance_image", "vigie_validate_flavor", "vigie_validate_network", "vigie_keep_compute_enabled",
        "vigie_ssh_jump_host_enable", "vigie_ssh_jump_host_hostname", "vigie_debug_log",
    )),
    Section("Horizon", settings(
        "horizon_themes", "horizon_set_region_cookie_activate", "horizon_region_cookie_name",
        "horizon_redirect_to_external_activate", "horizon_redirect_to_external_url",
    )),
)
