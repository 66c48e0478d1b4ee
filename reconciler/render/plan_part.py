"""Parts of a plan: the steps of some machines, of a plan that was made for all."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..model.plan import Plan, Shortfall, Step
from ..model.spec_change import RuleKind, SpecChange

KEYS = ("cluster", "role")
"""What machines may be chosen by, beside their names."""


@dataclass(frozen=True, slots=True)
class PlanPart:
    """Which machines are meant: each that is named, and each to which all of ``having`` applies. Nothing: all."""

    names: frozenset[str] = frozenset()  # serials or hostnames
    having: Mapping[str, frozenset[str]] = field(default_factory=dict)  # any of these values, by a key of ``KEYS``

    def holds(self, step: Step) -> bool:
        """Whether the step is of one of the machines."""
        return (not self.names or not self.names.isdisjoint({step.serial, step.hostname})) and self._has(step)

    def is_short(self, shortfall: Shortfall) -> bool:
        """Whether machines are missing that would be among them; a machine that is named is not missing."""
        return not self.names and self._has(shortfall)

    def _has(self, what: Step | Shortfall) -> bool:
        return all(getattr(what, key) in values for key, values in self.having.items())


def part_of(names: Iterable[str], selectors: Iterable[str]) -> PlanPart:
    """The part that somebody asks for.

    Args:
        names: Serials or hostnames.
        selectors: Texts such as "cluster=cl1,role=compute". Of one key any value will do; all keys have to fit.

    Raises:
        ValueError: A selector is written otherwise.
    """
    having: dict[str, set[str]] = {}
    for text in (one for selector in selectors for one in selector.split(",")):
        key, equals, value = (each.strip() for each in text.partition("="))
        if key not in KEYS or not equals or not value:
            raise ValueError(f'"{text}" is not one of {", ".join(f"{key}=NAME" for key in KEYS)}')
        having.setdefault(key, set()).add(value)
    return PlanPart(frozenset(names), {key: frozenset(values) for key, values in having.items()})


def only(plan: Plan, part: PlanPart) -> Plan:
    """What the plan tells of a part of the machines. What is told of no machine in particular stays.

    Raises:
        LookupError: A machine that is named is unknown, or no machine and no shortfall is of that cluster and role.
    """
    known = {name for step in plan.steps for name in (step.serial, step.hostname)}
    if unknown := sorted(part.names - known):
        raise LookupError(f"no machine is called {', '.join(unknown)}")
    steps = tuple(filter(part.holds, plan.steps))
    shortfalls = tuple(filter(part.is_short, plan.shortfalls))
    if not steps and not shortfalls:
        wanted = ", ".join(f"{key} {' or '.join(sorted(values))}" for key, values in part.having.items())
        raise LookupError(f"no machine is of {wanted}")
    serials, hostnames = {step.serial for step in steps}, {step.hostname for step in steps}
    return replace(
        plan,
        steps=steps,
        shortfalls=shortfalls,
        enc=tuple(change for change in plan.enc if change.hostname in hostnames),
        gates={serial: gates for serial, gates in plan.gates.items() if serial in serials},
        changes=tuple(one for one in plan.changes if _concerns(one, serials)),
        left_out=plan.left_out + len(plan.steps) - len(steps),
    )


def _concerns(change: SpecChange, serials: Container[str]) -> bool:
    """Whether a rule is about some machines. What a cluster asks for, their steps and its shortfalls tell."""
    return change.kind is not RuleKind.CLUSTER and (change.serial is None or change.serial in serials)
