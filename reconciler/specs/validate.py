"""Load a spec tree and check that it fits together: what ``reconciler validate``, ``plan`` and the daemon all do."""

from collections.abc import Collection, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..model.settings import SettingsTable
from .checks import CheckContext, check_all
from .loader import Loaded, finished, parse_tree


def validate(
    files: Mapping[str, bytes], *, settings_table: SettingsTable, module_versions: Collection[str] = ()
) -> Loaded:
    """The tree of these files (path -> content) and every problem found, sorted by place.

    Args:
        files: What the tree consists of; see ``files.read_directory``.
        settings_table: The rows that settings must have; the tree keeps it for their defaults.
        module_versions: Versions of puppet-module-oci whose signatures are known; empty: any is accepted.
    """
    parsed = parse_tree(files, settings_table)
    return finished(parsed, check_all(CheckContext(parsed, module_versions, timezone_exists)))


def timezone_exists(name: str) -> bool:
    """Whether this machine's time zone database has the zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return name == "UTC"
    return True
