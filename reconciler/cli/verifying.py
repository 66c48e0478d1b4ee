"""``verify``: whether commits were ordered by who may, as the daemon judges it; for pull requests."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Format, FormatOption, failed, open_site

if TYPE_CHECKING:
    from ..render.rows import VerifiedRow


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=_VERIFY)(verify)


_VERIFY = """\b
Examples:
  reconciler --config authority.yaml verify --base origin/main
  reconciler --config authority.yaml verify main
  reconciler verify HEAD --base 3f0b6f1 --format json
"""


def verify(
    context: typer.Context,
    commit: Annotated[str, typer.Argument(metavar="COMMIT", help="The newest commit to judge.")] = "HEAD",
    base: Annotated[
        str | None,
        typer.Option(metavar="COMMIT", help="What is in force: only commits after it are judged. [default: none is]"),
    ] = None,
    format: FormatOption = Format.TEXT,
) -> int:
    """Check who ordered commits, as the daemon does.

    It looks at the repository of the current folder, by the authority that the configuration has. For the daemon a
    commit's keys must be valid when it sees the commit first; here that is now. It exits 1 when a commit is refused.
    """
    from ..app.orders import verify_commits
    from ..render.json_text import plain
    from ..render.rows import VerifiedRow

    site = open_site(context)
    if site.config.authority is None:
        return failed("the configuration has no authority: nothing says who may order what (docs/who-may-order.md)")
    found, refusals = verify_commits(Path.cwd(), site.config.authority, commit, base, site.now())
    print(json.dumps(plain(VerifiedRow, found), indent=2) if format is Format.JSON else refusals or _told(found))
    return 1 if found.refused else 0


def _told(found: "VerifiedRow") -> str:
    since = f" since {found.base[:12]}" if found.base else ""
    if not found.commits:
        return f"Nothing is new at {found.commit[:12]}{since}."
    several = f"All {found.commits} commits" if found.commits > 1 else "The one commit"
    return f"{several}{since} up to {found.commit[:12]} {'were' if found.commits > 1 else 'was'} ordered by who may."
