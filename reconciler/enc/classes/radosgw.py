"""``oci::radosgw``: Ceph's object gateway, with HAProxy in front."""

from .. import ceph
from ..credentials import credentials
from ..params import PuppetClass, Section, derived, settings
from ..shared_sections import (
    CEPH_MONITORS,
    CEPH_NETWORK,
    COMMON,
    EXTERNAL_KEYSTONE,
    HAPROXY_TIMEOUTS,
    MANAGEMENT_NETWORK,
    NO_RATE_LIMIT,
)  # fmt: skip
from ..values.common import swift_proxy_hostname
from ..values.peers import addresses_of, names

RADOSGW = PuppetClass(
    "oci::radosgw",
    sections=(
        *COMMON,
        MANAGEMENT_NETWORK,
        Section("Its Ceph", {
            "ceph_fsid":              ceph.ceph_secret("fsid"),
            "ceph_admin_key":         ceph.ceph_secret("adminkey"),
            "ceph_bootstrap_rgw_key": ceph.ceph_secret("bootstraprgwkey"),
        }),
        CEPH_MONITORS,
        CEPH_NETWORK,
        Section("The gateways", {
            "all_radosgw":         names("radosgw"),
            "all_radosgw_ip":      addresses_of("radosgw"),
            "swiftproxy_hostname": derived(swift_proxy_hostname),
            **credentials("radosgw", "authtoken"),
            **credentials("haproxy", "stats"),
        }),
        Section("Rate limits", {
            **NO_RATE_LIMIT.params,
            **settings("swift_proxy_disable_rate_limit", "swift_proxy_haproxy_rate_limit"),
        }),
        HAPROXY_TIMEOUTS,
        Section("Names by SNI", settings("haproxy_use_sni", "keystone_sni_name")),
        EXTERNAL_KEYSTONE,
    ),
    left_to_puppet={"sql_vip_ip": "the class does not use it"},
)
