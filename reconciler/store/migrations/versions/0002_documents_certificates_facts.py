"""Versions of nodes' Puppet documents, ends of certificates, and facts that, once so, stay so.

Why: a node is behind when its document changed after its last good Puppet run began. Both moments must outlive the
daemon, or every restart would have the whole fleet run Puppet. The end of a certificate is plain data, so that the
planner sees it without a key. Sizes are for 10,000 machines.

machine.puppet_at  When the last good Puppet run that we know of asked for its document, or a little before.
rendered           Digest of a node's document, and since when that is what Puppet is given. The newest few per node
                   are kept, to say which one an older run had.
secret.expires_at  Of a certificate.
revocation         Certificates that are to be believed no more, until they would have ended anyway. Few rows.
fact               What once was so, and stays so: a cluster's first setup is over. A handful per cluster.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INSTANT = sa.String(32)  # RFC 3339, UTC
AREAS = ("document", "fact")


def upgrade() -> None:
    """Add the columns and tables; there is no way back but a backup."""
    op.add_column("machine", sa.Column("puppet_at", INSTANT))
    op.add_column("secret", sa.Column("expires_at", INSTANT))
    op.create_table(
        "revocation",
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "rendered",
        sa.Column("hostname", sa.Text, primary_key=True),
        sa.Column("since", INSTANT, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("rendered_by_revision", "rendered", ["revision"])
    op.create_table(
        "fact",
        sa.Column("about", sa.Text, primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
    )
    change = sa.table("change", sa.column("area"), sa.column("revision"))
    op.bulk_insert(change, [{"area": area, "revision": 0} for area in AREAS])
