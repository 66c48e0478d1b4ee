"""The root of the command line: global options, and one function per command.

Commands import what they need when they run, so that ``--help`` and completion answer at once.
"""

import os
import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer
import typer.main
from typer.exceptions import TyperException

from . import (
    adopt,
    backup,
    booting,
    daemon,
    decisions,
    importing,
    inventory,
    lease,
    pki,
    planning,
    rehearsing,
    rings,
    secret,
    specs,
    verifying,
)
from .options import GlobalOptions

EX_USAGE = 64
EX_PIPE = 141
"""As the shell reports a program that SIGPIPE ended."""
_CLICK_USAGE = 2
_TRACEBACK = "RECONCILER_TRACEBACK"
_GLOBAL = ("--specs", "--database", "--config")

_EPILOG = """\b
Exit status: 0 all is well, 1 something is wrong, 64 wrong usage;
"plan --detailed-exitcode" 2 when anything is to be done or waits.

\b
Where to begin:
  reconciler demo                a small fleet on this machine
  reconciler validate            are the specs right?
  reconciler plan                what would happen now?
  reconciler machines            where does every machine stand?
"""

app = typer.Typer(
    name="reconciler",
    help="Bring bare-metal OpenStack clusters to what their specs in git say.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"reconciler {version('openstack-cluster-reconciler')}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    specs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Read the specs from this directory, not the source. [env: RECONCILER_SPECS]"),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="sqlite:///FILE or postgresql://... [env: RECONCILER_DATABASE_URL]"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The daemon's configuration. [env: RECONCILER_CONFIG; "
            "else /etc/reconciler/reconciler.yaml, else ./reconciler.yaml]",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    del version
    context.obj = GlobalOptions(specs, database, config)


_MODULES = (
    specs,
    verifying,
    planning,
    rehearsing,
    inventory,
    rings,
    decisions,
    adopt,
    secret,
    pki,
    lease,
    backup,
    booting,
    daemon,
    importing,
)
for module in _MODULES:
    module.register(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status. No problem of the world's shows a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")  # whatever the terminal's encoding, printing must not fail
    command = typer.main.get_command(app)
    try:
        result = command(with_base(arguments), prog_name="reconciler", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except TyperException as error:
        return _misused(error)
    except typer.Abort:
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _unread()
    except SystemExit as error:  # Typer turns a broken pipe into one, and exits for completion by another
        if isinstance(error.__context__, BrokenPipeError):
            return _unread()
        raise
    except Exception as error:
        return _failed(error)


def with_base(arguments: Sequence[str]) -> list[str]:
    """The arguments, with the value that ``plan --base`` stands for where it has none; Typer has no such options."""
    if "plan" not in arguments or "--base" not in arguments:
        return list(arguments)
    from ..model.spec_change import IN_FORCE

    found: list[str] = []
    for word, following in zip_longest(arguments, arguments[1:]):
        found.append(word)
        if word == "--base" and (following is None or following.startswith("-")):
            found.append(IN_FORCE)
    return found


def _unread() -> int:
    """The reader (head, less) has seen enough. Not 0: nobody knows whether all was well."""
    sys.stdout = sys.__stdout__
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would complain once more while it flushes at exit
    return EX_PIPE


def _misused(error: TyperException) -> int:
    if message := getattr(error, "message", None):
        error.message = message.replace("Value error, ", "")  # pydantic's words, for nobody
    show = getattr(error, "show", None)
    show() if show else print(f"Error: {error}", file=sys.stderr)
    if getattr(error, "option_name", None) in _GLOBAL:
        print("Options for all commands stand before the command's name.", file=sys.stderr)
    return EX_USAGE if error.exit_code == _CLICK_USAGE else error.exit_code


def _failed(error: Exception) -> int:
    """The exit code after an error that no command caught. The error is on stderr, as one that operators can read.

    Raises:
        Exception: The error itself, where the environment asks for a traceback.
    """
    from ..model.errors import PermanentError, TemporaryError
    from ..model.redaction import redact

    if os.environ.get(_TRACEBACK):
        raise error
    if isinstance(error, PermanentError | TemporaryError):
        print(f"Error: {redact(str(error))}", file=sys.stderr)
    elif isinstance(error, OSError):
        print(f"Error: {error.filename or type(error).__name__}: {error.strerror or error}", file=sys.stderr)
    else:
        print(
            f"Error: {type(error).__name__}: {redact(str(error))}\n"
            f"This is a bug in reconciler. With {_TRACEBACK}=1 it says where; please report that.",
            file=sys.stderr,
        )
    return 1
