"""A column for what a pause of an import means: that OCI is still in charge.

Why: while OCI is in charge, another import overwrites secrets and places with what changed there. Code compared the
sentence of the pause to know. The pauses that imports made before are known by it, here for the last time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"

WHY = "imported from OCI, which still installs and configures these machines: resume when this server takes over"
"""The sentence of all earlier versions."""


def upgrade() -> None:
    """Add the column, and fill it for the pauses of imports."""
    op.add_column("pause", sa.Column("oci_in_charge", sa.Boolean, nullable=False, server_default=sa.false()))
    pause = sa.table("pause", sa.column("why"), sa.column("oci_in_charge"))
    op.execute(sa.update(pause).where(pause.c.why == WHY).values(oci_in_charge=True))
