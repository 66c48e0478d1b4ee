"""Approvals as statements: with their facts, one row for each who approved, and how long daemons had acted by then.

approval.who        Part of the key: a policy may ask for several people.
approval.statement  JSON of the facts whose digest ``covers`` is, so that the plan can say which of them changed.
approval.acted      Seconds that daemons had acted when it was given (see lease): its age by no clock.
approval.signature  Of the statement's text, where the site demands one.
lease.acted         Seconds that daemons have acted on this database, by their monotonic clocks, beat by beat.

The digest is of other facts than before, so approvals that were given before are void: the machine asks again, and its
plan says so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision: str | None = "0010"

_KEPT = ("serial", "action", "generation", "who", "why", "at")


def upgrade() -> None:
    """Make the table anew, as its key is another; add the column."""
    op.rename_table("approval", "approval_before")
    made = op.create_table(
        "approval",
        sa.Column("serial", sa.Text, primary_key=True),
        sa.Column("action", sa.String(64), primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True),
        sa.Column("who", sa.Text, primary_key=True),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("covers", sa.Text),
        sa.Column("statement", sa.Text),
        sa.Column("acted", sa.Float),
        sa.Column("signature", sa.Text),
    )
    before = sa.table("approval_before", *(sa.column(name) for name in _KEPT))
    op.execute(made.insert().from_select(list(_KEPT), sa.select(*(before.c[name] for name in _KEPT))))
    op.drop_table("approval_before")
    op.add_column("lease", sa.Column("acted", sa.Float, nullable=False, server_default="0"))
