"""Swift's rings: each builder with the file made from it, the last three of both. Builders are JSON, never pickles."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, bindparam, delete, func, insert, select

from ..model.errors import PermanentError, TemporaryError
from ..model.observations import Notice
from ..model.rings import BuiltRing, RingRound, RingState, md5_of
from .database import Part, Writing
from .journal import write_notices
from .tables import ring, ring_round

KEPT = 3  # versions of each ring, as swift-ring-builder keeps backups: the one in force, and two to go back to

_states = TypeAdapter(RingState)
_rounds = TypeAdapter(RingRound)


class RingsPart(Part):
    """Rings that are in force, and rounds that wait for an approval."""

    def ring_builders(self, cluster: str) -> Mapping[str, BuiltRing]:
        """The rings of a cluster that are in force, by name.

        Raises:
            PermanentError: One is not what was written.
        """
        with self._database.reading() as connection:
            return read_built(connection, cluster)

    def ring_states(self) -> tuple[RingState, ...]:
        """The rings in force of all clusters, without builders and files."""
        with self._database.reading() as connection:
            return read_states(connection)

    def keep_rings(self, made: Iterable[BuiltRing], bases: Mapping[str, int], why: str, at: datetime) -> None:
        """Have these rings of one cluster take the place of those before them, in one transaction.

        Args:
            made: The rings.
            bases: By ring the version that it was built on; 0: none.
            why: What the journal says of it.
            at: When.

        Raises:
            TemporaryError: Another version is in force than one was built on.
        """
        rings = tuple(made)
        with self._database.writing("ring", "journal") as writing:
            for one in rings:
                _take(writing, one, bases.get(one.state.name, 0))
            for cluster in sorted({one.state.cluster for one in rings}):
                writing.connection.execute(delete(ring_round).where(ring_round.c.cluster == cluster))
                told = ", ".join(f"{r.state.name} {r.state.version}" for r in rings if r.state.cluster == cluster)
                write_notices(writing, [Notice(None, at, "rings", f"rings of {cluster} are now {told}: {why}")])

    def propose_round(self, worked_out: RingRound, at: datetime) -> None:
        """Keep what a round would do, in place of what was worked out for the cluster before."""
        row = {"cluster": worked_out.cluster, "body": _rounds.dump_json(worked_out).decode(), "at": at}
        with self._database.writing("ring") as writing:
            writing.connection.execute(delete(ring_round).where(ring_round.c.cluster == worked_out.cluster))
            writing.connection.execute(insert(ring_round).values(**row))


def _take(writing: Writing, one: BuiltRing, basis: int) -> None:
    state = one.state
    mine = (ring.c.cluster == state.cluster, ring.c.name == state.name)
    in_force = writing.connection.scalar(select(func.max(ring.c.version)).where(*mine)) or 0
    if in_force != basis:
        raise TemporaryError(
            f"the {state.name} ring of {state.cluster} is at version {in_force} now, and was built on {basis}: "
            "it is planned anew"
        )
    write_ring(writing, one)
    kept = select(ring.c.version).where(*mine).order_by(ring.c.version.desc()).limit(KEPT)
    oldest = min(writing.connection.scalars(kept))
    writing.connection.execute(delete(ring).where(*mine, ring.c.version < oldest))


def write_ring(writing: Writing, one: BuiltRing) -> None:
    """Write a ring, within a transaction."""
    row = {
        "cluster": one.state.cluster,
        "name": one.state.name,
        "version": one.state.version,
        "at": one.state.at,
        "state": _states.dump_json(one.state).decode(),
        "builder": one.builder,
        "checksum": _checksum(one.builder),
        "file": one.file,
    }
    writing.connection.execute(insert(ring).values(**row))


def _newest() -> Any:
    """A condition: the version that is in force."""
    other = ring.alias()
    mine = (other.c.cluster == ring.c.cluster, other.c.name == ring.c.name)
    return ring.c.version == select(func.max(other.c.version)).where(*mine).scalar_subquery()


_IN_FORCE = select(ring).where(_newest()).order_by(ring.c.cluster, ring.c.name)
_OF_CLUSTER = _IN_FORCE.where(ring.c.cluster == bindparam("of"))
_STATES = select(ring.c.state).where(_newest()).order_by(ring.c.cluster, ring.c.name)


def read_built(connection: Connection, cluster: str | None = None) -> dict[str, BuiltRing]:
    """Rings in force of a cluster by name; or of all, by ``cluster/name``.

    Raises:
        PermanentError: One is not what was written.
    """
    found: dict[str, BuiltRing] = {}
    asked = {} if cluster is None else {"of": cluster}
    for row in connection.execute(_IN_FORCE if cluster is None else _OF_CLUSTER, asked):
        one = BuiltRing(_states.validate_json(row.state), row.builder, row.file)
        if row.checksum != _checksum(row.builder) or md5_of(row.file) != one.state.md5:
            raise PermanentError(
                f"the {row.name} ring of {row.cluster} in the database is not what was written there: "
                "restore a backup; nothing is built on it or given to nodes"
            )
        found[row.name if cluster is not None else f"{row.cluster}/{row.name}"] = one
    return found


def read_states(connection: Connection) -> tuple[RingState, ...]:
    """Rings in force, by cluster and name, without builders and files."""
    return tuple(_states.validate_json(text) for text in connection.scalars(_STATES))


def read_rounds(connection: Connection) -> tuple[RingRound, ...]:
    """Rounds that were worked out and not taken, by cluster."""
    query = select(ring_round.c.body).order_by(ring_round.c.cluster)
    return tuple(_rounds.validate_json(text) for text in connection.scalars(query))


def exported(one: BuiltRing) -> dict[str, Any]:
    """A ring as plain values."""
    state = _states.dump_python(one.state, mode="json")
    return {"state": state, "builder": json.loads(one.builder), "file": base64.b64encode(one.file).decode()}


def imported(value: Mapping[str, Any]) -> BuiltRing:
    """The ring that ``exported`` told.

    Raises:
        ValueError: Its file is not that of its state.
    """
    state, file = _states.validate_python(value["state"]), base64.b64decode(value["file"])
    if md5_of(file) != state.md5:
        raise ValueError(f"the file of the {state.name} ring of {state.cluster} is another one")
    return BuiltRing(state, json.dumps(value["builder"]), file)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
