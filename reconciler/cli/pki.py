"""``pki``: which certificates there are, when they end, and an operator's word to renew or revoke one."""

from typing import TYPE_CHECKING, Annotated

import typer

from .options import Format, FormatOption, WhyOption, note, open_to_decide, open_to_read, tell_who_heard, who
from .tables import print_rows

if TYPE_CHECKING:
    from ..app.site import Site
    from ..model.machine import SecretRef
    from ..render.rows import CertificateRow

_COLUMNS = {"expires": "ends (UTC)", "days": "days left", "state": "state", "name": "name"}

CertificateName = Annotated[
    str, typer.Argument(metavar="NAME", help='OWNER:SERVICE/KIND, as "reconciler pki" lists it.')
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback()(pki)
    group.command("renew", epilog=_RENEW)(renew)
    group.command("revoke", epilog=_REVOKE)(revoke)
    group.command("crl", epilog=_CRL)(crl)
    app.add_typer(group, name="pki", help="Show when certificates end; renew and revoke them.")


def pki(context: typer.Context, format: FormatOption = Format.TEXT) -> None:
    """Show which certificates there are and when they end, the first to end first.

    They are renewed by themselves before that, as the fleet's policy says (renew_before, max_renewals).
    """
    if context.invoked_subcommand is not None:
        return
    site = open_to_read(context, tells=format is Format.TEXT)
    now, store = site.now(), site.kept
    soon = now + site.specs.tree().fleet.policy.renew_before
    rows: list[CertificateRow] = [
        {
            "name": str(one.ref),
            "expires": one.expires_at.isoformat(timespec="seconds"),
            "days": (one.expires_at - now).days,
            "state": "ended" if one.expires_at <= now else "due" if one.expires_at <= soon else "good",
        }
        for one in (store.certificates() if store else ())
    ]
    nothing = "No certificate has been made yet."
    print_rows(rows, _COLUMNS, format, nothing=nothing, shown=lambda row: {**row, "expires": row["expires"][:10]})


_RENEW = """\b
Examples:
  reconciler pki renew cl1:pki/api --why "another hostname, CHG-1234"
  reconciler pki renew fleet:pki/oci_ca --why "ends next year"
"""


def renew(context: typer.Context, name: CertificateName, why: WhyOption) -> None:
    """Renew a certificate now, whenever it ends.

    An authority keeps its key and name, so that what it signed stays valid. Nodes get the new certificate with their
    next Puppet run.
    """
    site = open_to_decide(context)
    end = site.certificates.renew(_named(site, name), who=who(), why=why)
    note(f"{name} is renewed, and ends on {end:%Y-%m-%d}.")
    tell_who_heard(site)


_REVOKE = """\b
Example:
  reconciler pki revoke cl1:pki/api --why "the key leaked, INC-77"
"""


def revoke(context: typer.Context, name: CertificateName, why: WhyOption) -> None:
    """Revoke a certificate, and make its successor.

    The old one stands in the list that "reconciler pki crl" prints from now on.
    """
    site = open_to_decide(context)
    end = site.certificates.revoke(_named(site, name), who=who(), why=why)
    note(f"{name} is revoked. Its successor ends on {end:%Y-%m-%d}.")
    tell_who_heard(site)


_CRL = """\b
Example:
  reconciler pki crl > /srv/www/oci-ca.crl
"""


def crl(context: typer.Context) -> None:
    """Print the authorities' lists of revoked certificates, as PEM. They are good for a week."""
    print(open_to_read(context, tells=False).certificates.revocation_list(), end="")


def _named(site: "Site", name: str) -> "SecretRef":
    from ..model.errors import PermanentError

    for one in site.store.certificates():
        if str(one.ref) == name:
            return one.ref
    raise PermanentError(f'no certificate is called "{name}"; "reconciler pki" has the names')
