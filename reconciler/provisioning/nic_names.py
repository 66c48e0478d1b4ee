"""Ties names of network interfaces to their MAC addresses, so that no other kernel or firmware renames a node's.

What a node's network is made of are names that the live system's kernel gave. The installed system has its own kernel,
and later ones, which may count slots and ports in another way. systemd.link(5) files have udev give each interface the
name that it was reported with.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from ..model.debian import knows_permanent_macs
from ..model.files import File, public
from ..model.hardware import Nic

_KERNELS_OWN = re.compile(r"(eth|usb|wlan)\d+")
"""Names that the kernel gives before udev is asked: two of them cannot be exchanged."""

_LINK = """\
# The interface that was {name} when this node was installed, whatever a kernel would call it.
[Match]
PermanentMACAddress={mac}

[Link]
Name={name}
"""


def link_files(release: str, nics: Iterable[Nic]) -> Mapping[str, File]:
    """A file for each interface whose MAC address no other has, by its path in the installed system.

    Bonds, VLANs and bridges have the same address as what they are made of, and no permanent one: none is matched.

    Args:
        release: Debian's, that is installed.
        nics: The node's interfaces, as they were reported.
    """
    known = list(nics) if knows_permanent_macs(release) else []
    often = Counter(nic.mac for nic in known)
    return {
        f"/etc/systemd/network/10-reconciler-{nic.name}.link": public(_LINK.format(name=nic.name, mac=nic.mac))
        for nic in known
        if often[nic.mac] == 1 and not _KERNELS_OWN.fullmatch(nic.name)
    }
