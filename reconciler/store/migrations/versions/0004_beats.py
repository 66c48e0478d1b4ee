"""Whether a daemon lives is told by beats, not by clocks.

Why: a daemon whose clock was two days ahead held the lease for two days after its death. The one that waits now counts
by a clock that nobody sets: a lease whose beat does not move for the lease's length is taken over.

lease.beat  Rises whenever the holder says that it lives.
lease.at    When it last did, by its own clock; tells people whether a daemon runs, and decides nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"

INSTANT = sa.String(32)  # RFC 3339, UTC


def upgrade() -> None:
    """Add the columns; a daemon that holds the lease keeps it, and its fence."""
    op.add_column("lease", sa.Column("beat", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("lease", sa.Column("at", INSTANT))
