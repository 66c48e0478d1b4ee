"""Readings of services: what each node last said of its own.

machine.readings   JSON of ``model.gates.Readings``: each value with the moment since when it is so, and when somebody
                   last looked. One text, as it is read and written whole. NULL: nobody has looked yet.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    """Add the column."""
    op.add_column("machine", sa.Column("readings", sa.Text))
