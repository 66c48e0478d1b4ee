"""Plans against a base: what is there because of these specs, and what would be there anyway."""

from dataclasses import replace

from ..model.plan import Difference, Plan, is_at_rest


def beyond(plan: Plan, anyway: Plan) -> Difference:
    """What a plan tells that the plan of the base does not."""
    before = {step.serial: step for step in anyway.steps}
    return Difference(
        frozenset(step.serial for step in plan.steps if before.get(step.serial) != step),
        tuple(one for one in plan.shortfalls if one not in anyway.shortfalls),
        frozenset(name for name, note in plan.notes.items() if anyway.notes.get(name) != note),
        tuple(one for one in plan.warnings if one not in anyway.warnings),
    )


def only_the_change(plan: Plan) -> Plan:
    """A plan that was compared, without what would be there anyway; how much that is stays as a number."""
    found = plan.beyond or Difference()
    steps = tuple(step for step in plan.steps if step.serial in found.serials)
    return replace(
        plan,
        steps=steps,
        shortfalls=tuple(one for one in plan.shortfalls if one in found.shortfalls),
        notes={name: note for name, note in plan.notes.items() if name in found.notes},
        warnings=found.warnings,
        left_out=plan.left_out + len(plan.steps) - len(steps),
        going_on=sum(step.serial not in found.serials and not is_at_rest(step) for step in plan.steps),
    )
