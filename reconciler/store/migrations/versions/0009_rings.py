"""Swift's rings: builders and files, and rounds that wait for an approval.

Why: a ring says where each object lies, so it must outlive the daemon and be in its backup. A builder is what the next
ring is built on; it stands beside the file that nodes get, in one row, so that no transaction can part them.

ring        A version of one ring. ``state`` is what planning reads, small; ``builder`` is Swift's, as JSON, with its
            ``checksum``; the file's md5 stands in the state. The newest three of each ring are kept. Some four rings
            per Swift cluster; a builder at part power 18 with three replicas takes 2.5 MB, its file 1 MB.
ring_round  What the next round of a cluster would do. It is made anew from the builder once it is approved.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"

INSTANT = sa.String(32)  # RFC 3339, UTC


def upgrade() -> None:
    """Add the tables; there is no way back but a backup."""
    op.create_table(
        "ring",
        sa.Column("cluster", sa.Text, primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("builder", sa.Text, nullable=False),
        sa.Column("checksum", sa.String(64), nullable=False),
        sa.Column("file", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "ring_round",
        sa.Column("cluster", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    change = sa.table("change", sa.column("area"), sa.column("revision"))
    op.bulk_insert(change, [{"area": "ring", "revision": 0}])
