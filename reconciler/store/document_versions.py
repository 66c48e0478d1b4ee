"""Versions of the nodes' Puppet documents: which one each node was given since when."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select

from ..model.machine import DocumentVersion
from .database import Part
from .machines import chunks
from .tables import rendered

KEPT = 5  # versions per node; enough to name the one that a node which is behind still has

_CHANGED = select(rendered.c.hostname).where(rendered.c.revision > bindparam("since")).distinct()
_VERSIONS = (
    select(rendered).where(rendered.c.hostname.in_(bindparam("some", expanding=True))).order_by(rendered.c.since.desc())
)

Versions = tuple[DocumentVersion, ...]
"""Of one node, the newest first."""


class RenderedPart(Part):
    """The digests of documents, and since when each is what Puppet is given."""

    def keep_documents(self, changed: Mapping[str, DocumentVersion]) -> None:
        """Note that these nodes, by hostname, are given another document than before."""
        if not changed:
            return
        with self._database.writing("document") as writing:
            known = read_versions(writing.connection, -1, sorted(changed))
            news = {n: new for n, new in changed.items() if not known.get(n) or known[n][0].digest != new.digest}
            rows = [
                {"hostname": name, "since": new.since, "digest": new.digest, "revision": writing.revision}
                for name, new in sorted(news.items())
            ]
            old = [
                {"host": name, "then": known[name][KEPT - 1].since} for name in news if len(known.get(name, ())) >= KEPT
            ]
            if rows:
                writing.connection.execute(insert(rendered), rows)
            if old:
                mine = (rendered.c.hostname == bindparam("host"), rendered.c.since <= bindparam("then"))
                writing.connection.execute(delete(rendered).where(*mine), old)


def read_versions(
    connection: Connection, since_revision: int, hostnames: list[str] | None = None
) -> dict[str, Versions]:
    """All versions of the nodes named, or of those to which one came after a revision."""
    if hostnames is None:
        hostnames = list(connection.scalars(_CHANGED, {"since": since_revision}))
    found: dict[str, list[DocumentVersion]] = defaultdict(list)
    for some in chunks(hostnames):
        for row in connection.execute(_VERSIONS, {"some": some}):
            found[row.hostname].append(DocumentVersion(row.digest, row.since))
    return {hostname: tuple(versions) for hostname, versions in found.items()}
