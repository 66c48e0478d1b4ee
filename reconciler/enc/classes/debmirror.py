"""``oci::debmirror``: a mirror of Debian's archive."""

from ..params import PuppetClass
from ..shared_sections import COMMON

DEBMIRROR = PuppetClass(
    "oci::debmirror",
    sections=COMMON,
    left_to_puppet={
        "network_cidr":   "the class does not use it",
        "network_ipaddr": "the class does not use it",
        "sql_vip_ip":     "the class does not use it",
    },
)
