"""All that cannot be observed anew, as plain values; and a database made of them.

Secrets are not in an export: without them a restored fleet would be given new ones, so back up the database and the
key file too. Hardware is not in it either: machines report it.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select, update

from ..model.errors import PermanentError
from ..model.events import Restored
from ..model.machine import Allocation, Pause, Vip
from .cluster_facts import write_fixed
from .codec import history_value, parse_history
from .database import Writing
from .epochs import read_standing
from .journal import write_events
from .records import write_allocation, write_vip
from .rings import exported as ring_value
from .rings import imported as parse_ring
from .rings import read_built, write_ring
from .snapshot import SnapshotPart
from .tables import allocation, conflict, epoch, journal, pause

VERSION = 1
_WHY_OF_EARLIER_IMPORTS = (
    "imported from OCI, which still installs and configures these machines: resume when this server takes over"
)


class ExportPart(SnapshotPart):
    """Export and restore."""

    def export(self) -> dict[str, Any]:
        """Allocations, VIPs, rings, how far each machine has come, what is paused or held; plain values, sorted."""
        known = self.snapshot()
        with self._database.reading() as connection:
            held = connection.execute(select(conflict).order_by(conflict.c.serial)).all()
            rings = [ring_value(one) for one in read_built(connection).values()]
            age = read_standing(connection).epoch
        return {
            "version": VERSION,
            "epoch": {"fleet": age.fleet, "counter": age.counter},
            "allocations": {serial: _plain(known.allocations[serial]) for serial in sorted(known.allocations)},
            "released": {serial: _plain(known.retired[serial]) for serial in sorted(known.retired)},
            "vips": [asdict(each) for each in known.vips],
            "machines": {serial: history_value(known.histories[serial]) for serial in sorted(known.histories)},
            "pauses": [{**asdict(each), "at": each.at.isoformat()} for each in known.pauses],
            "fixed": {cluster: dict(values) for cluster, values in sorted(known.fixed.items())},
            "rings": rings,
            "conflicts": {row.serial: {"reason": row.reason, "evidence": row.evidence} for row in held},
        }

    def restore(self, exported: Mapping[str, Any], at: datetime, why: str = "from an export") -> None:
        """Fill an empty database, in one transaction. What was running when it was exported is taken as interrupted.

        Nothing is begun until it is settled: machines that were on their way may serve since, others may have come, and
        names and addresses that are free here may be theirs.

        Raises:
            PermanentError: The database is not empty, or this is no export of a version that we know.
        """
        if exported.get("version") != VERSION:
            raise PermanentError(f"this is no export of version {VERSION}")
        with self._database.writing("allocation", "decision", "journal", "fact", "ring") as writing:
            connection = writing.connection
            if any(connection.scalar(select(exists().select_from(table))) for table in (allocation, journal)):
                raise PermanentError("the database is not empty: restore into a new one")
            try:
                _write_places(writing, exported, at)
                told = [
                    Restored(serial, at, parse_history({**value, "open": None}), why)
                    for serial, value in exported["machines"].items()
                ]
                write_events(writing, told)
                for value in exported["pauses"]:
                    connection.execute(pause.insert().values(**asdict(_pause(value))))
                connection.execute(update(epoch).values(**_age(exported), doubt=_doubt(exported["allocations"], why)))
                for cluster, values in exported.get("fixed", {}).items():  # exports of before have none
                    write_fixed(writing, cluster, values, at)
                for value in exported.get("rings", ()):  # nor these
                    write_ring(writing, parse_ring(value))
                for serial, value in exported["conflicts"].items():
                    connection.execute(conflict.insert().values(serial=serial, at=at, **value))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise PermanentError(f"this export cannot be read: {error!r}") from error


def _write_places(writing: Writing, exported: Mapping[str, Any], at: datetime) -> None:
    """What machines and clusters hold, and once held."""
    for serial, value in exported["released"].items():
        write_allocation(writing, serial, Allocation(**value), at, ended_by="released")
    for serial, value in exported["allocations"].items():
        write_allocation(writing, serial, Allocation(**value), at)
    for value in exported["vips"]:
        write_vip(writing, Vip(**value), at)


def _doubt(placed: Mapping[str, object], why: str) -> str | None:
    """Why the machines may have gone on since the export; None where none had a place."""
    return f"it was restored ({why}), and machines went on since" if placed else None


def _age(exported: Mapping[str, Any]) -> dict[str, Any]:
    """Of which fleet the database is, and how far it had counted; exports of before do not say."""
    given = exported.get("epoch")
    return {} if given is None else {"fleet": str(given["fleet"]), "counter": int(given["counter"])}


def _pause(value: Mapping[str, Any]) -> Pause:
    """A pause of an export; those of earlier versions say only in their sentence that OCI is in charge."""
    oci_in_charge = value.get("oci_in_charge", value["why"] == _WHY_OF_EARLIER_IMPORTS)
    return Pause(**{**value, "at": datetime.fromisoformat(value["at"]), "oci_in_charge": oci_in_charge})


def _plain(given: Allocation) -> dict[str, Any]:
    return {**asdict(given), "addresses": dict(given.addresses)}
