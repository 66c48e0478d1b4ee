"""Parts of a report that were not taken as they came, and why."""

from dataclasses import dataclass
from enum import StrEnum


class RemarkKind(StrEnum):
    """What became of a part of a report."""

    FOLDED = "folded"  # several parts count as one
    LEFT_OUT = "left-out"  # nothing is decided by it
    DOUBTED = "doubted"  # it counts, and identifies nothing; or it may count


class RemarkReason(StrEnum):
    """Why a part of a report was not taken as it came."""

    SAID_BY_AGENT = "said-by-agent"
    SEVERAL_PATHS = "several-paths"
    NOT_UNDERSTOOD = "not-understood"
    NO_IDENTITY = "no-identity"
    ONE_SERIAL = "one-serial"
    WHOSE_IS_UNTOLD = "whose-is-untold"
    DISKS_UNCLEAR = "disks-unclear"
    BAD_DISK = "bad-disk"
    SPARE_DISK = "spare-disk"
    READ_ONLY = "read-only"
    ZONED = "zoned"
    USB = "usb"
    USB_DISK = "usb-disk"
    LUN = "lun"
    CHOSEN_ADDRESS = "chosen-address"
    SHARED_ADDRESS = "shared-address"


@dataclass(frozen=True, slots=True)
class Remark:
    """One part of a report, and what became of it."""

    kind: RemarkKind
    reason: RemarkReason
    on: str  # a disk's, interface's or profile's name; a field, as "machine[0].productname"; what the agent speaks of
    more: tuple[str, ...] = ()  # a disk's paths; an interface's MAC address; the agent's words
