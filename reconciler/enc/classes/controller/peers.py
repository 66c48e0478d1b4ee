"""Other nodes that a controller works with: controllers, database, RabbitMQ, computes, volumes, DNS."""

from ...conditions import has, has_messaging, is_on
from ...derive import management_networks
from ...params import Section, constant, derived
from ...values_compute import address_for_instances, bgp_to_the_host
from ...values_controller import (
    all_bridge_mappings,
    all_external_networks,
    designate_pools,
    machine_interface,
    others_than_first,
)  # fmt: skip
from ...values_peers import (
    addresses_of,
    corosync_ids,
    database_role,
    database_vip,
    first,
    first_address_of,
    is_first,
    names,
    of_vip,
    other_addresses,
    other_names,
    short_names,
)  # fmt: skip
from ...values_setup import first_setup_goes_on

PEERS = (
    Section("Its place in the network", {
        "machine_iface":         derived(machine_interface),
        "vmnet_ip":              derived(address_for_instances),
        "bgp_to_the_host":       derived(bgp_to_the_host),
        "bridge_mapping_list":   derived(all_bridge_mappings),
        "external_network_list": derived(all_external_networks),
    }),
    Section("The controllers among themselves", {
        "initial_cluster_setup":           derived(first_setup_goes_on),
        "is_first_master":                 is_first("controller"),
        "all_masters_short_names":         short_names("controller"),
        "all_masters_ids":                 corosync_ids("controller"),
        "other_masters":                   other_names("controller"),
        "other_masters_ip":                other_addresses("controller"),
        "non_first_master_controllers":    others_than_first("hostname"),
        "non_first_master_controllers_ip": others_than_first("address"),
    }),
    Section("The database", {
        "first_sql":            first(database_role),
        "first_sql_ip":         first_address_of(database_role),
        "is_first_sql":         is_first(database_role),
        "all_sql":              names(database_role),
        "all_sql_ip":           addresses_of(database_role),
        "all_sql_ids":          corosync_ids(database_role),
        "non_master_sql":       other_names(database_role),
        "non_master_sql_ip":    other_addresses(database_role),
        "sql_vip_ip":           of_vip(database_vip, lambda vip: vip.address, "the address"),
        "sql_vip_netmask":      of_vip(database_vip, lambda vip: vip.prefix, "the prefix"),
        "sql_vip_iface":        of_vip(database_vip, lambda vip: vip.interface, "the interface"),
        "sql_allowed_networks": management_networks("controller", "volume", "compute", "messaging"),
    }),
    Section("RabbitMQ for notifications", when=has_messaging, params={
        "messaging_nodes_for_notifs":  constant(True),
        "all_rabbits":                 names("messaging"),
        "all_rabbits_ips":             addresses_of("messaging"),
        "all_rabbits_short_hostnames": short_names("messaging"),
    }),
    Section("Computes and volumes", {
        "compute_nodes":    names("compute"),
        "compute_nodes_ip": addresses_of("compute"),
        "volume_nodes":     names("volume"),
        "volume_nodes_ip":  addresses_of("volume"),
    }),
    Section("DNS", when=has("compute") & is_on("install_designate"), params={
        "has_subrole_designate": constant(True),
        "dns_nodes":             names("dns"),
        "dns_nodes_ip":          addresses_of("dns"),
        "designate_pools_yaml":  derived(designate_pools),
    }),
    Section("Who may call the API without limit", {
        "no_api_rate_limit_networks": management_networks(
            "compute", "controller", "volume", "network", "messaging", "swiftproxy",
        ),
    }),
)
