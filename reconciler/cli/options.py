"""Parts that all commands share: the global options, output formats, and how to open what they name."""

import gc
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..app.site import Site


@dataclass(frozen=True)
class GlobalOptions:
    """The options before the command's name; None: not given."""

    specs: Path | None
    database: str | None
    config: Path | None


class Format(StrEnum):
    """For people, or for programs."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="For people, or for programs.")]
WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason. It is recorded.")]

ObservedOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help='Go by what "observe" wrote down, and look at no database. "-": stdin.'),
]
ServerOption = Annotated[
    str | None, typer.Option(metavar="URL", help="Go by what this daemon observes, and look at no database.")
]
TokenOption = Annotated[
    str | None, typer.Option(metavar="TOKEN", envvar="RECONCILER_TOKEN", help="Bearer token for --server.")
]

DATABASES = ("sqlite:", "postgresql:")


def open_site(context: typer.Context, *, makes_database: bool = False) -> "Site":
    """The site that the global options, the environment and the configuration file describe.

    Only with ``makes_database`` is a database made where there is none: for who fills it.
    """
    from ..app.config import find_config, load_config
    from ..app.site import Site
    from ..model.redaction import redact_database

    given: GlobalOptions = context.obj
    if given.config is not None:
        readable(given.config, "--config")
    if given.specs is not None and not given.specs.is_dir():
        raise typer.BadParameter(f'there is no directory "{given.specs}"', param_hint="--specs")
    if given.database is not None and not given.database.startswith(DATABASES):
        raise typer.BadParameter(
            f'"{redact_database(given.database)}" is neither sqlite:///FILE nor postgresql://USER@HOST/NAME',
            param_hint="--database",
        )
    config = load_config(find_config(given.config), {"specs": given.specs, "database": given.database})
    if given.specs is None and "RECONCILER_SPECS" not in os.environ:
        site = Site(config, makes_database=makes_database)
    else:
        alone = config.model_copy(update={"source": None})
        site = Site(alone, follows=config.source, makes_database=makes_database)
    context.call_on_close(site.close)
    return site


def open_to_decide(context: typer.Context) -> "Site":
    """Open the site for a command that decides, which somebody must hear.

    Raises:
        PermanentError: There is no database, so no daemon would hear it. None is made.
    """
    site = open_site(context)
    _ = site.store
    return site


def open_to_read(context: typer.Context, *, tells: bool = True) -> "Site":
    """Open the site for a command that shows what a database has.

    Args:
        context: Of the command.
        tells: Say which database that is, and which daemon acts on it: for people, and never on standard output.

    Raises:
        PermanentError: There is no database. None is made.
    """
    from ..app.database import no_database

    site = open_site(context)
    if site.kept is None:
        raise no_database(site.config)
    if tells:
        tell_where(site)
    return site


def readable(path: Path, option: str) -> bytes:
    """The content of a file that an option names.

    Raises:
        typer.BadParameter: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f'cannot read "{path}": {error.strerror}', param_hint=option) from None


def observation_text(observed: Path | None, server: str | None, token: str | None) -> str | None:
    """The observation that is named, as JSON: a file's, standard input's or a daemon's; None: none is.

    Raises:
        typer.BadParameter: Two sources are named, or what is there is no text.
    """
    if observed is not None and server is not None:
        raise typer.BadParameter("--observed and --server exclude each other")
    if server is not None:
        from .remote import fetch_observation

        return fetch_observation(server, token)
    if observed is None:
        return None
    content = sys.stdin.buffer.read() if str(observed) == "-" else readable(observed, "--observed")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise typer.BadParameter(f'"{observed}" is not text in UTF-8', param_hint="--observed") from None


def enable_gc() -> None:
    """For commands that run long or read much: collect garbage, which ``__main__`` turned off for the short ones."""
    gc.enable()


def failed(message: str) -> int:
    """Tell a problem on standard error. Returns the exit status that goes with it."""
    print(f"Error: {message}", file=sys.stderr)
    return 1


def note(message: str) -> None:
    """Tell people something beside the data, on standard error."""
    print(message, file=sys.stderr)


def tell_who_heard(site: "Site") -> None:
    """Say which database was written to, and which daemon acts on it."""
    from ..model.redaction import redact_database

    acting = site.store.acting(site.now())
    note(f"Recorded in {redact_database(site.config.database)}" + (f", for the daemon {acting}." if acting else "."))
    warn_if_no_daemon(site)


def tell_where(site: "Site") -> None:
    """Say which database is read, and which daemon acts on it."""
    from ..model.redaction import redact_database

    acting = site.kept.acting(site.now()) if site.kept else None
    note(f"From {redact_database(site.config.database)}{f', on which the daemon {acting} acts' if acting else ''}.")


def warn_if_no_daemon(site: "Site") -> None:
    """Say so when no daemon is there to do what is planned or was decided."""
    if site.kept is not None and site.kept.acting(site.now()) is None:
        note("No daemon is running on this database: nothing happens until one does.")


def who() -> str:
    """The person at the keyboard, for the record."""
    import getpass

    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"
