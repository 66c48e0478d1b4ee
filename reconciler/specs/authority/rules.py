"""Rules of a site: who may change which paths, and how many have to agree."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .globs import fits
from .keyring import Keyring


@dataclass(frozen=True, slots=True)
class OrderRule:
    """Who may change some paths."""

    paths: tuple[str, ...]  # patterns
    signers: frozenset[str]
    threshold: int = 1  # so many of them have to sign


@dataclass(frozen=True)
class Authority:
    """Who may order what. What no rule has, nobody may change."""

    keyring: Keyring
    rules: tuple[OrderRule, ...]  # of several for one path the last one holds
    merges: frozenset[str] = frozenset()  # who else may sign merges that bring in nothing of their own
    _found: dict[str, OrderRule | None] = field(default_factory=dict, compare=False)

    def rule_for(self, path: str) -> OrderRule | None:
        """The rule that a path is under; None: it is under none."""
        if path not in self._found:
            fitting = (rule for rule in reversed(self.rules) if any(fits(path, one) for one in rule.paths))
            self._found[path] = next(fitting, None)
        return self._found[path]

    @property
    def named(self) -> frozenset[str]:
        """All who may change something."""
        return frozenset[str]().union(*(rule.signers for rule in self.rules))

    def may_all(self, signers: Iterable[str]) -> bool:
        """Whether these together may change any path, whatever it is."""
        together = frozenset(signers)
        is_whole = any("**" in rule.paths for rule in self.rules)
        return is_whole and all(len(rule.signers & together) >= rule.threshold for rule in self.rules)
