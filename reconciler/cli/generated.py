"""Files that are generated, checked in, and compared by tests: schemas; pages of settings, reasons and roles."""

from importlib import resources

from ..render import schemas as printed
from ..render.reasons import reasons_page
from ..render.roles import render_roles_page
from ..render.settings import render_settings_page
from ..specs.schema import schemas
from ..specs.settings_table import load_table


def schema_files() -> dict[str, str]:
    """Every schema, by its path below ``schemas/``."""
    puppet = resources.files("reconciler").joinpath("data/puppet")
    return {
        **schemas(load_table()),
        **printed.schemas(),
        **{f"puppet/{file.name}": file.read_text() for file in puppet.iterdir() if file.name.endswith(".json")},
    }


def pages() -> dict[str, str]:
    """Every page, by its name below ``docs/``."""
    return {
        "settings.md": render_settings_page(load_table()),
        "reasons.md": reasons_page(),
        "roles.md": render_roles_page(),
    }
