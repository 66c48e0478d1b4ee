"""Commands about what operators write: ``validate``, ``match``, ``schema``, ``signatures``."""

import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from .options import (
    Format,
    FormatOption,
    ObservedOption,
    ServerOption,
    TokenOption,
    enable_gc,
    note,
    observation_text,
    open_site,
)

if TYPE_CHECKING:
    from ..model.diagnostics import Diagnostic
    from ..model.tree import SpecTree

MOST_IN_ONE = 64 * 1024 * 1024
"""Bytes of a file that is one report over many lines. The largest real one has 60 kB."""


class ReportFormat(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=_VALIDATE)(validate)
    app.command(epilog=_MATCH)(match)
    app.command(epilog=_SCHEMA)(schema)
    app.command(epilog=_SIGNATURES)(signatures)


_VALIDATE = """\b
Examples:
  reconciler validate
  reconciler --specs my-branch/cluster-specs validate --format github
  reconciler validate --server http://reconciler.example.com:8080
"""


def validate(
    context: typer.Context,
    format: Annotated[
        ReportFormat, typer.Option("--format", help="github: annotations of a pull request.")
    ] = ReportFormat.TEXT,
    observed: ObservedOption = None,
    server: ServerOption = None,
    token: TokenOption = None,
) -> int:
    """Check the specs and report every problem at once.

    It looks at no database and no machine. With --observed or --server, changes that a cluster cannot take as it has
    nodes are errors, too. It exits 1 when there is an error; a warning is none.
    """
    from ..model.units import counted
    from ..render import diagnostics

    text = observation_text(observed, server, token)
    loaded = open_site(context).specs.load()
    if text is not None and loaded.tree is not None and (refused := _refused(loaded.tree, text)):
        loaded = replace(loaded, tree=None, problems=(*loaded.problems, *refused))
    render = {
        ReportFormat.TEXT: diagnostics.render_text,
        ReportFormat.JSON: diagnostics.render_json,
        ReportFormat.GITHUB: diagnostics.render_github,
    }[format]
    print(render(loaded.problems, loaded.sources), end="")
    if format is ReportFormat.TEXT and loaded.tree is not None:
        tree = loaded.tree
        print(
            f"The specs are valid: {counted(len(tree.clusters), 'cluster')}, "
            f"{counted(len(tree.profiles), 'hardware profile')}, {counted(len(tree.machines), 'machine')} by name."
        )
    return 0 if loaded.tree is not None else 1


def _refused(tree: "SpecTree", observation: str) -> "tuple[Diagnostic, ...]":
    """What the specs ask for, and clusters cannot take as they have nodes by an observation as JSON."""
    from ..planning.fixed import refusals
    from ..render.observation import load_observation

    return refusals(tree, load_observation(observation))


_MATCH = """A file holds one report, or one per line (JSON lines).

\b
Examples:
  reconciler match report.json
  reconciler match --format json reports.jsonl |
      jq -r 'select(.profiles == []) | .serial'
"""


def match(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help='Hardware reports. "-": standard input.')],
    format: FormatOption = Format.TEXT,
    why: Annotated[bool, typer.Option("--why", help="Say what of the report was folded, left out or doubted.")] = False,
) -> int:
    """Say which hardware profiles match a report, and why.

    It also says where the machines are racked. It exits 1 when a report matches no profile, or several.
    """
    from ..hardware.disks import left_alone
    from ..hardware.match import match as match_profiles
    from ..hardware.racking import rack
    from ..hardware.remarks import remarks
    from ..hardware.report import ReportError, parse_report
    from ..render.match import match_line, match_text, remark_json, why_text

    enable_gc()
    tree = open_site(context).specs.tree()
    decided, empty = True, True
    for path, line, body in _reports(files):
        empty = False
        try:
            hardware = parse_report(body)
        except ReportError as error:
            note(f"Error: {path}:{line}: {error}")
            decided = False
            continue
        found, racked = match_profiles(hardware, tree.profiles), rack(hardware, tree.rackings)
        decided &= len(found.profiles) == 1
        left = left_alone(hardware, tree.profiles[found.profile]) if found.profile else ()
        told = remarks(hardware, found.profile, tree.profiles.get(found.profile or "")) if why else ()
        if format is Format.JSON:
            line_of = match_line(hardware, found, racked, left)
            print(json.dumps(line_of | {"remarks": list(map(remark_json, told))} if why else line_of))
        else:
            print(match_text(hardware, found, racked, left) + (why_text(told) if why else ""), end="")
    if empty:
        note("Error: no hardware report was given: all files are empty")
    return 0 if decided and not empty else 1


def _reports(files: list[Path]) -> Iterator[tuple[Path, int, bytes]]:
    """Every report with its file and line. What can be read is told before what cannot is found."""
    for path in files:
        if str(path) == "-":
            yield from ((path, line, body) for line, body in reports_in(sys.stdin.buffer))
            continue
        try:
            with path.open("rb") as stream:
                yield from ((path, line, body) for line, body in reports_in(stream))
        except OSError as error:
            raise typer.BadParameter(f'cannot read "{path}": {error.strerror}', param_hint="FILE") from None


def reports_in(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Every report of a stream with its line, held in memory one at a time where each is on a line of its own."""
    from ..hardware.files import split_reports

    number, first = next(((n, text) for n, text in enumerate(stream, 1) if text.strip()), (0, b""))
    if _is_object(first):
        for line, text in enumerate(itertools.chain((first,), stream), number):
            yield from ((line, body) for _, body in split_reports(text))
        return
    whole = first + stream.read(MOST_IN_ONE)
    yield from ((number + line - 1, body) for line, body in split_reports(whole))


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


_SCHEMA = """Editors use a schema through a first line such as

\b
  # yaml-language-server: $schema=../schemas/cluster.json
"""


def schema(
    directory: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where they go.")] = Path("schemas"),
    docs: Annotated[
        Path | None,
        typer.Option("--pages", metavar="DIR", help="Write the pages of settings, reasons and roles there, too."),
    ] = None,
) -> None:
    """Write the JSON Schemas of all documents and outputs."""
    from .generated import pages, schema_files

    files = {directory / name: text for name, text in schema_files().items()}
    if docs is not None:
        files |= {docs / name: text for name, text in pages().items()}
    changed = [path for path, text in files.items() if _write(path, text)]
    for path in changed:
        print(f"wrote {path}")
    if not changed:
        note(f"All {len(files)} files are as they should be.")


_SIGNATURES = """\b
Example:
  reconciler signatures puppet-module-oci/manifests --version 43.0.45
"""


def signatures(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The module, or its manifests/.")],
    version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The module's version. Default: what its metadata.json says.")
    ] = None,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the file goes.")] = Path("schemas/puppet"),
) -> None:
    """Write the class signatures of a puppet-module-oci version.

    The file is schemas/puppet/VERSION.json: each class with its parameters, their defaults, and which are mandatory.
    """
    from ..specs.puppet_module import read_signatures, version_of

    if not directory.is_dir():
        raise typer.BadParameter(f'there is no directory "{directory}"', param_hint="DIR")
    version = version or version_of(directory)
    if version is None:
        raise typer.BadParameter(
            f'"{directory}" has no metadata.json that tells the module\'s version', param_hint="--version"
        )
    if not version.replace(".", "").isalnum():
        raise typer.BadParameter(f'"{version}" is not a version such as 43.0.45', param_hint="--version")
    try:
        found = read_signatures(directory)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="DIR") from None
    path = output / f"{version}.json"
    written = _write(path, json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(f"{'wrote' if written else 'unchanged:'} {path} ({len(found)} classes)")


def _write(path: Path, text: str) -> bool:
    """Write a file unless it says so already."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return True
