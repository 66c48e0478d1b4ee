"""``oci::cephosd``: Ceph's disks, on nodes of their own or, at first, on computes that will run instances too."""

from .. import ceph
from ..conditions import role_is, several_cephs
from ..params import PuppetClass, Section, derived, settings
from ..shared_sections import (
    CEPH_DEPLOYMENT,
    CEPH_MONITORS,
    CEPH_NETWORK,
    CEPH_SECRETS,
    DISKS,
    IDENTITY,
    MANAGEMENT_NETWORK,
)
from ..values.compute import bgp_to_the_host

has_the_role = role_is("cephosd", "billosd")

CEPHOSD = PuppetClass(
    "oci::cephosd",
    sections=(
        *IDENTITY,
        MANAGEMENT_NETWORK,
        Section("Routing", {"bgp_to_the_host": derived(bgp_to_the_host)}),
        Section("Disks", {**DISKS.params, "ceph_osd_initial_setup": derived(ceph.makes_osds)}),
        CEPH_SECRETS,
        CEPH_MONITORS,
        CEPH_NETWORK,
        Section("One of several Cephs", {"ceph_az": derived(ceph.ceph_zone)}, when=several_cephs & has_the_role),
        Section("Deployment", CEPH_DEPLOYMENT.params, when=has_the_role),
        Section("Disks of instances' Ceph", when=role_is("cephosd"), params=settings(
            "configure_dkms", "ceph_multiple_cluster_az",
        )),
    ),
    left_to_puppet={"sql_vip_ip": "the class does not use it"},
)
