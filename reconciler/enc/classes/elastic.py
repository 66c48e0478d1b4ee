"""``oci::elastic``: Elasticsearch, in which CloudKitty keeps what it rates."""

from ..credentials import credential
from ..params import PuppetClass, Section
from ..shared_sections import COMMON

ELASTIC = PuppetClass(
    "oci::elastic",
    sections=(
        *COMMON,
        Section("Accounts", {
            "pass_elastic_keystore":   credential("elastickeystore", "monitoring"),
            "pass_cloudkitty_elastic": credential("cloudkitty", "monitoring"),
        }),
    ),
    left_to_puppet={
        "network_cidr":   "the class does not use it",
        "network_ipaddr": "the class does not use it",
        "sql_vip_ip":     "the class does not use it",
    },
)
