"""``oci::swiftproxy``: a Swift proxy, which may hold accounts and containers too."""

from ..conditions import has_osds, stores_data
from ..credentials import credentials
from ..params import PuppetClass, Section, constant, derived, setting, settings
from ..shared_sections import (
    COMMON,
    EXTERNAL_KEYSTONE,
    HAPROXY_TIMEOUTS,
    MANAGEMENT_NETWORK,
    METRICS,
    NO_RATE_LIMIT,
    NOTIFICATIONS,
    SWIFT_DISKS,
    SWIFT_ERASURE_CODING,
    SWIFT_NODE_RESERVED_SPACE,
    SWIFT_OBJECT_SERVER,
    SWIFT_PEERS,
    SWIFT_RING_SECRETS,
    SWIFT_RSYNC,
    SWIFT_STORES,
)  # fmt: skip
from ..values.common import (
    expires_objects,
    swift_encryption_is_off,
    swift_proxy_hostname,
    swift_region,
)  # fmt: skip

SWIFTPROXY = PuppetClass(
    "oci::swiftproxy",
    sections=(
        *COMMON,
        MANAGEMENT_NETWORK,
        METRICS,
        SWIFT_PEERS,
        SWIFT_RING_SECRETS,
        Section("The proxy", {
            "swiftproxy_hostname":            derived(swift_proxy_hostname),
            "swiftregion_id":                 derived(swift_region),
            "swift_public_cloud_middlewares": setting("swift_public_cloud_middlewares"),
            "object_expirer_enable":          derived(expires_objects),
            "install_telemetry":              setting("install_telemetry"),
            "swift_proxy_use_ceilometer_middleware": setting("swift_proxy_use_ceilometer_middleware"),
            **credentials("swift", "authtoken"),
            **credentials("haproxy", "stats"),
        }),
        Section("Encryption", {
            "swift_disable_encryption": derived(swift_encryption_is_off),
            "swift_encryption_key_id":  setting("swift_encryption_key_id"),
        }),
        Section("Telemetry", when=has_osds, params={
            "enable_ceilometer_middleware": constant(True),
            **credentials("swift", "messaging"),
        }),
        NOTIFICATIONS,
        Section("Rate limits", {
            **NO_RATE_LIMIT.params,
            **settings(
                "swift_proxy_disable_rate_limit", "swift_proxy_iptables_rate_limit", "swift_proxy_haproxy_rate_limit",
                "swift_proxy_haproxy_custom_delay_trigger", "swift_proxy_haproxy_custom_delay_ms",
            ),
        }),
        SWIFT_STORES,
        Section("Disks", when=stores_data, params={
            **SWIFT_DISKS.params,
            **settings("swift_object_replicator_concurrency", "swift_rsync_connection_limit"),
        }),
        Section("Reserved space, in GiB", settings("swiftproxy_reserved_space", "swiftproxy_fallocate_reserved_space")),
        SWIFT_NODE_RESERVED_SPACE,
        SWIFT_OBJECT_SERVER,
        SWIFT_RSYNC,
        SWIFT_ERASURE_CODING,
        HAPROXY_TIMEOUTS,
        Section("Names by SNI", settings("haproxy_use_sni", "keystone_sni_name", "barbican_sni_name")),
        EXTERNAL_KEYSTONE,
    ),
    left_to_puppet={
        "bulk_delete_concurrency":              "OCI has no setting for it; an EncOverlay can set it",
        "max_containers_per_account":           "OCI has no setting for it; an EncOverlay can set it",
        "max_containers_whitelist":             "OCI has no setting for it; an EncOverlay can set it",
        "sql_vip_ip":                           "the class does not use it",
        "swift_proxy_memcache_max_connections": "OCI has no setting for it; an EncOverlay can set it",
        "swift_proxy_meta_version_to_write":    "OCI has no setting for it; an EncOverlay can set it",
        "swift_storage_domain":                 "OCI has no setting for it; an EncOverlay can set it",
    },
)
