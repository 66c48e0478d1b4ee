"""Detects a report that has the serial of a machine we know, and comes from another machine."""

from ..model.hardware import Hardware
from ..model.nics import is_usb


def conflict(known: Hardware, report: Hardware) -> str | None:
    """Why two reports with one serial cannot be of one machine, as a sentence; None where they can.

    A network card that was replaced keeps the machine itself: its other cards' addresses are still there.
    """
    one, other = telling_macs(known), telling_macs(report)
    if one & other or not (known.macs or report.macs):
        return None
    return (
        f"two machines claim the serial {report.serial}: one has {_macs(known)}, the other has {_macs(report)}, "
        f"and no MAC address {'of a maker ' if known.macs & report.macs else ''}is common to both"
    )


def telling_macs(hardware: Hardware) -> frozenset[str]:
    """The MAC addresses that one machine alone has.

    Those of USB are not among them: a BMC's own network has the same one on every machine of its maker. Nor are those
    that somebody chose, unless the machine, as a virtual one, has no others.
    """
    own = [nic for nic in hardware.nics if not is_usb(nic)]
    return frozenset(nic.mac for nic in own if not nic.is_address_chosen) or frozenset(nic.mac for nic in own)


def _macs(hardware: Hardware) -> str:
    shown = sorted(hardware.macs)
    return ", ".join(shown[:4]) + (", ..." if len(shown) > 4 else "") if shown else "no MAC address"
