"""``oci::dns``: a BIND that Designate fills."""

from ..conditions import is_on
from ..credentials import credential
from ..params import PuppetClass, Section, settings
from ..shared_sections import COMMON

DNS = PuppetClass(
    "oci::dns",
    sections=(
        *COMMON,
        Section("The API over IPv6", settings("api_use_ipv6")),
        Section("Its IPv6 address", settings("vip6_ipaddr"), when=is_on("api_use_ipv6")),
        Section("The name server", {
            "pass_designate_rndckey": credential("designate", "rndckey"),
            **settings("dns_empty_zones_enable"),
        }),
    ),
    left_to_puppet={
        "network_cidr":   "the class does not use it",
        "network_ipaddr": "the class does not use it",
        "sql_vip_ip":     "the class does not use it",
    },
)
