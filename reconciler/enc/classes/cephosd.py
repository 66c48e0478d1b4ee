"""``oci::cephosd``: Ceph's disks, on nodes of their own or, at first, on computes that will run instances too."""

from .. import ceph
from ..conditions import role_is, several_cephs
from ..groups import CEPH_MONITORS, CEPH_NETWORK, IDENTITY, MANAGEMENT_NETWORK
from ..params import PuppetClass, Section, derived, settings
from ..values_compute import bgp_to_the_host

has_the_role = role_is("cephosd", "billosd")

CEPHOSD = PuppetClass(
    "oci::cephosd",
    sections=(
        *IDENTITY,
        MANAGEMENT_NETWORK,
        Section("Routing", {"bgp_to_the_host": derived(bgp_to_the_host)}),
        Section("Disks", {
            "block_devices":          derived(lambda v: v.node.data_disks, "disks without the operating system"),
            "ceph_osd_initial_setup": derived(ceph.makes_osds),
        }),
        Section("Its Ceph", {
            "ceph_fsid":              ceph.ceph_secret("fsid"),
            "ceph_admin_key":         ceph.ceph_secret("adminkey"),
            "ceph_mon_key":           ceph.ceph_secret("monkey"),
            "ceph_openstack_key":     ceph.ceph_secret("openstackkey"),
            "ceph_bootstrap_osd_key": ceph.ceph_secret("bootstraposdkey"),
        }),
        CEPH_MONITORS,
        CEPH_NETWORK,
        Section("One of several Cephs", {"ceph_az": derived(ceph.ceph_zone)}, when=several_cephs & has_the_role),
        Section("Deployment", when=has_the_role, params={
            "pass_cephadm_ssh_pub":  ceph.ceph_ssh_key("public", base64=False),
            "pass_cephadm_ssh_priv": ceph.ceph_ssh_key("private", base64=True),
            **settings("ceph_use_cephadm_to_deploy", "kernel_from_backports"),
        }),
        Section("Disks of instances' Ceph", when=role_is("cephosd"), params=settings(
            "configure_dkms", "ceph_multiple_cluster_az",
        )),
    ),
    left_to_puppet={"sql_vip_ip": "the class does not use it"},
)
