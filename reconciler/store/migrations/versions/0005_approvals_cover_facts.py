"""A digest of facts as what an approval covers, in place of the sentence that its giver read.

Why: an approval held only as long as nobody reworded the sentence. Now it covers which disks with which contents, which
request, or which name; the digest of those stands in the column. Nobody can tell the facts from a sentence, so the
approvals that were given before are void: the column is emptied, the machine asks again, and its plan says why.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Empty the column."""
    approval = sa.table("approval", sa.column("covers"))
    op.execute(sa.update(approval).values(covers=None))
