"""Changes of the rules that specs make: what a reviewer has to know before any machine's step."""

from dataclasses import dataclass
from enum import StrEnum

from .diagnostics import Location

IN_FORCE = "in-force"
"""As a base, the commit that the daemon acts by."""


class RuleKind(StrEnum):
    """What a changed rule is about."""

    POLICY = "policy"
    """What may be done unasked, how much of it at once, and who is asked."""
    TRUST = "trust"
    """Who is believed, and who may ask."""
    HOOK = "hook"
    """Which of the operator's programs are told of machines."""
    PROTECTION = "protection"
    """What keeps one machine, or its data, from being erased."""
    RELEASE = "release"
    """The OpenStack, Debian and Puppet module that nodes get."""
    CLUSTER = "cluster"
    """Which clusters there are, how many machines they ask for, and what they use of each other."""


@dataclass(frozen=True, slots=True)
class SpecChange:
    """One rule that is another under the specs of a plan than under those in force."""

    kind: RuleKind
    what: str  # "policy.reinstall", "Machine 2S2JGM2 protected"
    before: str
    after: str
    looser: bool  # more is done unasked, or somebody more is believed; also where that cannot be told
    serial: str | None  # of the one machine that it is about; None: it is about more
    at: Location | None  # in the specs of the plan; None: what said it is gone
