"""Reads what MegaCLI says, as ``RaidState``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ...model.raid import DiskPlace, disk_use, is_rotational
from .state import FoundDisk, FoundVolume, RaidState

_LINE = re.compile(r"\s*([^:]+?)\s*:\s*(.*?)\s*")


def parse_megacli(disks: str, volumes: str) -> RaidState:
    """What ``-PDList -aALL`` and ``-LdPdInfo -aALL`` printed.

    Raises:
        ValueError: It did not say that it has come to its end, or a number is none.
    """
    for said in (disks, volumes):
        if "Exit Code: 0x00" not in said:
            raise ValueError(f"MegaCLI's answer is not readable: {said[-200:]!r}")
    return RaidState(tuple(_disks(disks)), tuple(_volumes(volumes)))


@dataclass(slots=True)
class _Block:
    """Lines ``key: value`` that belong together, and the controller they are about."""

    controller: int
    values: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> DiskPlace | None:
        """None for a disk without slot: it has no name that a volume could be made with."""
        enclosure, slot = self.values.get("Enclosure Device ID", ""), self.values.get("Slot Number", "")
        if not slot.isdigit() or not (enclosure.isdigit() or enclosure == "N/A"):
            return None
        return self.controller, int(enclosure) if enclosure.isdigit() else None, int(slot)


def _blocks(text: str, begins: str) -> Iterator[_Block]:
    """A block from each line that begins with ``begins`` to the next."""
    controller, block = 0, None
    for line in text.splitlines():
        if adapter := re.match(r"Adapter(?: #| )(\d+)", line):
            controller = int(adapter[1])
        elif line.startswith(begins):
            if block is not None:
                yield block
            block = _Block(controller)
        if block is not None and (pair := _LINE.fullmatch(line)):
            block.values.setdefault(pair[1], pair[2])
    if block is not None:
        yield block


def _disks(text: str) -> Iterator[FoundDisk]:
    inquiries = iter(re.findall(r"^Inquiry Data: ?(.*)$", text, re.MULTILINE))  # columns: blanks count
    for block in _blocks(text, "Enclosure Device ID:"):
        inquiry = next(inquiries, "") if "Inquiry Data" in block.values else ""
        if block.place is None:
            continue
        told = block.values.get("Firmware state", "")
        yield FoundDisk(
            *block.place,
            serials=_serials(inquiry),
            use=disk_use(told),
            foreign=block.values.get("Foreign State", "None") not in ("None", ""),
            told=told,
            rotational=is_rotational(block.values.get("Media Type", "")),
        )


def _serials(inquiry: str) -> frozenset[str]:
    """SATA disks say their serial number first (20 columns), SAS disks last, after vendor, model and firmware.

    The stock agent takes the first columns whatever the disk; so its serial of a SAS disk is vendor and model.
    """
    return frozenset({" ".join(text.split()) for text in (inquiry[:20], inquiry[28:48], inquiry[:21])} - {""})


def _volumes(text: str) -> Iterator[FoundVolume]:
    controller = 0
    for part in re.split(r"^(?=Adapter #|Virtual Drive:)", text, flags=re.MULTILINE):
        if adapter := re.match(r"Adapter #(\d+)", part):
            controller = int(adapter[1])
        elif number := re.match(r"Virtual Drive: (\d+)", part):
            head = next(_blocks(part, "Virtual Drive:")).values
            places = [block.place for block in _blocks(part, "Enclosure Device ID:")]
            members = frozenset((controller, *place[1:]) for place in places if place is not None)
            yield FoundVolume(controller, int(number[1]), _level(head), members)


def _level(head: Mapping[str, str]) -> int | None:
    """``Primary-1, Secondary-0`` is 1; over several spans each level is one of ten more."""
    primary = re.match(r"Primary-(\d+), Secondary-(\d+)", head.get("RAID Level", ""))
    if primary is None:
        return None
    spans = head.get("Span Depth", "1")
    spanned = primary[2] == "3" or (spans.isdigit() and int(spans) > 1)
    return int(primary[1]) * 10 if spanned else int(primary[1])
