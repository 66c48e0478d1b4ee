"""One disk that is reached over several paths is listed once for each of them, and is still one disk.

A dual-ported SAS disk behind two adapters, or a LUN of a storage array, shows as sdb and as sdc. Some controllers give
all their disks one serial: where more devices say it, and nothing else, than a disk has paths, nobody can tell.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ..model.contents import NOTHING_FOUND
from ..model.disk_matching import namespace, proven_same, real_identifier
from ..model.hardware import Disk

MAX_BY_SERIAL: Final = 4
"""Paths of a disk that only its serial joins: two adapters with two cables each."""

_MAX_LOOKED_AT: Final = 16
"""Disks that say one WWN or serial, before it identifies nothing, and paths that are compared: a hostile report names
thousands of either."""


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
        alike = (group for key in keys for group in known.get(key, ())[:_MAX_LOOKED_AT])
        mine = next(
            (group for group in alike if all(_is_one(disk, other, multipath) for other in group[:_MAX_LOOKED_AT])), None
        )
        if mine is None:
            mine = []
            groups.append(mine)
        mine.append(disk)
        for key in keys:
            sharing = known.setdefault(key, [])
            if not any(group is mine for group in sharing):
                sharing.append(mine)
    return tuple(_folded(part) for group in groups for part in _parts(group, multipath))


def of_one_serial(disks: Iterable[Disk]) -> tuple[tuple[Disk, ...], ...]:
    """Disks of which nobody can tell whether they are several or one: more than it may have paths say one serial."""
    found: dict[tuple[str, int, str], list[Disk]] = {}
    for disk in disks:
        serial = real_identifier(disk.serial)
        if serial is not None and real_identifier(disk.wwn) is None:
            found.setdefault((serial, disk.size, namespace(disk)), []).append(disk)
    return tuple(tuple(group) for group in found.values() if len(group) > MAX_BY_SERIAL)


def _parts(group: list[Disk], multipath: Mapping[str, str]) -> Iterator[list[Disk]]:
    """The group; or each by itself that only a serial joins, where these are too many."""
    loose = {disk.device for disk in group if real_identifier(disk.wwn) is None and disk.device not in multipath}
    if len(loose) <= MAX_BY_SERIAL:
        yield group
        return
    for disk in group:
        if disk.device in loose:
            yield [disk]
    if rest := [disk for disk in group if disk.device not in loose]:
        yield rest


def _is_one(disk: Disk, other: Disk, multipath: Mapping[str, str]) -> bool:
    joined = multipath.get(disk.device)
    return proven_same(disk, other) or (
        joined is not None and joined == multipath.get(other.device) and disk.size == other.size
    )


def _folded(group: list[Disk]) -> Disk:
    if len(group) == 1:
        return group[0]
    contents = next((disk.contents for disk in group if disk.contents), NOTHING_FOUND)
    read_only, zoned = (any(each) for each in zip(*((disk.read_only, disk.zoned) for disk in group), strict=True))
    paths = tuple(disk.device for disk in group)
    return replace(group[0], contents=contents, paths=paths, read_only=read_only, zoned=zoned)
