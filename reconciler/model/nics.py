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


NO_RENAMING: Final = "net.ifnames=0"
"""A word for the kernel: with it udev leaves interfaces the names that the kernel gave (systemd-udevd.service(8))."""


def is_usb(nic: Nic) -> bool:
    """Whether a network interface is behind a USB port."""
    return nic.driver in _USB_DRIVERS or _USB_NAME.match(nic.name) is not None


def macs_by_name(nics: Iterable[Nic]) -> Mapping[str, str]:
    """The permanent MAC address of each interface that no other has, by its name.

    Firmware may give a port another address than it was made with. Those on USB are left out: many share an address.
    """
    own = [(nic.name, nic.permanent or nic.mac) for nic in nics if not is_usb(nic)]
    times = Counter(mac for _, mac in own)
    return {name: mac for name, mac in own if times[mac] == 1 and len(name) <= LONGEST}
