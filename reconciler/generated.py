"""The files that are generated, checked in, and compared by tests: name below ``schemas/`` to text."""

from importlib import resources

from .render import schemas as printed
from .specs.schema import schemas
from .specs.settings_table import load_table


def generated_files() -> dict[str, str]:
    """Every generated file, by its path below ``schemas/``."""
    puppet = resources.files("reconciler").joinpath("data/puppet")
    return {
        **schemas(load_table()),
        **printed.schemas(),
        **{f"puppet/{file.name}": file.read_text() for file in puppet.iterdir() if file.name.endswith(".json")},
    }
