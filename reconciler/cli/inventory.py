"""Commands that look: ``enc``, ``explain``, ``machines``, ``clusters``, ``events``."""

import json
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Format, FormatOption, enable_gc, note, open_to_read, warn_if_no_daemon
from .tables import Listing, clock, print_rows

if TYPE_CHECKING:
    from ..app.site import Site
    from ..model.observations import Occurrence

MOST_EVENTS = 100_000
FOLLOW_SECONDS = 1.0
_MACHINES = {"serial": "serial", "hostname": "hostname", "phase": "phase", "place": "place", "now": "now"}
_CLUSTERS = {
    "cluster": "cluster",
    "role": "role",
    "wanted": "wanted",
    "enrolled": "enrolled",
    "in_service": "in service",
}
_EVENTS = {
    "at": "time (UTC)",
    "serial": "serial",
    "kind": "kind",
    "reason": "reason",
    "who": "who",
    "text": "what happened",
}

Hostname = Annotated[str, typer.Argument(metavar="HOSTNAME", help="Full hostname of a node.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=_ENC)(enc)
    app.command(epilog=_EXPLAIN)(explain)
    app.command(cls=Listing)(machines)
    app.command(cls=Listing)(clusters)
    app.command(cls=Listing, epilog=_EVENTS_HELP)(events)


_ENC = """\b
In puppet.conf of the Puppet server:
  node_terminus  = exec
  external_nodes = /usr/local/sbin/enc

\b
/usr/local/sbin/enc, which may read the database and the key of its secrets:
  #!/bin/sh
  exec reconciler --config /etc/reconciler/reconciler.yaml enc "$1"

\b
From a running daemon, a thousand times as fast and without the key:
  exec curl -sf "http://127.0.0.1:8080/v1/enc/$1"
"""


def enc(context: typer.Context, hostname: Hostname) -> int:
    """Print a node's Puppet classes as YAML.

    Nothing else goes to standard output. It exits 1 when there is no such node, or when its document cannot be given
    yet, and says why on standard error. It changes nothing: the daemon makes the secrets.
    """
    from ..app.node_document import document

    found = document(open_to_read(context, tells=False), hostname)
    sys.stdout.flush()
    sys.stdout.buffer.write(found.yaml)
    return 0


_EXPLAIN = """\b
Examples:
  reconciler explain swift01-swiftstore-1.example.com
  reconciler explain 7CZ4YG3
  reconciler explain swift01-swiftstore-1.example.com --written
  reconciler explain swift01-swiftstore-1.example.com servers_per_port
  reconciler explain swift01-swiftstore-1.example.com 'swift_*'
  reconciler explain swift01-swiftstore-1.example.com oci::generic
"""


def explain(
    context: typer.Context,
    node: Annotated[str, typer.Argument(metavar="NODE", help="A full hostname, or the chassis serial.")],
    parameter: Annotated[
        str | None,
        typer.Argument(metavar="PARAMETER", help="Only this one, or this class. * stands for any letters."),
    ] = None,
    written: Annotated[
        bool, typer.Option("--written", help="Only what the specs say: no defaults, nothing worked out.")
    ] = False,
    format: FormatOption = Format.TEXT,
) -> int:
    """Say why a node gets its Puppet classes; tell its gates.

    It prints the node's gates, closed ones first, and what its first Puppet run still needs, with the closed gates
    there. Each parameter follows with its value, its reason, and the file and line where that is written. Secrets are
    masked. Asked for one parameter, it also tells where else the parameter may be written and which values lost, and
    prints a long value whole and base64 in clear. Where the node is not given the parameter, it says why.
    """
    from ..app.node_document import explain as explained
    from ..render.explain import explain_json, explain_text

    explanation = explained(open_to_read(context, tells=format is Format.TEXT), node, parameter, written=written)
    if format is Format.JSON:
        print(json.dumps(explain_json(explanation), indent=1))
        return 0
    if written and not any(one.parameters for one in explanation.classes):
        note("The specs say nothing of this: all is default or worked out.")
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(explain_text(explanation, width), end="")
    return 0


def machines(
    context: typer.Context,
    serial: Annotated[
        str | None, typer.Argument(metavar="MACHINE", help="Show this one whole: its chassis serial, or hostname.")
    ] = None,
    format: FormatOption = Format.TEXT,
) -> int:
    """List the machines, or show one of them whole.

    It tells where each machine stands, how far it has come, and what it waits for.
    """
    from ..app.plans import planned
    from ..app.site import unknown
    from ..render.inventory import machine_text
    from ..render.json_text import plain
    from ..render.machines import machine_page, machine_rows
    from ..render.rows import MachinePage, MachineRow

    site = open_to_read(context, tells=format is Format.TEXT)
    todo, observation = planned(site)
    rows = machine_rows(todo, observation)
    if serial is None:
        print_rows(plain(list[MachineRow], rows), _MACHINES, format, nothing="No machine has reported yet.")
        if format is Format.TEXT:
            for name, text in todo.notes.items():
                note(f"{name}: {text}")
            warn_if_no_daemon(site)
        return 0
    row = next((row for row in rows if serial in (row.serial, row.hostname)), None)
    if row is None:
        raise unknown("machine", serial)
    happened = _last(site, 20, row.serial)
    if format is Format.JSON:
        known = next(machine for machine in observation.machines if machine.serial == row.serial)
        print(json.dumps(plain(MachinePage, machine_page(row, known, happened, observation)), indent=1))
    else:
        print(machine_text(row, happened, observation.now), end="")
    return 0


def clusters(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="CLUSTER", help="Only this one.")] = None,
    format: FormatOption = Format.TEXT,
) -> int:
    """List the clusters: machines wanted, given and in service.

    Each role has a line. The clusters' virtual addresses follow.
    """
    from ..app.site import unknown
    from ..model.plan import PlanningInput
    from ..planning.planner import plan
    from ..render.clusters import cluster_rows, vips_text
    from ..render.json_text import plain
    from ..render.rows import ClusterRow

    site = open_to_read(context, tells=format is Format.TEXT)
    tree = site.specs.tree()
    observation = site.observe(tree)
    shortfalls = plan(PlanningInput(None, tree, observation, site.config.planning_timings)).shortfalls
    rows = cluster_rows(tree.clusters, observation, shortfalls)
    if name is not None:
        rows = tuple(row for row in rows if row.cluster == name)
        if not rows:
            raise unknown("cluster", name)
    nothing = "The specs have no cluster."
    print_rows(plain(tuple[ClusterRow, ...], rows), _CLUSTERS, format, nothing=nothing, shown=_cluster_cells)
    if format is Format.TEXT:
        print(vips_text(rows), end="")
    return 0


_EVENTS_HELP = """\b
Examples:
  reconciler events --since 2h
  reconciler events --machine swift01-swiftstore-1.example.com
  reconciler events --follow
"""


def events(
    context: typer.Context,
    machine: Annotated[
        str | None,
        typer.Option("--machine", "--serial", metavar="MACHINE", help="Only of this machine: serial or hostname."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help='Only events since then: "2h", "3d", or a date and time (UTC).')
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=MOST_EVENTS, metavar="NUMBER", help="How many, the newest. Default: 50.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new events, until Ctrl-C.")] = False,
    format: FormatOption = Format.TEXT,
) -> int:
    """Tell what happened, the newest last.

    Reports that changed something, actions, and operators' decisions with who and why.
    """
    from ..execution import seam
    from ..model.observations import Occurrence
    from ..render.json_text import plain

    began = _moment(since, seam.now()) if since is not None else None
    site = open_to_read(context, tells=format is Format.TEXT)
    serial = site.serial_of(machine) if machine is not None else None
    found = _last(site, limit or (50 if began is None else MOST_EVENTS), serial)
    shown = [event for event in found if began is None or event.at >= began]
    if follow:
        return _follow(site, shown, found[-1].position if found else 0, serial, format)
    rows = plain(list[Occurrence], shown)
    nothing = "Nothing has happened yet." if began is None else "Nothing since then."
    print_rows(rows, _EVENTS, format, nothing=nothing, shown=lambda row: {**row, "at": clock(row["at"])})
    return 0


def _cluster_cells(row: Mapping[str, object]) -> Mapping[str, object]:
    """The row as a table has it."""
    return {**row, "wanted": "all" if row["wanted"] is None else row["wanted"]}


def _last(site: "Site", limit: int, serial: str | None) -> list["Occurrence"]:
    return site.kept.last_events(limit=limit, serial=serial) if site.kept else []


def _moment(text: str, now: datetime) -> datetime:
    """The moment that an operator wrote: a duration before now, or a date and time, in UTC unless it has a zone.

    Raises:
        typer.BadParameter: It is neither.
    """
    from ..model.units import parse_duration

    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f'"{text}" is neither a time such as "2h" nor a moment such as "2026-11-22 03:00"', param_hint="--since"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _follow(site: "Site", found: list["Occurrence"], position: int, serial: str | None, format: Format) -> int:
    """One event per line, as they come: JSON lines, or text."""
    from ..execution import seam

    enable_gc()
    try:
        while True:
            for event in found:
                print(_event_line(event, format), flush=True)
                position = max(position, event.position)
            seam.rest(FOLLOW_SECONDS)
            found = site.store.events(after=position, serial=serial)
    except KeyboardInterrupt:
        return 0


def _event_line(event: "Occurrence", format: Format) -> str:
    from ..model.observations import Occurrence
    from ..render.inventory import event_line
    from ..render.json_text import plain

    return json.dumps(plain(Occurrence, event)) if format is Format.JSON else event_line(event)
