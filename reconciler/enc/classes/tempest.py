"""``oci::tempest``: functional tests of the whole cluster, run from a node of their own."""

from ..conditions import has, has_osds, has_swift
from ..credentials import credential, credentials
from ..interop_tests import object_storage_tests, other_tests
from ..params import PuppetClass, Section, constant, derived, settings, spec
from ..shared_sections import COMMON, EXTERNAL_KEYSTONE

TEMPEST = PuppetClass(
    "oci::tempest",
    sections=(
        *COMMON,
        Section("Cinder", {"cluster_has_cinder": constant(True)}, when=has("volume") | has_osds),
        Section("Ceph", {"cluster_has_ceph": constant(True)}, when=has_osds),
        Section("Computes", {"cluster_has_compute": constant(True)}, when=has("compute")),
        Section("Swift", {"cluster_has_swift": constant(True)}, when=has_swift),
        Section("The image it boots", {
            "glance_image_path": spec(lambda v: v.fleet.glance_image.path, "Fleet.glance_image.path"),
            "glance_image_name": spec(lambda v: v.fleet.glance_image.name, "Fleet.glance_image.name"),
            "glance_image_user": spec(lambda v: v.fleet.glance_image.ssh_user, "Fleet.glance_image.ssh_user"),
        }),
        Section("Networks and flavors", {
            "neutron_external_network_name":
                spec(lambda v: v.fleet.tempest.external_network_name, "Fleet.tempest.external_network_name"),
            "neutron_floating_network_name":
                spec(lambda v: v.fleet.tempest.floating_network_name, "Fleet.tempest.floating_network_name"),
            "neutron_public_network_name":
                spec(lambda v: v.fleet.tempest.public_network_name, "Fleet.tempest.public_network_name"),
            "nova_flavor_name": spec(lambda v: v.fleet.tempest.flavor_name, "Fleet.tempest.flavor_name"),
            "nova_flavor_alt_name": spec(lambda v: v.fleet.tempest.flavor_alt_name, "Fleet.tempest.flavor_alt_name"),
        }),
        Section("Tests of the interoperability guideline", {
            "refstack_object_test_list":    derived(object_storage_tests),
            "refstack_no_object_test_list": derived(other_tests),
        }),
        Section("Accounts", {
            **credentials("keystone", "adminuser"),
            **credentials("zabbix", "authtoken"),
            **credentials("rally", "db"),
            "pass_root_rally_db": credential("rootrally", "db"),
        }),
        Section("Names by SNI", settings("keystone_sni_name", "horizon_sni_name")),
        EXTERNAL_KEYSTONE,
    ),
    left_to_puppet={
        "haproxy_use_sni":            "OCI does not give it to test nodes; an EncOverlay can set it",
        "network_cidr":               "the class does not use it",
        "network_ipaddr":             "the class does not use it",
        "neutron_shared_subnet_name": "OCI has no setting for it; an EncOverlay can set it",
        "sql_vip_ip":                 "the class does not use it",
    },
)
