"""The settings table that ships with the program: ``data/settings.yaml``, one row per setting."""

from functools import cache
from importlib import resources
from typing import Any

import yaml

from ..model.settings import SettingRow, SettingsTable

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C loader reads the table in a tenth of the time; both are YAML 1.1, so the file quotes what 1.1 would turn."""


@cache
def load_table() -> SettingsTable:
    """Every setting by its name, in the order of the file. Do not change it: it is shared."""
    text = resources.files("reconciler").joinpath("data/settings.yaml").read_text(encoding="utf-8")
    subjects = yaml.load(text, Loader=_Loader)  # noqa: S506 - one of the safe loaders
    return {row["name"]: _row(row, subject) for subject, rows in subjects.items() for row in rows}


def _row(written: dict[str, Any], subject: str) -> SettingRow:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in written.items()}
    return SettingRow(**fields, subject=subject)
