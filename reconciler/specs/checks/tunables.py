"""Settings: each has a row in the table, may stand where it stands, and has a value of its type."""

from collections.abc import Iterator, Mapping

from ...model.diagnostics import Diagnostic
from ...model.settings import problem_with, without_effect
from ...model.spec.base import SettingValue
from ..misfits import did_you_mean
from .question import Check, Question, error, warning

Where = tuple[str, str, tuple[str, ...]]
"""Kind, name, and the path of the settings below spec."""


def settings_are_known_and_fit(question: Question) -> Iterator[Diagnostic]:
    """Every setting of every level, against the table."""
    for level, settings, (kind, name, path) in _all_settings(question):
        for setting, value in settings.items():
            row = question.settings_table.get(setting)
            if row is None:
                detail = f'"{setting}" is not a setting.{did_you_mean(setting, question.settings_table)}'
                yield error("Unknown setting", detail, question.draft.at_key(kind, name, *path, setting))
            elif level not in row.levels:
                detail = problem_with(row, value, level) or ""
                yield error("Setting at the wrong level", detail, question.draft.at_key(kind, name, *path, setting))
            elif problem := problem_with(row, value, level):
                yield error("Invalid setting", problem, question.draft.at(kind, name, *path, setting))


def settings_have_an_effect(question: Question) -> Iterator[Diagnostic]:
    """A setting that nothing reads is taken, as OCI's users have it, and told."""
    for sentence, at in without_effect(question.tree):
        yield warning("Setting without effect", f"{sentence}.", at)


def _all_settings(question: Question) -> Iterator[tuple[str, Mapping[str, SettingValue], Where]]:
    tree, path = question.tree, ("settings",)
    if question.fleet_name is not None:
        yield "fleet", tree.fleet.settings, ("Fleet", question.fleet_name, path)
    for name, cluster in tree.clusters.items():
        yield "cluster", cluster.settings, ("Cluster", name, path)
        for role, pool in cluster.roles.items():
            yield "role", pool.settings, ("Cluster", name, ("roles", role, "settings"))
    for name, profile in tree.profiles.items():
        yield "profile", profile.settings, ("HardwareProfile", name, path)
    for serial, machine in tree.machines.items():
        if machine.settings:
            yield "machine", machine.settings, ("Machine", serial, path)


CHECKS: tuple[Check, ...] = (settings_are_known_and_fit, settings_have_an_effect)
