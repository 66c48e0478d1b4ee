"""``secrets``: by name; a value only for who asks for one, and that is recorded."""

import sys
from typing import Annotated

import typer

from .options import Format, FormatOption, failed, note, open_site, who
from .tables import print_rows

_COLUMNS = {"minted": "made (UTC)", "form": "form", "name": "name"}

Name = Annotated[str, typer.Argument(metavar="NAME", help="OWNER:SERVICE/KIND, such as fleet:bmc/password.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(secrets_list)
    group.command("show", epilog=_SHOW)(secrets_show)
    group.command("set", epilog=_SET)(secrets_set)
    app.add_typer(group, name="secrets", help="List, show and set secrets, by name.")


def secrets_list(context: typer.Context, format: FormatOption = Format.TEXT) -> None:
    """List the secrets' names and ages, never their values."""
    store = open_site(context).kept
    rows = [
        {"name": str(ref), "form": ref.form, "minted": at.isoformat(timespec="seconds")}
        for ref, at in (store.list_secrets() if store else ())
    ]
    if format is Format.TEXT:
        rows = [row | {"minted": row["minted"][:19].replace("T", " ")} for row in rows]
    print_rows(rows, _COLUMNS, format, nothing="No secret has been made yet.")


_SHOW = """\b
Examples:
  reconciler secrets show fleet:bmc/password
  reconciler secrets show fleet:ssh/provisioning --part authorized
"""


def secrets_show(
    context: typer.Context,
    name: Name,
    part: Annotated[
        str | None,
        typer.Option(metavar="PART", help="Of an SSH key: private, authorized, ... Of a certificate: key, crt, ..."),
    ] = None,
) -> int:
    """Print one secret, and record who asked."""
    from ..secrets.parts import part_of

    site = open_site(context)
    store = site.kept
    ref = next((ref for ref, _ in store.list_secrets() if str(ref) == name), None) if store else None
    text = store.secret(ref) if store and ref else None
    if store is None or ref is None or text is None:
        return failed(f'no secret is called "{name}"; "reconciler secrets list" has the names')
    shown = part_of(text, ref.form, part) if part else text
    store.record_shown(ref, who(), site.now())
    print(shown)
    return 0


_SET = """\b
Examples:
  reconciler secrets set fleet:bmc/password
  pass show bmc | reconciler secrets set fleet:bmc/password
"""


def secrets_set(context: typer.Context, name: Name) -> int:
    """Set a secret to what one line of standard input says.

    On a terminal it is asked for, and not shown. What the secret was before is lost; that it was set, and by whom, is
    recorded. Nodes get the new one with their next Puppet run.
    """
    from ..model.machine import SecretRef
    from ..secret_forms import known_forms

    owner, colon, rest = name.rpartition(":")
    service, slash, kind = rest.partition("/")
    if not (owner and colon and slash and service and kind):
        raise typer.BadParameter(f'"{name}" is not OWNER:SERVICE/KIND', param_hint="NAME")
    text = _read(name)
    if not text:
        raise typer.BadParameter("standard input is empty: the secret is read from there")
    site = open_site(context)
    known = {str(ref): ref for ref, _ in site.store.list_secrets()}
    form = known_forms().get((service, kind), "text")  # so that documents which ask for it later find it
    ref = known.get(name, SecretRef(owner, service, kind, form))
    site.store.set_secret(ref, text, at=site.now(), who=who())
    note(f"{name} is set.")
    return 0


def _read(name: str) -> str:
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass(f"New value of {name} (not shown): ")
    return sys.stdin.readline().rstrip("\r\n")
