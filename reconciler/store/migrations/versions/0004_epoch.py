"""A database knows its age; and clocks decide nothing any more: a daemon lives while it beats, approvals are used once.

Why: a database that was restored from a backup knows less than the machines do, and nobody can tell by looking at it.
So it counts, and the state folder of the daemon that acts remembers the count. A daemon whose clock was two days ahead
held the lease for two days after its death. The one that waits now counts by a clock that nobody sets: a lease whose
beat does not move for the lease's length is taken over. An approval that had been used was told from a fresh one by
comparing times; now the event that uses it takes its row along. Of those there are nobody knows whether they were used:
they are asked for again.

epoch       One row: the fleet (a UUID), how many actions and starts of daemons there were, why it may be older than the
            machines (told by "restore"), and whether an operator said that it is right though it is new.
lease.beat  Rises whenever the holder says that it lives.
lease.at    When it last did, by its own clock; tells people whether a daemon runs, and decides nothing.
"""

import sqlalchemy as sa
from alembic import op

from reconciler.execution.seam import new_uuid

revision = "0004"
down_revision: str | None = "0003"

INSTANT = sa.String(32)  # RFC 3339, UTC


def upgrade() -> None:
    """Add the columns and the row. A daemon that holds the lease keeps it, and its fence; approvals go."""
    op.add_column("lease", sa.Column("beat", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("lease", sa.Column("at", INSTANT))
    op.execute(sa.delete(sa.table("approval")))
    epoch = op.create_table(
        "epoch",
        sa.Column("fleet", sa.String(36), primary_key=True),
        sa.Column("counter", sa.BigInteger, nullable=False),
        sa.Column("doubt", sa.Text),
        sa.Column("settled", sa.Boolean, nullable=False),
    )
    op.bulk_insert(epoch, [{"fleet": new_uuid(), "counter": 0, "settled": False}])
