"""Sections that several classes have. Named in each table that uses them, so that a table can be read alone."""

from . import ceph
from .conditions import has_messaging, has_osds, swift_is_elsewhere
from .credentials import credentials
from .params import Section, constant, derived, setting, settings, spec
from .values.common import (
    QUORUM_QUEUES,
    api_address,
    api_certificate_is_self_signed,
    api_network_line,
    management_networks,
    networks,
)  # fmt: skip
from .values.compute import address_for_instances, bridge_mappings, external_networks, somebody_routes, sql_address
from .values.peers import (
    addresses_of,
    corosync_ids,
    database_role,
    first,
    first_address_of,
    is_first,
    names,
    other_addresses,
    other_names,
)  # fmt: skip
from .values.swift_elsewhere import DOMAIN, PROJECT, USER, linked, password_of
from .values.vips import VIP_ADDRESS, VIP_PREFIX, api_netmask, database_vip, of_vip

IDENTITY = (
    Section("This node", {
        "machine_hostname":  derived(lambda v: v.node.hostname, "the node's hostname"),
        "machine_ip":        derived(lambda v: v.node.address, "the node's management address"),
    }),
    Section("Its cluster", {
        "cluster_name":          derived(lambda v: v.cluster.name, "the cluster's name"),
        "region_name":           spec(lambda v: v.cluster.spec.region, "Cluster.region"),
        "openstack_release":     spec(lambda v: v.fleet.release.openstack, "Fleet.release.openstack"),
    }),
    Section("The API", {
        "self_signed_api_cert": derived(api_certificate_is_self_signed, written="Cluster.api.certificate"),
        "vip_hostname":         derived(lambda v: v.cluster.api_hostname, "the API's hostname", "Cluster.api.hostname"),
        "vip_ipaddr":           derived(api_address, written=api_network_line),
        "vip_netmask":          derived(api_netmask, written=api_network_line),
    }),
    Section("Controllers", {
        "all_masters":     names("controller"),
        "all_masters_ip":  addresses_of("controller"),
        "first_master":    first("controller"),
        "first_master_ip": first_address_of("controller"),
    }),
)

COMMON = (*IDENTITY, Section("Kernel", {"kernel_from_backports": setting("kernel_from_backports")}))

MANAGEMENT_NETWORK = Section("Management network", {
    "network_ipaddr": derived(lambda v: str(v.node.network.network_address), "the management network"),
    "network_cidr":   derived(lambda v: v.node.network.prefixlen, "the management network's prefix"),
})

DISKS = Section("Disks", {
    "block_devices": derived(lambda v: v.node.data_disks, "disks without the operating system"),
})

NO_RATE_LIMIT = Section("Who may call the API without limit", {
    "no_api_rate_limit_networks": management_networks(
        "compute", "controller", "volume", "network", "messaging", "swiftproxy",
    ),
})

METRICS = Section("Metrics", settings("statsd_hostname", "monitoring_graphite_host", "monitoring_graphite_port"))

SWIFT_PEERS = Section("Swift peers", {
    "all_swiftstore":                 names("swiftstore"),
    "all_swiftstore_ip":              addresses_of("swiftstore"),
    "all_swiftproxy":                 names("swiftproxy"),
    "all_swiftproxy_ip":              addresses_of("swiftproxy"),
    "swift_storage_allowed_networks": networks("swiftstore", "swiftproxy"),
})

SWIFT_RING_SECRETS = Section("Ring secrets", credentials("swift", "hashpathprefix", "hashpathsuffix"))

SWIFT_STORES = Section("What its disks hold", settings(
    "swift_store_account", "swift_store_container", "swift_store_object", "swift_auto_mount_block_devices",
))

SWIFT_DISKS = Section("Disks", {
    **DISKS.params,
    "use_oci_sort_dev": derived(lambda v: v.node.hardware.sort_devices, "how the agent named the disks"),
})

SWIFT_NODE_RESERVED_SPACE = Section("Reserved space of this node, in GiB", settings(
    "swift_override_cluster_reserved_space", "swift_storage_reserved_space", "swift_storage_fallocate_reserved_space",
))

SWIFT_OBJECT_SERVER = Section("Object server", settings(
    "servers_per_port", "network_chunk_size", "disk_chunk_size",
))

SWIFT_RSYNC = Section("Replication", settings(
    "swift_container_replicator_per_region_scheduling",
    "swift_rsync_io_limit_activate", "swift_rsync_io_limit_megabytes", "swift_rsync_io_limit_iops",
))

SWIFT_ERASURE_CODING = Section("Erasure coding policy", {
    **settings(
        "swift_ec_enable", "swift_ec_policy_name", "swift_ec_type",
        "swift_ec_num_data_fragments", "swift_ec_num_parity_fragments", "swift_ec_object_segment_size",
    ),
    # Text, for the storage nodes' class makes it a resource's title, which no number may be.
    "swift_ec_policy_index": derived(
        lambda v: str(v.setting("swift_ec_policy_index")), "the policy's number", "Setting.swift_ec_policy_index"
    ),
})

DATABASE_PEERS = Section("The database", {
    "first_sql":         first(database_role),
    "first_sql_ip":      first_address_of(database_role),
    "is_first_sql":      is_first(database_role),
    "all_sql":           names(database_role),
    "all_sql_ip":        addresses_of(database_role),
    "all_sql_ids":       corosync_ids(database_role),
    "non_master_sql":    other_names(database_role),
    "non_master_sql_ip": other_addresses(database_role),
})

DATABASE_VIP = Section("The database's virtual address", {
    "sql_vip_ip":      of_vip(database_vip, lambda vip: vip.address, VIP_ADDRESS),
    "sql_vip_netmask": of_vip(database_vip, lambda vip: vip.prefix, VIP_PREFIX),
})  # sql_vip_iface is the interface of whatever address the class brings up

DATABASE_CLIENTS = Section("Who may connect to the database", {
    "sql_allowed_networks": management_networks("controller", "volume", "compute", "messaging"),
})

DATABASE_AND_MESSAGES = Section("Database and messages", {
    "sql_vip_ip": derived(sql_address),
    "rabbitmq_enable_quorum_queues": QUORUM_QUEUES,
    **settings("rabbitmq_message_timeout", "disable_notifications"),
})

BRIDGES_AND_ROUTING = Section("Bridges and routing", {
    "bridge_mapping_list":   derived(bridge_mappings),
    "external_network_list": derived(external_networks),
    "vmnet_ip":              derived(address_for_instances),
    "use_dynamic_routing":   derived(somebody_routes),
    **settings("neutron_install_dragent", "neutron_external_network_name", "neutron_use_dvr", "brex_macaddr"),
    "bgp_to_the_host":       setting("bgp_to_the_host"),
})

MESSAGING_PEERS = Section("Messaging nodes", when=has_messaging, params={
    "messaging_nodes_for_notifs": constant(True),
    "all_rabbits":                names("messaging"),
    "all_rabbits_ips":            addresses_of("messaging"),
})

NOTIFICATIONS = Section("Notifications", MESSAGING_PEERS.params, has_osds & has_messaging)

EXTERNAL_KEYSTONE = Section("A Keystone elsewhere", settings(
    "external_keystone_activate", "external_keystone_url",
    "external_keystone_admin_password", "external_keystone_region_prefixed_users",
))

CEPH_NETWORK = Section("Ceph's own network", {
    "use_ceph_cluster_net": derived(ceph.has_ceph_network),
    "cephnet_ip":           derived(ceph.ceph_address),
    "cephnet_network_addr": derived(ceph.ceph_network_address),
    "cephnet_network_cidr": derived(ceph.ceph_network_prefix),
    "cephnet_mtu":          derived(ceph.ceph_network_mtu),
})

CEPH_MONITORS = Section("Ceph's monitors", {
    "ceph_mon_initial_members": derived(ceph.monitor_names),
    "ceph_mon_host":            derived(ceph.monitor_addresses),
})

CEPH_SECRETS = Section("Its Ceph", {
    "ceph_fsid":              ceph.ceph_secret("fsid"),
    "ceph_admin_key":         ceph.ceph_secret("adminkey"),
    "ceph_mon_key":           ceph.ceph_secret("monkey"),
    "ceph_openstack_key":     ceph.ceph_secret("openstackkey"),
    "ceph_bootstrap_osd_key": ceph.ceph_secret("bootstraposdkey"),
})

CEPH_DEPLOYMENT = Section("Deployment", {
    "pass_cephadm_ssh_pub":  ceph.ceph_ssh_key("public", base64=False),
    "pass_cephadm_ssh_priv": ceph.ceph_ssh_key("private", base64=True),
    **settings("ceph_use_cephadm_to_deploy", "kernel_from_backports"),
})

HAPROXY_TIMEOUTS = Section("Timeouts of HAProxy", settings(
    "haproxy_timeout_http_request", "haproxy_timeout_queue", "haproxy_timeout_connect",
    "haproxy_timeout_client", "haproxy_timeout_server", "haproxy_timeout_check",
))

SWIFT_ELSEWHERE = Section("A Swift elsewhere", when=swift_is_elsewhere, params={
    "extswift_use_external":        constant(True),
    "extswift_auth_url":            linked("extswift_auth_url", lambda other: other.keystone, "the Keystone"),
    "extswift_region":              linked("extswift_region", lambda other: other.spec.region, "the region"),
    "extswift_proxy_url":           linked("extswift_proxy_url", lambda other: other.proxy, "the proxies' address"),
    "extswift_project_name":        linked("extswift_project_name", lambda _: PROJECT, "the services' project"),
    "extswift_project_domain_name": linked("extswift_project_domain_name", lambda _: DOMAIN, "the services' domain"),
    "extswift_user_name":           linked("extswift_user_name", lambda _: USER, "the Swift service's user"),
    "extswift_user_domain_name":    linked("extswift_user_domain_name", lambda _: DOMAIN, "the services' domain"),
    "extswift_password":            linked("extswift_password", password_of, "the Swift service's password"),
})
