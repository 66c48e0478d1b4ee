"""Names of roles that exist without anybody writing a ``Role`` document."""

BUILT_IN_ROLES = (
    "controller", "messaging", "sql", "sqlmsg", "compute", "network", "volume", "cephmon", "cephosd", "billmon",
    "billosd", "swiftproxy", "swiftstore", "radosgw", "dns", "tempest", "elastic", "debmirror",
)  # fmt: skip

NETWORK_ROLES = ("all", "vm-net", "ovs-bridge", "ceph-cluster", "vip")
"""What a network may be for, besides the nodes of one role."""
