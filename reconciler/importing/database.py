"""OCI's database, read and never written: whole tables as plain values, with the columns that this version has."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, MetaData, Table, create_engine, inspect, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ..model.errors import PermanentError, TemporaryError

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
"""Rows by table, in the order of their ids; a table that this version of OCI does not have is missing."""

WANTED = (
    "blockdevices", "blkdev_ctrl", "physblockdevices", "clusters", "filebeathosts", "ifnames", "ips", "locations",
    "machines", "networks", "passwords", "sshkeypairs", "swiftregions", "swiftrestrictions", "users",
)  # fmt: skip
NEEDED = ("clusters", "locations", "machines", "networks")

_SCHEME = "mysql+pymysql"


def read_database(url: str) -> Tables:
    """Every table that an import needs, from one read-only transaction.

    Args:
        url: ``mysql+pymysql://USER:PASSWORD@HOST/NAME``, the ``connection`` of OCI's own configuration file.

    Raises:
        PermanentError: The URL is none, or there is no OCI database behind it.
        TemporaryError: The server does not answer.
    """
    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError):
        raise PermanentError(f"this is no database URL: write {_SCHEME}://USER:PASSWORD@HOST/NAME") from None
    except ModuleNotFoundError as error:
        raise PermanentError(f"reading MariaDB needs {error.name}: install the extra import-oci") from None
    if engine.url.drivername != _SCHEME:
        raise PermanentError(f"OCI's database is MariaDB: write {_SCHEME}://USER:PASSWORD@HOST/NAME")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
            there = inspect(connection).get_table_names()
            if missing := [name for name in NEEDED if name not in there]:
                raise PermanentError(f"this is no database of OCI: it has no table {', '.join(missing)}")
            return {
                name: _rows(connection, Table(name, MetaData(), autoload_with=connection))
                for name in WANTED
                if name in there
            }
    except SQLAlchemyError as error:
        raise TemporaryError(f"OCI's database cannot be read: {getattr(error, 'orig', None) or error}") from None
    finally:
        engine.dispose()


def _rows(connection: Connection, table: Table) -> list[Row]:
    return [dict(row._mapping) for row in connection.execute(select(table).order_by(table.c.id))]
