"""``oci::swiftstore``: a Swift storage node, running account, container and object servers."""

from ..params import PuppetClass, Section, derived, settings
from ..shared_sections import (
    COMMON,
    MANAGEMENT_NETWORK,
    METRICS,
    SWIFT_DISKS,
    SWIFT_ERASURE_CODING,
    SWIFT_NODE_RESERVED_SPACE,
    SWIFT_OBJECT_SERVER,
    SWIFT_PEERS,
    SWIFT_RING_SECRETS,
    SWIFT_RSYNC,
    SWIFT_STORES,
)  # fmt: skip
from ..values.common import swift_zone

SWIFTSTORE = PuppetClass(
    "oci::swiftstore",
    sections=(
        *COMMON,
        MANAGEMENT_NETWORK,
        METRICS,
        SWIFT_PEERS,
        SWIFT_RING_SECRETS,
        Section("Its place and disks", {
            "zoneid": derived(swift_zone),
            **SWIFT_DISKS.params,
        }),
        SWIFT_STORES,
        Section("Reserved space, in GiB", settings("swiftstore_reserved_space", "swiftstore_fallocate_reserved_space")),
        SWIFT_NODE_RESERVED_SPACE,
        SWIFT_OBJECT_SERVER,
        Section("Replicators", settings("swift_object_replicator_concurrency", "swift_rsync_connection_limit")),
        SWIFT_RSYNC,
        SWIFT_ERASURE_CODING,
    ),
    left_to_puppet={
        "monitoring_host": "the class does not use it",
        "sql_vip_ip":      "the class does not use it",
    },
)
