"""Clocks decide nothing any more: a daemon lives while it beats, and an approval is used once.

Why: a daemon whose clock was two days ahead held the lease for two days after its death. The one that waits now counts
by a clock that nobody sets: a lease whose beat does not move for the lease's length is taken over. An approval that
had been used was told from one that was not by comparing times, too, so that one given by a clock that was put right
was taken for used, and one in a restored database for fresh. Now the event that uses an approval takes its row along.
Of those there are nobody knows whether they were used: they are asked for again.

lease.beat  Rises whenever the holder says that it lives.
lease.at    When it last did, by its own clock; tells people whether a daemon runs, and decides nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"

INSTANT = sa.String(32)  # RFC 3339, UTC


def upgrade() -> None:
    """Add the columns; a daemon that holds the lease keeps it, and its fence. Approvals go."""
    op.add_column("lease", sa.Column("beat", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("lease", sa.Column("at", INSTANT))
    op.execute(sa.delete(sa.table("approval")))
