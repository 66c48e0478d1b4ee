"""Other nodes that a controller works with: controllers, database, RabbitMQ, computes, volumes, DNS."""

from ...conditions import has, has_messaging, is_on
from ...params import Section, constant, derived, subroles
from ...shared_sections import DATABASE_CLIENTS, DATABASE_PEERS, DATABASE_VIP, NO_RATE_LIMIT
from ...values.compute import address_for_instances, bgp_to_the_host
from ...values.controller import (
    all_bridge_mappings,
    all_external_networks,
    designate_pools,
    machine_interface,
    others_than_first,
)  # fmt: skip
from ...values.peers import (
    addresses_of,
    corosync_ids,
    is_first,
    names,
    other_addresses,
    other_names,
    short_names,
)  # fmt: skip
from ...values.setup import first_setup_goes_on
from ...values.vips import interface_of_vip

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
    Section("The database", {**DATABASE_PEERS.params, **DATABASE_VIP.params, **DATABASE_CLIENTS.params}),
    Section("Where the API's address is brought up", {"sql_vip_iface": interface_of_vip("api")}),
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
        **subroles(True, "designate"),
        "dns_nodes":            names("dns"),
        "dns_nodes_ip":         addresses_of("dns"),
        "designate_pools_yaml": derived(designate_pools, base64=True),
    }),
    NO_RATE_LIMIT,
)
