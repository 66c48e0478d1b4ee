"""One disk that is reached over several paths is listed once for each of them, and is still one disk.

A dual-ported SAS disk behind two adapters, or a LUN of a storage array, shows as sdb and as sdc.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..model.contents import NOTHING_FOUND
from ..model.disk_matching import proven_same, real_identifier
from ..model.hardware import Disk


def one_per_disk(disks: Iterable[Disk], multipath: Mapping[str, str]) -> tuple[Disk, ...]:
    """Every disk once, by the first of its paths; ``Disk.paths`` keeps the kernel names of all.

    Args:
        disks: Block devices in the order in which they were listed.
        multipath: By kernel name, the device-mapper device that the kernel joined the path into.
    """
    groups: list[list[Disk]] = []
    known: dict[tuple[str, str | None], list[list[Disk]]] = {}
    for disk in disks:
        joined = multipath.get(disk.device)
        keys = [("joined", joined), ("wwn", real_identifier(disk.wwn)), ("serial", real_identifier(disk.serial))]
        keys = [key for key in keys if key[1]]
        alike = (group for key in keys for group in known.get(key, ()))
        mine = next((group for group in alike if all(_is_one(disk, other, multipath) for other in group)), None)
        if mine is None:
            mine = []
            groups.append(mine)
        mine.append(disk)
        for key in keys:
            sharing = known.setdefault(key, [])
            if not any(group is mine for group in sharing):
                sharing.append(mine)
    return tuple(map(_folded, groups))


def _is_one(disk: Disk, other: Disk, multipath: Mapping[str, str]) -> bool:
    joined = multipath.get(disk.device)
    return proven_same(disk, other) or (
        joined is not None and joined == multipath.get(other.device) and disk.size == other.size
    )


def _folded(group: list[Disk]) -> Disk:
    if len(group) == 1:
        return group[0]
    contents = next((disk.contents for disk in group if disk.contents), NOTHING_FOUND)
    return replace(group[0], contents=contents, paths=tuple(disk.device for disk in group))
