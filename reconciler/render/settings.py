"""The settings table as a page for people: ``docs/settings.md``."""

from itertools import groupby

from ..model.settings import LEVELS, SettingRow, SettingsTable

_INTRODUCTION = """\
# Settings

<!-- Made from reconciler/data/settings.yaml: change that, then `make schemas`. -->

Settings go below `settings:` in a spec, under the names OCI gives them and with YAML's own types. They may stand in the
`Fleet` (F), a `Cluster` (C), a role of a cluster (R), a `HardwareProfile` (P) or a `Machine` (M), where the table says
so. The narrowest wins: fleet < cluster < role < profile < machine. `reconciler explain HOSTNAME` shows what is in force
on a node, and the line it came from.

A default of `-` means that nothing is given unless somebody sets it. Defaults such as `"none"` or `"cluster_value"` are
OCI's words for "unset"; the text says what they mean. A default in words is worked out for each cluster.
"""
_HEADER = "| setting | type | default | where | for | what it does |\n|---|---|---|---|---|---|\n"


def render_settings_page(table: SettingsTable) -> str:
    """The whole page: a table for each subject, in the order of the rows."""
    subjects = groupby(table.values(), key=lambda row: row.subject)
    return _INTRODUCTION + "".join(
        f"\n## {subject}\n\n{_HEADER}{''.join(map(_line, rows))}" for subject, rows in subjects
    )


def _line(row: SettingRow) -> str:
    where = "".join(level[0].upper() if level in row.levels else "·" for level in LEVELS)
    cells = (f"`{row.name}`", _type(row), _default(row), where, ", ".join(row.roles) or "-", row.help)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _type(row: SettingRow) -> str:
    if row.type == "choice":
        return " or ".join(f"`{choice}`" for choice in row.choices)
    words = [row.type]
    if row.unit:
        words.append(row.unit)
    if row.min is not None or row.max is not None:
        words.append(_range(row.min, row.max))
    return ", ".join(words)


def _range(low: float | None, high: float | None) -> str:
    if high is None:
        return f"at least {low}"
    return f"at most {high}" if low is None else f"{low} to {high}"


def _default(row: SettingRow) -> str:
    match row.default:
        case None:
            return row.otherwise or "-"
        case bool():
            return f"`{str(row.default).lower()}`"
        case str():
            return f'`"{row.default}"`'
        case tuple():
            return "`[" + ", ".join(f'"{item}"' for item in row.default) + "]`"
        case number:
            return f"`{number}`"
