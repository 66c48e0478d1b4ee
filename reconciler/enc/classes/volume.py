"""``oci::volume``: Cinder on LVM, and its backups."""

from .. import ceph
from ..conditions import has_osds
from ..credentials import credentials
from ..params import PuppetClass, Section, derived, settings
from ..shared_sections import (
    CEPH_MONITORS,
    COMMON,
    DATABASE_AND_MESSAGES,
    DISKS,
    EXTERNAL_KEYSTONE,
    MANAGEMENT_NETWORK,
    MESSAGING_PEERS,
    SWIFT_ELSEWHERE,
)  # fmt: skip
from ..values.compute import backup_backend, lvm_backends, volume_group

VOLUME = PuppetClass(
    "oci::volume",
    sections=(
        *COMMON,
        MANAGEMENT_NETWORK,
        DATABASE_AND_MESSAGES,
        MESSAGING_PEERS,
        Section("Disks", {
            **DISKS.params,
            "vgname":               derived(volume_group),
            "enabled_backend_list": derived(lvm_backends, written="Setting.cinder_enabled_backends"),
            **settings("cinder_enabled_backends", "cinder_separate_volume_groups", "lvm_backend_name"),
        }),
        Section("Cinder", settings(
            "availability_zone", "cinder_max_over_subscription_ratio", "cinder_reserved_percentage",
            "volume_copy_bps_limit",
        )),
        Section("Backups", {"backup_backend": derived(backup_backend)}),
        Section("Whether there is Ceph", {"cluster_has_osds": derived(has_osds.holds, f"whether {has_osds.name}")}),
        Section("Ceph", when=has_osds, params={
            "ceph_fsid":          ceph.ceph_secret("fsid"),
            "ceph_libvirtuuid":   ceph.ceph_secret("libvirtuuid"),
            "ceph_admin_key":     ceph.ceph_secret("adminkey"),
            "ceph_openstack_key": ceph.ceph_secret("openstackkey"),
            **CEPH_MONITORS.params,
        }),
        SWIFT_ELSEWHERE,
        Section("Accounts", {
            **credentials("cinder", "db", "messaging", "authtoken"),
            **credentials("nova", "authtoken"),
            **credentials("keystone", "adminuser"),
        }),
        Section("Logs", settings("use_json_log", "cinder_debug_log")),
        Section("Kernel modules", settings("configure_dkms")),
        Section("Names by SNI", settings("glance_sni_name", "keystone_sni_name")),
        EXTERNAL_KEYSTONE,
    ),
    left_to_puppet={
        "haproxy_use_sni":  "OCI does not give it to volumes; an EncOverlay can set it",
        "logrotate_hourly": "oci::generic rotates the logs",
    },
)
