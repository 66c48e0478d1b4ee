"""``export`` and ``restore``: what cannot be observed anew, as YAML."""

from pathlib import Path
from typing import Annotated

import typer

from .options import failed, note, open_site, readable, who


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=_EXPORT)(export)
    app.command(epilog=_RESTORE)(restore)


_EXPORT = """\b
Secrets are not in it: a backup is the database and the secret key file.

\b
Example:
  reconciler export --output fleet-$(date +%F).yaml
"""


def export(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: standard output.")] = None,
) -> int:
    """Write allocations and machine states as YAML.

    Names, addresses, virtual addresses, how far each machine has come, and what is paused: all that machines cannot
    tell again. "reconciler restore" makes a database of it.
    """
    import yaml

    store = open_site(context).kept
    if store is None:
        return failed("there is no database yet, so there is nothing to export")
    text = yaml.safe_dump(store.export(), sort_keys=False, allow_unicode=True, width=120)
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")
        note(f"Wrote {output}.")
    return 0


_RESTORE = """\b
Example:
  reconciler --database sqlite:////srv/new.db restore fleet.yaml
"""


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help='What "export" wrote.')],
) -> int:
    """Fill an empty database from an export.

    An action that ran when the export was written counts as interrupted. Machines may have gone on since: the daemon
    only looks at them until "reconciler adopt" has asked them what they are.
    """
    import yaml

    content = readable(file, "FILE")
    try:
        exported = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return failed(f"{file} is no YAML: {error}")
    if not isinstance(exported, dict):
        return failed(f'{file} is no export: it should be a mapping with "version" and "allocations"')
    site = open_site(context, makes_database=True)
    site.store.restore(exported, site.now(), f"from {file.name}, by {who()}")
    note(f"Restored {len(exported['allocations'])} allocations and {len(exported['machines'])} machine states.")
    return 0
