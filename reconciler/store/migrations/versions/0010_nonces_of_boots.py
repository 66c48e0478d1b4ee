"""Nonces of boots: which boot of its machine the last report speaks for, and when a report last spoke for one.

machine.boot          Number of the boot whose nonce the last report returned; NULL: it returned none.
machine.witnessed_at  When a report last returned the nonce of a boot; NULL: none ever did.
machine.reported_from Where the last report came from: keys go there, whoever said a status since; NULL: not known.

A report that came before is a hint. Machines that are installed do not report, and lose nothing by that.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("machine", sa.Column("boot", sa.Integer))
    op.add_column("machine", sa.Column("witnessed_at", sa.String(32)))
    op.add_column("machine", sa.Column("reported_from", sa.Text))
