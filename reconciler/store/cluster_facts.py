"""Facts about clusters: each is found out, and holds until the opposite is."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from ..model.machine import ShownCertificate
from ..model.observations import Notice
from .database import Part, Writing
from .journal import write_notices
from .leases import read_state, write_state
from .tables import fact

_SET_UP = "set-up"
_SHOWN = "api-certificates"
_FIXED = "fixed:"
"""How the name of a fact begins that has a value: ``fixed:release.openstack=epoxy``."""


class FactsPart(Part):
    """Facts about clusters."""

    def note_set_up(self, cluster: str, at: datetime) -> None:
        """Note that the first setup of a cluster is over. Idempotent."""
        row = {"about": f"cluster:{cluster}", "name": _SET_UP, "at": at}
        with self._database.writing("fact", "journal") as writing:
            new = writing.insert(fact).values(**row).on_conflict_do_nothing().returning(fact.c.about)
            if writing.connection.scalar(new) is not None:
                text = f"all controllers of {cluster} are in service, with endpoints: its first setup is over"
                write_notices(writing, [Notice(None, at, "cluster-set-up", text)])

    def set_up_again(self, cluster: str, *, who: str, why: str, at: datetime) -> None:
        """Let the cluster's first setup begin again, until what it makes is seen to be there."""
        gone = delete(fact).where(fact.c.about == f"cluster:{cluster}", fact.c.name == _SET_UP)
        with self._database.writing("fact", "decision", "journal", decided=True) as writing:
            writing.connection.execute(gone)
            text = f"the first setup of {cluster} begins again: {why}"
            write_notices(writing, [Notice(None, at, "cluster-begins-again", text, who)])

    def forget_set_up(self, cluster: str, at: datetime) -> None:
        """Note that nothing is left of what the cluster's first setup made. Idempotent."""
        gone = delete(fact).where(fact.c.about == f"cluster:{cluster}", fact.c.name == _SET_UP)
        with self._database.writing("fact", "journal") as writing:
            if writing.connection.execute(gone).rowcount:
                text = f"no controller of {cluster} keeps what its first setup made: it begins again"
                write_notices(writing, [Notice(None, at, "cluster-begins-again", text)])

    def keep_fixed(self, cluster: str, values: Mapping[str, str], at: datetime) -> None:
        """The cluster has nodes, which keep these values; in place of those it had. Empty: it has no nodes any more."""
        with self._database.writing("fact") as writing:
            write_fixed(writing, cluster, values, at)

    def fixed(self) -> Mapping[str, Mapping[str, str]]:
        """What clusters with nodes keep, by cluster."""
        with self._database.reading() as connection:
            return read_fixed(connection)

    def keep_shown(self, shown: Mapping[str, ShownCertificate]) -> None:
        """Keep what the clusters' APIs show, by cluster, in place of what was known of all of them."""
        rows = {cluster: asdict(one) for cluster, one in sorted(shown.items())}
        with self._database.writing("fact") as writing:
            write_state(writing, _SHOWN, json.dumps(rows))

    def shown(self) -> Mapping[str, ShownCertificate]:
        """What the clusters' APIs show, by cluster, as far as the daemon has looked."""
        with self._database.reading() as connection:
            return read_shown(connection)

    def set_up(self) -> frozenset[str]:
        """Clusters whose first setup is over."""
        with self._database.reading() as connection:
            return read_set_up(connection)


def read_set_up(connection: Connection) -> frozenset[str]:
    """Clusters whose first setup is over, read on an open connection."""
    found = connection.scalars(select(fact.c.about).where(fact.c.name == _SET_UP))
    return frozenset(about.partition(":")[2] for about in found)


def read_shown(connection: Connection) -> Mapping[str, ShownCertificate]:
    """What the clusters' APIs show, by cluster, on a connection."""
    rows = json.loads(read_state(connection, _SHOWN) or "{}")
    return {cluster: ShownCertificate(**row) for cluster, row in rows.items()}


def write_fixed(writing: Writing, cluster: str, values: Mapping[str, str], at: datetime) -> None:
    """Write what a cluster keeps in place of what it kept, within a transaction."""
    about = f"cluster:{cluster}"
    writing.connection.execute(delete(fact).where(fact.c.about == about, fact.c.name.startswith(_FIXED)))
    rows = [{"about": about, "name": f"{_FIXED}{name}={value}", "at": at} for name, value in sorted(values.items())]
    if rows:
        writing.connection.execute(insert(fact), rows)


def read_fixed(connection: Connection) -> Mapping[str, Mapping[str, str]]:
    """What clusters with nodes keep, on a connection."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in connection.execute(select(fact).where(fact.c.name.startswith(_FIXED)).order_by(fact.c.name)):
        name, _, value = row.name.removeprefix(_FIXED).partition("=")
        found[row.about.partition(":")[2]][name] = value
    return dict(found)
