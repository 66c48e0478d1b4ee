"""Ceph, Swift, and where Glance and Cinder's backups store."""

from ...ceph import ceph_secret, monitor_addresses, monitor_names
from ...conditions import has, has_osds, is_on
from ...credentials import credential
from ...params import Section, derived, settings
from ...values.common import swift_proxy_hostname
from ...values.compute import backup_backend
from ...values.controller import glance_backend
from ...values.peers import addresses_of, names

without_cephadm = ~is_on("ceph_use_cephadm_to_deploy")

STORAGE = (
    Section("What Ceph there is", {
        "cluster_has_osds": derived(has_osds.holds, f"whether {has_osds.name}"),
        "cluster_has_mons": derived(has("cephmon").holds, f"whether {has('cephmon').name}"),
        **settings("ceph_multiple_cluster_az", "ceph_use_cephadm_to_deploy"),
    }),
    Section("Ceph", when=has_osds, params={
        "ceph_fsid":                ceph_secret("fsid"),
        "ceph_bootstrap_osd_key":   ceph_secret("bootstraposdkey"),
        "ceph_admin_key":           ceph_secret("adminkey"),
        "ceph_mon_key":             ceph_secret("monkey"),
        "ceph_mgr_key":             ceph_secret("mgrkey"),
        "ceph_mon_initial_members": derived(monitor_names),
        "ceph_mon_host":            derived(monitor_addresses),
        "pass_gnocchi_rscuuid":     credential("gnocchi", "uuid"),
    }),
    Section("Ceph's clients", when=has_osds | without_cephadm, params={
        "ceph_openstack_key": ceph_secret("openstackkey"),
    }),
    Section("Ceph's disks for instances", when=(has_osds | has("volume")) & without_cephadm, params={
        "ceph_libvirtuuid": ceph_secret("libvirtuuid"),
    }),
    Section("Ceph's object gateways", when=has_osds & has("radosgw"), params={
        "ceph_bootstrap_rgw_key": ceph_secret("bootstraprgwkey"),
        "all_radosgw":            names("radosgw"),
        "all_radosgw_ip":         addresses_of("radosgw"),
    }),
    Section("Swift's proxies", {
        "swiftproxy_hostname": derived(swift_proxy_hostname),
        "all_swiftproxy":      names("swiftproxy"),
        "all_swiftproxy_ip":   addresses_of("swiftproxy"),
    }),
    Section("Where images and backups are stored", {
        "glance_backend":        derived(glance_backend),
        "cinder_backup_backend": derived(backup_backend),
        **settings("glance_prefer_ceph_over_swift", "cinder_backup_use_external_swift"),
    }),
)
