"""The context that each check is asked, and its answers."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from ...model.diagnostics import Diagnostic, Location, Severity
from ...model.kinds import NETWORK_ROLES
from ...model.roles import BUILT_IN_ROLES
from ...model.tree import SpecTree
from ..loader import ParsedTree


@dataclass(frozen=True)
class CheckContext:
    """A parsed tree, and the facts from outside that it must agree with."""

    parsed: ParsedTree
    module_versions: Collection[str]  # of puppet-module-oci, whose signatures we know; empty: not to be checked
    timezone_exists: Callable[[str], bool]

    @property
    def tree(self) -> SpecTree:
        """What could be read."""
        return self.parsed.tree

    def names(self, kind: str) -> frozenset[str]:
        """Names of all documents of a kind, including those with problems of their own."""
        return self.parsed.declared[kind]

    @cached_property
    def roles(self) -> frozenset[str]:
        """Every role a node may have."""
        return frozenset(BUILT_IN_ROLES) | self.names("Role")

    @cached_property
    def network_roles(self) -> frozenset[str]:
        """Everything a network may be for."""
        return self.roles | frozenset(NETWORK_ROLES)

    @property
    def fleet_name(self) -> str | None:
        """The name of the Fleet document; None where there is none that could be read."""
        return self.parsed.fleet_name


Check = Callable[[CheckContext], Iterator[Diagnostic]]


def error(summary: str, detail: str, at: Location | None) -> Diagnostic:
    """A problem that must be solved before anything is done with the tree."""
    return Diagnostic(Severity.ERROR, summary, detail, at)


def warning(summary: str, detail: str, at: Location | None) -> Diagnostic:
    """Something that was probably not meant."""
    return Diagnostic(Severity.WARNING, summary, detail, at)
