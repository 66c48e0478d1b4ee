"""``backup``, ``export`` and ``restore``: the whole database in a file, or what cannot be observed anew as YAML."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import failed, note, open_site, open_to_read, readable, who

if TYPE_CHECKING:
    from ..app.site import Site


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=_BACKUP)(backup)
    app.command(epilog=_EXPORT)(export)
    app.command(epilog=_RESTORE)(restore)


_BACKUP = """\b
Example:
  reconciler backup /srv/backups/fleet-$(date +%F).db
"""


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file. Nothing is overwritten.")],
) -> int:
    """Copy the whole database into a file.

    The daemon works on meanwhile. Of SQLite or PostgreSQL, the file is a SQLite database. Its secrets are sealed with
    the secret key, which is not in it: keep that elsewhere. "reconciler restore" makes a database of it.
    """
    site = open_to_read(context)
    assert site.kept is not None
    site.kept.back_up(file, site.now())
    note(f"Wrote {file}. Without the secret key, {site.config.key_file}, its secrets are lost: keep that elsewhere.")
    return 0


_EXPORT = """\b
Secrets are not in it: see "reconciler backup" for those.

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

    store = open_to_read(context, tells=False).kept
    assert store is not None
    text = yaml.safe_dump(store.export(), sort_keys=False, allow_unicode=True, width=120)
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")
        note(f"Wrote {output}.")
    return 0


_RESTORE = """\b
Examples:
  reconciler restore --replace /srv/backups/fleet-2026-11-30.db
  reconciler --database sqlite:////srv/new.db restore fleet.yaml
"""

_SQLITE = b"SQLite format 3\0"


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help='What "backup" or "export" wrote.')],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Put the SQLite database that is there aside first. No daemon may run on it."),
    ] = False,
) -> int:
    """Fill an empty database from a backup or an export.

    An action that ran then counts as interrupted, and an approval as used. Machines went on since: the daemon only
    looks at them until "reconciler adopt" has asked them what they are.
    """
    content = readable(file, "FILE")
    site = open_site(context, makes_database=True)
    exported = None if content.startswith(_SQLITE) else _export_in(content)
    if isinstance(exported, str):
        return failed(f"{file} {exported}")
    if replace and (refusal := _put_aside(site)) is not None:
        return failed(refusal)
    if exported is None:
        when = site.store.bring_back(file, site.now(), who())
        note(f"Restored the database of {when:%Y-%m-%d %H:%M} UTC.")
    else:
        site.store.restore(exported, site.now(), f"from {file.name}, by {who()}")
        note(f"Restored {len(exported['allocations'])} allocations and {len(exported['machines'])} machine states.")
    note('The daemon only looks until "reconciler adopt" has asked the machines what holds ("--dry-run" tells first).')
    return 0


def _export_in(content: bytes) -> dict[str, Any] | str:
    """What an export holds, or why it is none."""
    import yaml

    try:
        exported = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return f"is neither a backup nor YAML: {error}"
    if not isinstance(exported, dict):
        return 'is no export: it should be a mapping with "version" and "allocations"'
    return exported


def _put_aside(site: "Site") -> str | None:
    """Move the database that is there out of the way; why not."""
    from ..app.database import put_aside
    from ..model.errors import PermanentError

    try:
        kept = site.kept
        holder = kept.acting(site.now()) if kept else None
    except PermanentError as error:  # no daemon can act on a damaged one
        note(str(error))
        holder = None
    if holder is not None:
        return f"the daemon {holder} acts on this database: stop it first"
    site.database.let_go()
    for moved in put_aside(site.config, site.now()):
        note(f"The database that was there is {moved} now.")
    return None
