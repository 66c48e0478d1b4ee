"""Network interfaces of hardware: which are behind USB, and which name each has that its MAC address can bring back."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from .hardware import Nic
from .interfaces import LONGEST

_USB_NAME: Final = re.compile(r"(?:usb|idrac|enx)|en[a-z0-9]*?p[0-9]+s[0-9]+(?:f[0-9]+)?u")
"""How the kernel, Dell and systemd (systemd.net-naming-scheme(7)) call a network interface behind a USB port."""

_USB_DRIVERS: Final = frozenset({"cdc_ether", "cdc_ncm", "cdc_subset", "cdc_eem", "rndis_host", "usbnet"})


def is_usb(nic: Nic) -> bool:
    """Whether a network interface is behind a USB port."""
    return nic.driver in _USB_DRIVERS or _USB_NAME.match(nic.name) is not None


def macs_by_name(nics: Iterable[Nic]) -> Mapping[str, str]:
    """The MAC address of each interface that no other has, by its name. Without USB, whose addresses many share."""
    own = [nic for nic in nics if not is_usb(nic)]
    times = Counter(nic.mac for nic in own)
    return {nic.name: nic.mac for nic in own if times[nic.mac] == 1 and len(nic.name) <= LONGEST}
