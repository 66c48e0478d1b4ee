"""The answer to a machine that asks over the network what to boot from, with its reason."""

from dataclasses import dataclass
from enum import StrEnum


class BootFrom(StrEnum):
    """The live system, or its own disk."""

    LIVE = "live"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class BootChoice:
    """What, and why. ``serial`` is empty for a machine that never reported."""

    boot: BootFrom
    because: str
    serial: str = ""
