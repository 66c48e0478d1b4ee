"""``oci::cephmon``: Ceph's monitors and managers, on nodes of their own or, at first, on controllers."""

from .. import ceph
from ..conditions import role_is, several_cephs
from ..groups import CEPH_MONITORS, IDENTITY, MANAGEMENT_NETWORK
from ..params import PuppetClass, Section, derived, settings

has_the_role = role_is("cephmon", "billmon")

CEPHMON = PuppetClass(
    "oci::cephmon",
    sections=(
        *IDENTITY,
        MANAGEMENT_NETWORK,
        Section("Its Ceph", {
            "ceph_fsid":              ceph.ceph_secret("fsid"),
            "ceph_admin_key":         ceph.ceph_secret("adminkey"),
            "ceph_mon_key":           ceph.ceph_secret("monkey"),
            "ceph_mgr_key":           ceph.ceph_secret("mgrkey"),
            "ceph_openstack_key":     ceph.ceph_secret("openstackkey"),
            "ceph_bootstrap_osd_key": ceph.ceph_secret("bootstraposdkey"),
        }),
        CEPH_MONITORS,
        Section("One of several Cephs", {"ceph_az": derived(ceph.ceph_zone)}, when=several_cephs & has_the_role),
        Section("Deployment", when=has_the_role, params={
            "pass_cephadm_ssh_pub":  ceph.ceph_ssh_key("public", base64=False),
            "pass_cephadm_ssh_priv": ceph.ceph_ssh_key("private", base64=True),
            **settings("ceph_use_cephadm_to_deploy", "kernel_from_backports"),
        }),
        Section("Monitors of instances' Ceph", when=role_is("cephmon"), params=settings(
            "configure_dkms", "ceph_multiple_cluster_az",
        )),
    ),
    left_to_puppet={"sql_vip_ip": "the class does not use it"},
)
