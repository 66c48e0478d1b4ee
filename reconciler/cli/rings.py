"""``rings``: Swift's rings, and where a partition, an object or a disk is in them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Format, FormatOption, failed, open_to_read
from .tables import Listing, clock, print_rows

if TYPE_CHECKING:
    from ..app.site import Site
    from ..model.machine import Observation
    from ..render.rows import RingPlaceRow

_RINGS = {
    "cluster": "cluster",
    "ring": "ring",
    "version": "version",
    "devices": "disks",
    "weight": "weight",
    "changed_at": "changed (UTC)",
    "next_round": "next round",
    "differ": "nodes that differ",
}
_PLACES = {
    "cluster": "cluster",
    "ring": "ring",
    "partition": "partition",
    "region": "region",
    "zone": "zone",
    "hostname": "node",
    "device": "device",
    "weight": "weight",
    "partitions": "partitions",
}

_HELP = """\b
Examples:
  reconciler rings
  reconciler rings explain /AUTH_0a1b/photos/cat.jpeg --cluster swift01
  reconciler rings explain 4711
  reconciler rings explain swift01-swiftstore-1.example.com/sdc
"""


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(cls=Listing, epilog=_HELP)(rings)


def rings(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[explain WHAT]",
            help="Say where this is: a partition's number, /ACCOUNT/CONTAINER/OBJECT, NODE/DEVICE, or a disk's serial.",
        ),
    ] = None,
    cluster: Annotated[str | None, typer.Option("--cluster", metavar="NAME", help="Only this cluster's.")] = None,
    format: FormatOption = Format.TEXT,
) -> int:
    """List Swift's rings, or say where something is in them.

    It tells the version, the disks and their weight, what the next round would move, and which nodes have other files.
    """
    from ..render.json_text import plain
    from ..render.rings import ring_rows
    from ..render.rows import RingPlaceRow, RingRow

    site = open_to_read(context, tells=format is Format.TEXT)
    observed = site.observe()
    if not words:
        rows = [row for row in ring_rows(observed) if cluster in (None, row.cluster)]
        print_rows(plain(list[RingRow], rows), _RINGS, format, nothing="There are no rings.", shown=_cells)
        return 0
    if words[0] != "explain" or len(words) != 2:
        raise typer.BadParameter('write "rings", or "rings explain WHAT"')
    found = _places(site, observed, words[1], cluster)
    if not found:
        return failed(f"{words[1]} is in no ring; a partition is a number, and an object begins with /")
    print_rows(plain(list[RingPlaceRow], found), _PLACES, format, nothing="")
    return 0


def _places(site: "Site", observed: "Observation", what: str, cluster: str | None) -> "list[RingPlaceRow]":
    """Where a partition, a path of an account, container or object, or a disk lies in the rings.

    Args:
        site: Whose builders and hash secrets are read.
        observed: The rings in force, and who has which address.
        what: A partition's number; a path, which begins with a slash; else a disk by identity, serial number or name.
        cluster: Only its rings; None: those of every cluster.
    """
    from ..render.rings import partition_of, places_of_disk, places_of_partition, rings_of

    states = [state for state in observed.rings if cluster in (None, state.cluster)]
    hosts = {m.allocation.address: m.allocation.hostname for m in observed.machines if m.allocation}
    names = {address: host for address, host in hosts.items() if address}
    if not (what.startswith("/") or what.isdecimal()):
        return [place for state in states for place in places_of_disk(state, what, names)]
    found = []
    for state in states:
        if what.isdecimal():
            partition = int(what)
        elif state.name.startswith(rings_of(what)):
            partition = partition_of(what, *_hash_path(site, state.cluster), state.part_power)
        else:
            continue
        found += places_of_partition(site.store.ring_builders(state.cluster)[state.name], partition, names)
    return found


def _hash_path(site: "Site", cluster: str) -> tuple[str, str]:
    """What Swift puts around each path before it hashes it: secrets of the cluster.

    Raises:
        PermanentError: They have not been made, or the key is not here.
    """
    from ..model.errors import PermanentError
    from ..model.machine import SecretRef

    found = [site.store.secret(SecretRef(cluster, "swift", f"hashpath{end}")) for end in ("prefix", "suffix")]
    if None in found:
        raise PermanentError(f"the hash path secrets of {cluster} have not been made")
    return str(found[0]), str(found[1])


def _cells(row: Mapping[str, Any]) -> Mapping[str, object]:
    target = "" if row["weight"] == row["target"] else f" of {row['target']:g}"
    return {
        **row,
        "weight": f"{row['weight']:g}{target}",
        "changed_at": clock(row["changed_at"]),
        "differ": ", ".join(row["differ"]),
    }
