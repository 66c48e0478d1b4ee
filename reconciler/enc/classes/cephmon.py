"""``oci::cephmon``: Ceph's monitors and managers, on nodes of their own or, at first, on controllers."""

from .. import ceph
from ..conditions import role_is, several_cephs
from ..params import PuppetClass, Section, derived, settings
from ..shared_sections import CEPH_DEPLOYMENT, CEPH_MONITORS, CEPH_SECRETS, IDENTITY, MANAGEMENT_NETWORK

has_the_role = role_is("cephmon", "billmon")

CEPHMON = PuppetClass(
    "oci::cephmon",
    sections=(
        *IDENTITY,
        MANAGEMENT_NETWORK,
        Section("Its Ceph", {**CEPH_SECRETS.params, "ceph_mgr_key": ceph.ceph_secret("mgrkey")}),
        CEPH_MONITORS,
        Section("One of several Cephs", {"ceph_az": derived(ceph.ceph_zone)}, when=several_cephs & has_the_role),
        Section("Deployment", CEPH_DEPLOYMENT.params, when=has_the_role),
        Section("Monitors of instances' Ceph", when=role_is("cephmon"), params=settings(
            "configure_dkms", "ceph_multiple_cluster_az",
        )),
    ),
    left_to_puppet={"sql_vip_ip": "the class does not use it"},
)
