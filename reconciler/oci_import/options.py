"""OCI's way to write settings, as values of our settings table."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..model.kinds.base import SettingValue
from ..model.settings import SettingRow, SettingsTable, problem_with

INHERITED = "cluster_value"
"""What OCI writes in a machine's column where the cluster's value holds."""

_RENAMED = {"use_ceph": "use_ceph_if_available", "dest_hdd": "dest_blk"}
_SEPARATORS = ",;"


@dataclass(slots=True)
class ReadOptions:
    """The settings that a line of options gives, and what of it has no counterpart, as sentences."""

    settings: dict[str, SettingValue] = field(default_factory=dict)
    leftover: list[str] = field(default_factory=list)


def setting_value(row: SettingRow, stored: object) -> SettingValue | None:
    """What OCI stored, as the setting's own type; None: nothing is set.

    Raises:
        ValueError: It is none of the setting's values.
    """
    if stored is None or (stored == "" and row.type != "string"):
        return None
    text = str(stored)
    match row.type:
        case "boolean":
            if text.lower() not in ("yes", "no", "1", "0", "true", "false"):
                raise ValueError(f'{row.name} is "{text}", neither yes nor no')
            return text.lower() in ("yes", "1", "true")
        case "int":
            return int(text)
        case "float":
            number = float(text)
            return int(number) if number.is_integer() and isinstance(row.default, int) else number
        case "list" if text == "none":
            return ()
        case "list":
            return _items(row, text)
        case _:
            return _one_text(row, text)


def _items(row: SettingRow, text: str) -> tuple[str, ...]:
    """The items of a list, whatever stands between them: OCI's own separator, or what its users wrote as well."""
    separator = row.separator or next((each for each in _SEPARATORS if each in text), ",")
    items = tuple(part.strip() for part in text.split(separator) if part.strip())
    if row.pattern and not all(re.fullmatch(row.pattern, item) for item in items):
        return _words(text)
    return items


def _one_text(row: SettingRow, text: str) -> str:
    """A text; where it holds several words, those with commas between, if that is how the setting holds them."""
    joined = ",".join(_words(text))
    is_form = row.pattern and re.fullmatch(row.pattern, joined) and not re.fullmatch(row.pattern, text)
    return joined if is_form else text


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[,;\s]+", text) if word)


def checked(row: SettingRow, stored: object, level: str) -> SettingValue | None:
    """The value of a setting as OCI stores it, checked against the level that it is to be written at.

    Raises:
        ValueError: It is none of the setting's values, or may not.
    """
    value = setting_value(row, stored)
    problem = None if value is None else problem_with(row, value, level)
    if problem is not None:
        raise ValueError(problem)
    return value


def profile_options(lines: Sequence[str], table: SettingsTable) -> ReadOptions:
    """Settings of ``--cpu-mode custom --cpu-model Skylake`` lines, as OCI's profiles have them.

    Whatever stands between two options is the first one's value, of several words or in quotes too.
    """
    found = ReadOptions()
    for line in lines:
        for option, *words in _option_by_option(line):
            if words:
                _take(found, option, " ".join(words), table)
            else:
                found.leftover.append(f"{option}: an option without a value")
    return found


def _option_by_option(line: str) -> list[list[str]]:
    """Each option of a line, with the words of its value."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quote without its end
        words = line.split()
    found: list[list[str]] = []
    for word in words:
        if word.startswith("--") or not found:
            found.append([word])
        else:
            found[-1].append(word)
    return found


def _take(found: ReadOptions, option: str, text: str, table: SettingsTable) -> None:
    """Add an option to what was found: as a setting, or as a leftover that says why it is none."""
    name = option.removeprefix("--").replace("-", "_")
    row = table.get(_RENAMED.get(name, name))
    if row is None:
        found.leftover.append(f"{option} {text}: there is no such setting")
        return
    try:
        value = checked(row, text, "profile") if text != INHERITED else None
    except ValueError as error:
        found.leftover.append(f"{option} {text}: {error}")
        return
    if value is not None:
        found.settings[row.name] = value
