"""Detects a report that has the serial of a machine we know, and comes from another machine."""

from ..model.hardware import Hardware


def conflict(known: Hardware, report: Hardware) -> str | None:
    """Why two reports with one serial cannot be of one machine, as a sentence; None where they can.

    A network card that was replaced keeps the machine itself: its other cards' addresses are still there.
    """
    if known.macs & report.macs or not (known.macs or report.macs):
        return None
    return (
        f"two machines claim the serial {report.serial}: one has {_macs(known)}, the other has {_macs(report)}, "
        "and no MAC address is common to both"
    )


def _macs(hardware: Hardware) -> str:
    shown = sorted(hardware.macs)
    return ", ".join(shown[:4]) + (", ..." if len(shown) > 4 else "") if shown else "no MAC address"
