"""Kernel names of the interfaces that a network names by speed and order.

The planner asks before it decides, the handler again on the machine's latest report; both must mean the same NIC.
"""

import re
from collections.abc import Sequence

from .hardware import Nic

_BY_SPEED = re.compile(r"(\d+)([mg])(\d{1,2})")
_AT_LEAST = 10_000  # Mbit/s; "10g" takes faster ones too, as it always did in OCI


def kernel_name(interface: str, nics: Sequence[Nic]) -> str | None:
    """``eno1`` where the machine has it; ``10g2``: the second of its 10 Gbit/s interfaces by name; None: no such."""
    if any(nic.name == interface for nic in nics):
        return interface
    asked = _BY_SPEED.fullmatch(interface)
    if asked is None:
        return None
    speed = int(asked[1]) * (1000 if asked[2] == "g" else 1)
    fitting = sorted(nic.name for nic in nics if _has_speed(nic, speed))
    order = int(asked[3])
    return fitting[order - 1] if 0 < order <= len(fitting) else None


def _has_speed(nic: Nic, speed: int) -> bool:
    return nic.speed == speed or (speed == _AT_LEAST and (nic.speed or 0) > speed)
