"""Checks that documents fit together: a tuple of small pure checks over a whole spec tree."""

from collections.abc import Iterator

from ...model.diagnostics import Diagnostic
from . import dhcp, fleet, limits, machines, names, networks, pools, profiles, repositories, rings, settings
from .context import Check, CheckContext

CHECKS: tuple[Check, ...] = (
    *names.CHECKS,
    *fleet.CHECKS,
    *networks.CHECKS,
    *dhcp.CHECKS,
    *pools.CHECKS,
    *machines.CHECKS,
    *limits.CHECKS,
    *profiles.CHECKS,
    *repositories.CHECKS,
    *settings.CHECKS,
    *rings.CHECKS,
)

__all__ = ["CHECKS", "Check", "CheckContext", "check_all"]


def check_all(context: CheckContext) -> Iterator[Diagnostic]:
    """Every problem that any check finds, in no order worth keeping."""
    for check in CHECKS:
        yield from check(context)
