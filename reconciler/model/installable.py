"""Disks that an installer cannot put a system on, however it is asked: known before a machine is booted for it."""

import re

from .raid import software_levels

DEBIAN = "build-openstack-debian-image"
"""The program of the installer ``debian``. Its RAID 1 is of two disks, and its NVMe boots with UEFI only."""

MIRRORED = 2
"""Disks of which the installer ``debian`` makes a mirror: it has words for two."""

_NVME = re.compile(r"(nvme\d+)n1")


def why_not_debian(disks: tuple[str, ...], raid: int | None, *, uefi: bool) -> str | None:
    """Why the installer ``debian`` puts no system on these disks; None: it does.

    Args:
        disks: Their kernel names.
        raid: Level of the software RAID that it is to make of them; None: of one disk, none.
        uefi: Whether the machine boots with UEFI; else as BIOS.
    """
    if raid is None and len(disks) != 1:
        return f"{len(disks)} system disks need a RAID level"
    if raid is None:
        return _why_not_debian_on(disks[0], uefi=uefi)
    if raid in software_levels("debian", uefi=uefi) and len(disks) == MIRRORED:
        return None
    given = f" ({', '.join(disks)})" if disks else ""
    return f"software RAID {raid} of {len(disks)} disks{given} is not possible: {DEBIAN} makes RAID 1 of two"


def _why_not_debian_on(name: str, *, uefi: bool) -> str | None:
    if not name.startswith("nvme") or (uefi and nvme_controller(name)):
        return None
    why = "only a controller's first namespace" if uefi else "NVMe only with UEFI, and it booted as BIOS"
    return f"{DEBIAN} cannot install on {name}: {why}"


def nvme_controller(name: str) -> str | None:
    """The NVMe controller of which a disk is the first namespace; None: it is no such disk."""
    first = _NVME.fullmatch(name)
    return first[1] if first else None


def why_not_image(disks: tuple[str, ...], raid: int | None, *, uefi: bool | None) -> str | None:
    """Why the installer ``image`` puts no system on these disks; None: it does.

    Args:
        disks: Their kernel names.
        raid: Level of the software RAID that it is to make of them; None: of one disk, none.
        uefi: Whether the machine boots with UEFI, else as BIOS; None: not known.
    """
    several = raid is not None
    if (len(disks) > 1) != several or (raid is not None and raid not in software_levels("image", uefi=None)):
        return f"software RAID {raid} of {len(disks)} disks is not possible"
    if raid is not None and raid not in software_levels("image", uefi=uefi):
        return f"GRUB cannot be relied on to start from a software RAID {raid} on BIOS"
    return None
