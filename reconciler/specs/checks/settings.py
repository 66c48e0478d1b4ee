"""Settings: each has a row in the table, may be written where it is, and has a value of its type."""

from collections.abc import Iterator

from ...model.diagnostics import Diagnostic
from ...model.in_force import Place, SettingsAt, all_levels, without_effect, written_at
from ...model.roles import facts_of
from ...model.settings import problem_with
from ...model.tree import SpecTree
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


_OF_GPUS = ("gpu_name", "gpu_vendor_id", "gpu_product_id")
"""Texts of which the words belong together by their place."""


def gpus_are_described_whole(context: CheckContext) -> Iterator[Diagnostic]:
    """Of each GPU that computes give to instances there is a name, a vendor and a product: Nova starts with no less."""
    tree = context.tree
    for name, profile in tree.profiles.items():
        if not facts_of(profile.role).runs_instances:
            continue
        places = [Place(cluster, profile.role, name) for cluster in tree.clusters or ("",)]
        if odd := next((place for place in places if _has_parts_of_gpus(tree, place)), None):
            parts = ", ".join(_words_at(tree, setting, odd) for setting in _OF_GPUS)
            detail = (
                f'Nodes of profile "{name}" give their GPUs to instances (use_gpu). The settings that describe them '
                f"have different numbers of words: {parts}. The first word of each is of the first GPU, and so on."
            )
            yield error("GPUs described in part", detail, tree.place("HardwareProfile", name, "settings", "gpu_name"))


def _has_parts_of_gpus(tree: SpecTree, place: Place) -> bool:
    settings = SettingsAt(tree, place)
    counts = {len(str(settings[name]).split()) for name in _OF_GPUS}
    return settings.is_on("use_gpu") and len(counts) > 1


def _words_at(tree: SpecTree, setting: str, place: Place) -> str:
    """How many words a setting has there, and who says so."""
    levels = written_at(tree, setting, place)
    return (
        f"{setting} {len(str(SettingsAt(tree, place)[setting]).split())} ({levels[-1].origin if levels else 'default'})"
    )


CHECKS: tuple[Check, ...] = (settings_are_known_and_fit, settings_have_an_effect, gpus_are_described_whole)
