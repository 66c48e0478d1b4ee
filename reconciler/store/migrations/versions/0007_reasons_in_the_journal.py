"""A column for the reason of what was begun, and of progress that was recorded.

Why: the plan names the reason of each step, and the journal, which is read after the night, named none. It stands
beside the sentence, as the lines that people read are not to be parsed from the bodies of events.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    """Add the column; the journal is append-only, so what happened before has none."""
    op.add_column("journal", sa.Column("reason", sa.String(64)))
