"""Settings: each has a row in the table, may be written where it is, and has a value of its type."""

from collections.abc import Iterator

from ...model.diagnostics import Diagnostic
from ...model.in_force import all_levels, without_effect
from ...model.settings import problem_with
from ..schema_errors import did_you_mean
from .context import Check, CheckContext, error, warning


def settings_are_known_and_fit(context: CheckContext) -> Iterator[Diagnostic]:
    """Every setting of every level, against the table."""
    for level in all_levels(context.tree):
        kind, name, path = level.kind, level.document, level.path
        for setting, value in level.settings.items():
            row = context.tree.settings_table.get(setting)
            if row is None:
                detail = f'"{setting}" is not a setting.{did_you_mean(setting, context.tree.settings_table)}'
                yield error("Unknown setting", detail, context.parsed.at_key(kind, name, *path, setting))
            elif level.name not in row.levels:
                detail = problem_with(row, value, level.name) or ""
                yield error("Setting at the wrong level", detail, context.parsed.at_key(kind, name, *path, setting))
            elif problem := problem_with(row, value, level.name):
                yield error("Invalid setting", problem, context.parsed.at(kind, name, *path, setting))


def settings_have_an_effect(context: CheckContext) -> Iterator[Diagnostic]:
    """A setting that nothing reads is taken, as OCI's users have it, and told."""
    for sentence, at in without_effect(context.tree):
        yield warning("Setting without effect", f"{sentence}.", at)


CHECKS: tuple[Check, ...] = (settings_are_known_and_fit, settings_have_an_effect)
