"""From the interfaces a network asks for to the kernel names of one machine's NICs."""

from collections.abc import Sequence

from ..model.hardware import Nic
from ..model.interfaces import kernel_name


def resolve(names: Sequence[str], nics: Sequence[Nic]) -> tuple[str, ...]:
    """The kernel names that ``names`` stand for on a machine with these NICs.

    A name is the kernel's own (``eno1``, ``eth0``), or speed and order: ``1g2`` is the second of the NICs whose speed
    is 1 Gbit/s, in the order of their names. ``10g`` means 10 Gbit/s or more, any other speed exactly that.

    Raises:
        ValueError: The machine has no such NIC, or one NIC is meant twice. Names them all.
    """
    found: list[str] = []
    for name in names:
        nic = kernel_name(name, nics)
        if nic is None:
            raise ValueError(f'no interface "{name}" on this machine, which has {_described(nics)}')
        if nic in found:
            raise ValueError(f'"{name}" and "{names[found.index(nic)]}" are both {nic}')
        found.append(nic)
    return tuple(found)


def _described(nics: Sequence[Nic]) -> str:
    return (
        ", ".join(
            f"{nic.name} ({nic.speed} Mbit/s)" if nic.speed else nic.name
            for nic in sorted(nics, key=lambda nic: nic.name)
        )
        or "none"
    )
