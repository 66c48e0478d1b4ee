"""Ties names of network interfaces to their MAC addresses, so that no other kernel or firmware renames a node's.

What a node's network is made of are names that the live system's kernel gave. The installed system has its own kernel,
and later ones, which may count slots and ports in another way. systemd.link(5) files have udev give each interface the
name that it was reported with. Where the live system renamed none, the installed one is told to rename none.
"""

import re
from collections.abc import Iterable, Mapping

from ..model.debian import knows_permanent_macs
from ..model.files import File, public
from ..model.hardware import Nic
from ..model.nics import is_usb, macs_by_name

_KERNELS_OWN = re.compile(r"(eth|wlan)\d+")
"""Names that the kernel gives before udev is asked: two of them cannot be exchanged."""

_UNRENAMED = re.compile(r"(eth|wlan|ib)\d+")
"""Names of network cards in a system whose udev renames nothing."""

_LINK = """\
# The interface that was {name} when this node was installed, whatever a kernel would call it.
[Match]
PermanentMACAddress={mac}

[Link]
Name={name}
"""


def keeps_kernels_names(nics: Iterable[Nic]) -> bool:
    """Whether all interfaces have the names that a kernel gives before udev is asked: none was renamed.

    The installed system has these names only where its kernel is told ``nics.NO_RENAMING``, too.
    """
    names = [nic.name for nic in nics if not is_usb(nic)]
    return any(map(_KERNELS_OWN.fullmatch, names)) and all(map(_UNRENAMED.fullmatch, names))


def link_files(release: str, nics: Iterable[Nic]) -> Mapping[str, File]:
    """A file for each interface that is not behind USB and whose MAC address no other has, by its path on the node.

    Bonds, VLANs and bridges have the same address as what they are made of, and no permanent one: none is matched.

    Args:
        release: Debian's, that is installed.
        nics: The node's interfaces, as they were reported.
    """
    known = macs_by_name(nics) if knows_permanent_macs(release) else {}
    return {
        f"/etc/systemd/network/10-reconciler-{name}.link": public(_LINK.format(name=name, mac=mac))
        for name, mac in known.items()
        if not _KERNELS_OWN.fullmatch(name)
    }
