"""The tables, as the newest migration leaves them. What each is for, and why, is written in ``migrations/versions``."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)

metadata = MetaData()


class Instant(TypeDecorator[datetime]):
    """A moment, as RFC 3339 text in UTC: sorts as it should, and reads alike in SQLite and PostgreSQL."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone. This is a bug in reconciler.")
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


_Position = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is SQLite's own row number

change = Table(
    "change",
    metadata,
    Column("area", String(32), primary_key=True),
    Column("revision", BigInteger, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("position", _Position, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("serial", Text),
    Column("kind", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("who", Text),
    Column("body", Text),
    Column("reason", String(64)),
    Index("journal_by_machine", "serial", "position"),
    Index(
        "journal_events", "position", sqlite_where=text("body IS NOT NULL"), postgresql_where=text("body IS NOT NULL")
    ),
    sqlite_autoincrement=True,
)

machine = Table(
    "machine",
    metadata,
    Column("serial", Text, primary_key=True),
    Column("address", Text),
    Column("reported_at", Instant),
    Column("status", String(32)),
    Column("status_at", Instant),
    Column("power", String(8)),
    Column("power_at", Instant),
    Column("puppet_at", Instant),
    Column("readings", Text),
    Column("boot", Integer),
    Column("witnessed_at", Instant),
    Column("reported_from", Text),
    Column("digest", Text),
    Column("hardware", BigInteger),
    Column("revision", BigInteger, nullable=False),
    Index("machine_by_revision", "revision"),
)

hardware = Table(
    "hardware",
    metadata,
    Column("id", _Position, primary_key=True, autoincrement=True),
    Column("serial", Text, ForeignKey("machine.serial"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("hardware_by_machine", "serial", "id"),
    sqlite_autoincrement=True,
)

allocation = Table(
    "allocation",
    metadata,
    Column("id", _Position, primary_key=True, autoincrement=True),
    Column("serial", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("location", Text),
    Column("hostname", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("addresses", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_by", String(32)),
    Column("revision", BigInteger, nullable=False),
    Index("allocation_by_revision", "revision"),
    Index(
        "one_allocation_per_machine", "serial", unique=True,
        sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL"),
    ),
    Index(
        "one_machine_per_hostname", "hostname", unique=True,
        sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL"),
    ),
    sqlite_autoincrement=True,
)  # fmt: skip

vip = Table(
    "vip",
    metadata,
    Column("cluster", Text, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("usage", String(32), primary_key=True),
    Column("address", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

claim = Table(
    "claim",
    metadata,
    Column("address", Text, primary_key=True),
    Column("network", Text, nullable=False),
    Column("serial", Text),
    Column("cluster", Text),
    Column("usage", String(32)),
    Index("claim_by_machine", "serial"),
)

approval = Table(
    "approval",
    metadata,
    Column("serial", Text, primary_key=True),
    Column("action", String(64), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("who", Text, primary_key=True),
    Column("why", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("covers", Text),
    Column("statement", Text),
    Column("acted", Float),
    Column("signature", Text),
)

pause = Table(
    "pause",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("oci_in_charge", Boolean, nullable=False, server_default=false()),
)

conflict = Table(
    "conflict",
    metadata,
    Column("serial", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

secret = Table(
    "secret",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("form", String(32), nullable=False),
    Column("at", Instant, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Instant),
)

revocation = Table(
    "revocation",
    metadata,
    Column("number", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

rendered = Table(
    "rendered",
    metadata,
    Column("hostname", Text, primary_key=True),
    Column("since", Instant, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index("rendered_by_revision", "revision"),
)

fact = Table(
    "fact",
    metadata,
    Column("about", Text, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("at", Instant, nullable=False),
)

state = Table(
    "document",  # as databases call it; Puppet documents are in "rendered"
    metadata,
    Column("name", String(128), primary_key=True),
    Column("text", Text, nullable=False),
)

ring = Table(
    "ring",
    metadata,
    Column("cluster", Text, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("builder", Text, nullable=False),
    Column("checksum", String(64), nullable=False),
    Column("file", LargeBinary, nullable=False),
)

ring_round = Table(
    "ring_round",
    metadata,
    Column("cluster", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

epoch = Table(
    "epoch",
    metadata,
    Column("fleet", String(36), primary_key=True),
    Column("counter", BigInteger, nullable=False),
    Column("doubt", Text),
    Column("settled", Boolean, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("until", Instant, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("beat", BigInteger, nullable=False, server_default="0"),
    Column("at", Instant),
    Column("acted", Float, nullable=False, server_default="0"),
)
