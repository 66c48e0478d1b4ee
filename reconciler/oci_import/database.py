"""OCI's database, read and never written: whole tables as plain values, with the columns that this version has."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import URL, Connection, MetaData, Table, create_engine, inspect, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ..model.errors import PermanentError, TemporaryError
from ..model.redaction import UNCLEAR_LOGIN, has_clear_login

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
"""Rows by table, in the order of their ids; a table that this version of OCI does not have is missing."""

WANTED = (
    "blockdevices", "blkdev_ctrl", "physblockdevices", "clusters", "filebeathosts", "ifnames", "ips", "locations",
    "machines", "networks", "passwords", "sshkeypairs", "swiftregions", "swiftrestrictions", "users",
)  # fmt: skip
NEEDED: Mapping[str, tuple[str, ...]] = {
    "clusters": ("name", "domain", "region_name", "vip_hostname", "initial_cluster_setup"),
    "locations": ("name", "swiftregion"),
    "machines": (
        "serial", "hostname", "role", "cluster", "location_id", "ipaddr", "memory", "product_name", "installed",
        "compute_is_cephosd", "neutron_external_network_name",
    ),
    "networks": ("name", "ip", "cidr", "first_ip", "last_ip", "is_public", "cluster", "role", "location_id", "vlan"),
}  # fmt: skip
"""Tables and columns without which a database is none of OCI's that we know."""

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
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise PermanentError(f"this is no database URL: write {_SCHEME}://USER:PASSWORD@HOST/NAME") from None
    except ModuleNotFoundError as error:
        raise PermanentError(f"reading MariaDB needs {error.name}: install the extra import-oci") from None
    if not has_clear_login(url):
        raise PermanentError(UNCLEAR_LOGIN)
    if engine.url.drivername != _SCHEME:
        raise PermanentError(f"OCI's database is MariaDB: write {_SCHEME}://USER:PASSWORD@HOST/NAME")
    if not engine.url.database:
        raise PermanentError(f"the URL names no database: write {_SCHEME}://USER:PASSWORD@HOST/NAME")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
            inspector = inspect(connection)
            there = inspector.get_table_names()
            if missing := [name for name in NEEDED if name not in there]:
                raise PermanentError(
                    f"this is no database of OCI, or {engine.url.username} may not read it: "
                    f"there is no table {', '.join(missing)}"
                )
            tables = {name: Table(name, MetaData(), autoload_with=connection) for name in WANTED if name in there}
            if lacking := [f"{t}.{c}" for t, columns in NEEDED.items() for c in columns if c not in tables[t].c]:
                raise PermanentError(
                    f"this is no database of OCI 42.2.5 or later: it has no column {', '.join(lacking)}; "
                    "upgrade OCI first, and run its db_sync"
                )
            return {name: _rows(connection, table) for name, table in tables.items()}
    except SQLAlchemyError as error:
        raise _explained(error, engine.url) from None
    finally:
        engine.dispose()


_REFUSED = {
    1044: 'user "{user}" may not read the database "{name}": GRANT SELECT ON {name}.* to it',
    1045: 'the server does not know the user "{user}", or the password is another one',
    1049: 'the server has no database "{name}"',
    1142: 'user "{user}" may not read every table: GRANT SELECT ON {name}.* to it',
    1698: 'the server does not let "{user}" in with a password',
}
"""What can be mended by other words on the command line or a grant, by MariaDB's number of the error."""


def _explained(error: SQLAlchemyError, url: URL) -> PermanentError | TemporaryError:
    original = getattr(error, "orig", None)
    number, *said = getattr(original, "args", ()) or (0,)
    if number in _REFUSED:
        why = _REFUSED[number].format(user=url.username, name=url.database)
        return PermanentError(f"OCI's database cannot be read: {why}")
    return TemporaryError(f"OCI's database cannot be read: {said[0] if said else original or error}")


def _rows(connection: Connection, table: Table) -> list[Row]:
    return [dict(row._mapping) for row in connection.execute(select(table).order_by(table.c.id))]
