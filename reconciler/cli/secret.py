"""``secrets``: by name; a value only for who asks for one, and that is recorded."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Format, FormatOption, WhyOption, failed, note, open_to_decide, open_to_read, tell_who_heard, who
from .tables import clock, print_rows

if TYPE_CHECKING:
    from ..render.rows import SecretRow

_COLUMNS = {"minted": "made (UTC)", "form": "form", "name": "name"}

SecretArgument = Annotated[str, typer.Argument(metavar="NAME", help="OWNER:SERVICE/KIND, such as fleet:bmc/password.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback()(secrets)
    group.command("list")(secrets_list)
    group.command("show", epilog=_SHOW)(secrets_show)
    group.command("set", epilog=_SET)(secrets_set)
    group.command("rotate", epilog=_ROTATE)(secrets_rotate)
    app.add_typer(group, name="secrets", help="List, show, set and rotate secrets, by name.")


def secrets(context: typer.Context, format: FormatOption = Format.TEXT) -> None:
    """List, show, set and rotate secrets, by name. Without a command: list them."""
    if context.invoked_subcommand is None:
        secrets_list(context, format)


def secrets_list(context: typer.Context, format: FormatOption = Format.TEXT) -> None:
    """List the secrets' names and ages, never their values."""
    store = open_to_read(context, tells=format is Format.TEXT).kept
    rows: list[SecretRow] = [
        {"name": str(ref), "form": ref.form, "minted": at.isoformat(timespec="seconds")}
        for ref, at in (store.list_secrets() if store else ())
    ]
    nothing = "No secret has been made yet."
    print_rows(rows, _COLUMNS, format, nothing=nothing, shown=lambda row: {**row, "minted": clock(row["minted"])})


_SHOW = """\b
Examples:
  reconciler secrets show fleet:bmc/password
  reconciler secrets show fleet:ssh/provisioning --part authorized
"""


def secrets_show(
    context: typer.Context,
    name: SecretArgument,
    part: Annotated[
        str | None,
        typer.Option(metavar="PART", help="Of an SSH key: private, authorized, ... Of a certificate: key, crt, ..."),
    ] = None,
) -> int:
    """Print one secret, and record who asked."""
    from ..model.secret_parts import part_of

    site = open_to_read(context, tells=False)
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


def secrets_set(context: typer.Context, name: SecretArgument) -> int:
    """Set a secret to what one line of standard input says.

    On a terminal it asks for the value, and does not show it. The old value is lost. Who set the new one is recorded.
    Nodes get it with their next Puppet run.
    """
    from ..enc.known_secrets import known_forms
    from ..model.machine import SecretRef

    owner, colon, rest = name.rpartition(":")
    service, slash, kind = rest.partition("/")
    if not (owner and colon and slash and service and kind):
        raise typer.BadParameter(f'"{name}" is not OWNER:SERVICE/KIND', param_hint="NAME")
    text = _read(name)
    if not text:
        raise typer.BadParameter("standard input is empty: the secret is read from there")
    site = open_to_decide(context)
    known = {str(ref): ref for ref, _ in site.store.list_secrets()}
    form = known_forms().get((service, kind), "text")  # so that documents which ask for it later find it
    ref = known.get(name, SecretRef(owner, service, kind, form))
    site.store.set_secret(ref, text, at=site.now(), who=who())
    note(f"{name} is set.")
    tell_who_heard(site)
    return 0


_ROTATE = """\b
Example:
  reconciler secrets rotate cl1:horizon/secretkey --why "CHG-1234"
"""

_NOT_ALONE = {
    "certificate": 'a certificate is made anew by "reconciler pki renew"',
    "uuid": "it identifies something that runs, and is no secret: under another one that would not be found again",
    "cephx": 'Ceph keeps it too: change it there (ceph auth), then bring it by "reconciler secrets set"',
    "password16": 'the BMC keeps it too: change it there, then bring it by "reconciler secrets set"',
    "text": 'it was brought by somebody: bring another one by "reconciler secrets set"',
}
"""Forms that nobody but their keeper can change."""


def secrets_rotate(context: typer.Context, name: SecretArgument, why: WhyOption) -> int:
    """Make a new value for a secret.

    Nothing rotates a secret by itself. Nodes get the new value with their next Puppet run: until all have run, some
    use the old value and some the new one. Who asked, and why, is recorded.
    """
    from ..model.observations import Notice
    from ..store.secrets.mint import mint

    site = open_to_decide(context)
    ref = next((ref for ref, _ in site.store.list_secrets() if str(ref) == name), None)
    if ref is None:
        return failed(f'no secret is called "{name}"; "reconciler secrets list" has the names')
    if ref.form in _NOT_ALONE:
        return failed(f"{name} is not rotated: {_NOT_ALONE[ref.form]}")
    text = mint(ref, site.now())
    told = f"secret {ref} rotated: {why}"
    site.store.replace_secret(ref, text, Notice(None, site.now(), "secret-rotated", told, who()))
    note(f"{name} is another one now.")
    tell_who_heard(site)
    return 0


def _read(name: str) -> str:
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass(f"New value of {name} (not shown): ")
    return sys.stdin.readline().rstrip("\r\n")
