"""``oci::compute``: a hypervisor, which may run Ceph OSDs and Neutron's agents as well."""

from .. import ceph
from ..conditions import has_osds, hyperconverged, is_on, several_cephs
from ..credentials import credential, credentials, ssh_pair
from ..params import PuppetClass, Section, derived, settings, spec, subroles
from ..shared_sections import (
    BRIDGES_AND_ROUTING,
    CEPH_MONITORS,
    CEPH_SECRETS,
    COMMON,
    DATABASE_AND_MESSAGES,
    DISKS,
    EXTERNAL_KEYSTONE,
    MANAGEMENT_NETWORK,
    MESSAGING_PEERS,
    SWIFT_ELSEWHERE,
)  # fmt: skip
from ..values.compute import (
    backup_backend,
    cpu_sockets,
    extra_cpu_flags,
    hands_out_addresses,
    in_words,
    listed,
    uses_ceph,
)  # fmt: skip

COMPUTE = PuppetClass(
    "oci::compute",
    sections=(
        *COMMON,
        MANAGEMENT_NETWORK,
        DATABASE_AND_MESSAGES,
        MESSAGING_PEERS,
        BRIDGES_AND_ROUTING,
        Section("Neutron", {
            "cluster_domain":         spec(lambda v: v.cluster.spec.domain, "Cluster.domain"),
            "has_subrole_dhcp_agent": derived(hands_out_addresses),
            **settings(
                "dhcp_domain", "neutron_dns_domain", "neutron_dnsmasq_dns_servers", "neutron_global_physnet_mtu",
                "neutron_path_mtu", "neutron_vxlan_vni_min", "neutron_vxlan_vni_max",
            ),
        }),
        Section("What instances may use of it", {
            "number_of_cpu_sockets": derived(cpu_sockets),
            **settings(
                "availability_zone", "cpu_allocation_ratio", "ram_allocation_ratio", "disk_allocation_ratio",
                "nova_reserved_host_memory_mb", "nova_reserved_host_disk_mb", "nova_update_resources_interval",
            ),
        }),
        Section("What instances see", {
            "cpu_model_extra_flags": derived(extra_cpu_flags, written="Setting.cpu_model_extra_flags"),
            **settings(
                "cpu_mode", "cpu_model", "hw_machine_type", "nested_virt", "nested_openstack",
                "nova_num_pcie_ports", "nova_swtpm_enabled", "nova_run_numad", "nova_run_numad_on_compute_nodes",
            ),
        }),
        Section("Moving instances", {
            "nova_skip_cpu_compare_on_dest":            in_words("nova_skip_cpu_compare_on_dest"),
            "nova_skip_cpu_compare_at_startup":         in_words("nova_skip_cpu_compare_at_startup"),
            "nova_skip_hypervisor_version_check_on_lm": in_words("nova_skip_hypervisor_version_check_on_lm"),
            **settings(
                "nova_max_concurrent_live_migrations", "nova_enable_force_complete_and_post_copy",
                "nova_live_migration_downtime_steps", "nova_live_migration_downtime_delay",
                "nova_live_migration_completion_timeout", "nova_resize_confirm_window",
            ),
        }),
        Section("Libvirt", settings(
            "libvirt_max_client_requests", "libvirt_admin_max_client_requests", "libvirt_max_workers",
            "libvirt_ovs_timeout",
        )),
        Section("Whether it gives GPUs to instances", settings("use_gpu")),
        Section("GPUs", when=is_on("use_gpu"), params={
            "gpu_name":       listed("gpu_name"),
            "gpu_vendor_id":  listed("gpu_vendor_id"),
            "gpu_product_id": listed("gpu_product_id"),
            **settings("gpu_device_type", "vfio_ids"),
        }),
        Section("Whether there is Ceph", {
            "cluster_has_osds":      derived(has_osds.holds, f"whether {has_osds.name}"),
            "use_ceph_if_available": derived(uses_ceph),
            **settings("compute_is_cephosd", "ceph_multiple_cluster_az"),
        }),
        Section("Ceph", when=has_osds, params={
            **CEPH_SECRETS.params,
            "ceph_libvirtuuid": ceph.ceph_secret("libvirtuuid"),
            **CEPH_MONITORS.params,
        }),
        Section("One of several Cephs", when=has_osds & several_cephs, params={
            "ceph_az":                      derived(ceph.ceph_zone),
            "ceph_multiple_az_libvirtdata": derived(ceph.keys_for_libvirt),
            "ceph_multiple_az_cinder_conf": derived(ceph.zones_for_cinder),
        }),
        Section("Disks for Ceph", DISKS.params, when=hyperconverged),
        Section("Telemetry and shares, which need Ceph", when=has_osds, params={
            **subroles(True, "ceilometer", "manila"),
            **credentials("ceilometer", "telemetry", "messaging", "authtoken"),
        }),
        Section("Telemetry", settings("install_telemetry")),
        Section("Shares", settings(
            "install_manila", "manila_share_install", "manila_network_cidr", "manila_network_division_mask",
        )),
        Section("Names of instances in Designate", settings("install_designate")),
        Section("Designate", subroles(True, "designate"), when=is_on("install_designate")),
        Section("Backups", {
            "backup_backend": derived(backup_backend),
            **settings("cinder_backup_use_external_swift"),
        }),
        SWIFT_ELSEWHERE,
        Section("Accounts", {
            **credentials("haproxy", "stats"),
            **credentials("cinder", "db", "messaging", "authtoken"),
            **credentials("nova", "messaging", "authtoken"),
            **ssh_pair("nova"),
            **credentials("glance", "authtoken"),
            **credentials("neutron", "messaging", "authtoken", "vrrpauth"),
            **credentials("placement", "authtoken"),
            **credentials("manila", "db", "messaging", "authtoken"),
            **credentials("keystone", "adminuser"),
            "pass_metadata_proxy_shared_secret": credential("novaneutron", "shared_secret"),
        }),
        Section("Metrics", settings(
            "enable_monitoring_graphs", "monitoring_graphite_host", "monitoring_graphite_port",
        )),
        Section("Logs", settings(
            "use_json_log", "nova_debug_log", "neutron_debug_log", "cinder_debug_log", "ceilometer_debug_log",
            "logrotate_hourly",
        )),
        Section("Kernel modules", settings("configure_dkms")),
        Section("Names by SNI", settings(
            "haproxy_use_sni", "keystone_sni_name", "glance_sni_name", "neutron_sni_name", "barbican_sni_name",
        )),
        EXTERNAL_KEYSTONE,
    ),
    left_to_puppet={
        "admin_email_address":    "oci::generic gives it to the mail server",
        "authorized_keys_hash":   "oci::generic gives the keys to root",
        "ceph_osd_initial_setup": "the first boot makes OSDs of its disks (cephosd_automatic_provisionning)",
        "nova_swtpm_group":       "OCI has no setting for it; an EncOverlay can set it",
        "nova_swtpm_user":        "OCI has no setting for it; an EncOverlay can set it",
    },
)
