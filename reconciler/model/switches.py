"""Names of switches: which of those in the specs is meant by what a machine hears over LLDP.

Switches announce what somebody once typed, with or without their domain, in letters of any case.
"""

from collections.abc import Iterable


def labels(name: str) -> tuple[str, ...]:
    """The parts of a switch's name in the form in which two are compared."""
    return tuple(name.strip().rstrip(".").casefold().split("."))


def same_switch(one: str, other: str) -> bool:
    """Whether two names may be of one switch: one of them is the other, without its domain or a part of that."""
    return _common(labels(one), labels(other)) is not None


def switch_meant(heard: str, named: Iterable[str]) -> str | None:
    """The one name that is meant by another; None: there is none, or several are, as ``leaf1`` of two domains.

    The name itself wins over those that differ in their domain.
    """
    wanted = labels(heard)
    fitting = [(common, name) for name in named if (common := _common(wanted, labels(name))) is not None]
    exact = [name for _, name in fitting if labels(name) == wanted]
    if exact:
        return exact[0]
    best = max((common for common, _ in fitting), default=0)
    longest = [name for common, name in fitting if common == best]
    return longest[0] if len({labels(name) for name in longest}) == 1 else None


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int | None:
    """How many labels two names share, where all of the shorter are shared."""
    shorter = min(len(one), len(other))
    return shorter if one[:shorter] == other[:shorter] else None
