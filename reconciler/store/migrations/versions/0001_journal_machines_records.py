"""The first tables: what happened, what was seen, what was handed out, what was decided.

Why: everything that must outlive the daemon is in one database, so that one transaction can keep it consistent, and
one backup can save it. Sizes are for 10,000 machines.

change      One row, ``token``, counts the transactions that wrote; a row for each area says in which of them it last
            changed. Each writer takes the token first and keeps it until it commits. So revisions, and positions of
            the journal, become visible in the order of their numbers, also on PostgreSQL, where a sequence alone would
            let 6 be seen before 5 and an incremental reader would lose 5. A dozen rows.
journal     What was begun, how it ended, and what a human wants to read. Append-only: rows are never updated or
            deleted, which triggers enforce; a machine's history is the fold over its rows that have a body. A crash
            leaves no half-written state, and a reader needs no lock. Some dozen rows per machine and install.
machine     The last word heard from each machine; small, because it is written all the time. One row each.
hardware    What machines reported, a row when it changed. The newest few per machine are kept, 5 to 30 kB each.
allocation  What each machine was given, and, with ``ended_at``, what it once had. One row per machine and change.
vip         Virtual addresses of clusters. A handful per cluster.
claim       Who holds an address, whatever the network it is called on: nobody gets one twice. One row per address.
approval, pause, conflict
            What humans decided, and machines held because two claim one serial. Few rows.
secret      Sealed texts; the key is not in the database. Some 150 per cluster, two per node.
document    Whole texts by name, replaced each time: the last plan, where git stood.
lease       Which daemon is the one that acts, and since how many changes of it (the fence).
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

INSTANT = sa.String(32)  # RFC 3339, UTC; not the code's own type, which may change while this revision may not
AREAS = ("token", "journal", "machine", "allocation", "decision", "secret")


def upgrade() -> None:
    """Make the tables; there is no way back but a backup."""
    position = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    active: dict[str, Any] = {
        "sqlite_where": sa.text("ended_at IS NULL"),
        "postgresql_where": sa.text("ended_at IS NULL"),
    }
    is_event: dict[str, Any] = {
        "sqlite_where": sa.text("body IS NOT NULL"),
        "postgresql_where": sa.text("body IS NOT NULL"),
    }

    change = op.create_table(
        "change",
        sa.Column("area", sa.String(32), primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(change, [{"area": area, "revision": 0} for area in AREAS])
    op.create_table(
        "journal",
        sa.Column("position", position, primary_key=True, autoincrement=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("serial", sa.Text),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("who", sa.Text),
        sa.Column("body", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("journal_by_machine", "journal", ["serial", "position"])
    op.create_index("journal_events", "journal", ["position"], **is_event)
    _make_append_only("journal")
    op.create_table(
        "machine",
        sa.Column("serial", sa.Text, primary_key=True),
        sa.Column("address", sa.Text),
        sa.Column("reported_at", INSTANT),
        sa.Column("status", sa.String(32)),
        sa.Column("status_at", INSTANT),
        sa.Column("power", sa.String(8)),
        sa.Column("power_at", INSTANT),
        sa.Column("digest", sa.Text),
        sa.Column("hardware", sa.BigInteger),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("machine_by_revision", "machine", ["revision"])
    op.create_table(
        "hardware",
        sa.Column("id", position, primary_key=True, autoincrement=True),
        sa.Column("serial", sa.Text, sa.ForeignKey("machine.serial"), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("hardware_by_machine", "hardware", ["serial", "id"])
    op.create_table(
        "allocation",
        sa.Column("id", position, primary_key=True, autoincrement=True),
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("cluster", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("location", sa.Text),
        sa.Column("hostname", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("addresses", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("ended_by", sa.String(32)),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("allocation_by_revision", "allocation", ["revision"])
    op.create_index("one_allocation_per_machine", "allocation", ["serial"], unique=True, **active)
    op.create_index("one_machine_per_hostname", "allocation", ["hostname"], unique=True, **active)
    op.create_table(
        "vip",
        sa.Column("cluster", sa.Text, primary_key=True),
        sa.Column("network", sa.Text, primary_key=True),
        sa.Column("usage", sa.String(32), primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "claim",
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("serial", sa.Text),
        sa.Column("cluster", sa.Text),
        sa.Column("usage", sa.String(32)),
    )
    op.create_index("claim_by_machine", "claim", ["serial"])
    _create_decisions()
    op.create_table(
        "secret",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("form", sa.String(32), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "document",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
    )


def _create_decisions() -> None:
    """Tables for what humans decide: approvals, pauses, and machines held because two claim one serial."""
    op.create_table(
        "approval",
        sa.Column("serial", sa.Text, primary_key=True),
        sa.Column("action", sa.String(64), primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "pause",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "conflict",
        sa.Column("serial", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )


def _make_append_only(table: str) -> None:
    """Have the database refuse every change of a row of this table, and every removal."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the % is append-only', TG_TABLE_NAME; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'the {table} is append-only'); END"
        )
