"""A column for what an approval covers: the sentence that its giver read.

Why: a machine that waits for a word to erase what it holds may be found to hold something else before it is erased.
The word is good for what was shown, and for nothing that was found since.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Add the column; of approvals given before it is not known what was shown."""
    op.add_column("approval", sa.Column("covers", sa.Text))
