"""Lines of OCI's hosts files that ours have not: the APIs of all its clusters, on every node of any."""

from collections.abc import Iterator

from ..clusters import vips
from ..database import Row, Tables
from ..swift_links import api_of

NOTE = "# OCI names the API of each cluster on the nodes of all. Drop what nodes of other clusters do not call."
_BY_SNI, _LEFT_OUT = "_sni_name", ("horizon_sni_name", "vigie_sni_name")


def with_apis_of_all(hosts: str | None, tables: Tables) -> str | None:
    """``hosts_append``, and after it the names of all APIs, where there is more than one."""
    lines = [line for row in tables["clusters"] for line in _names(row, tables)]
    if len(tables["clusters"]) < 2 or not lines:
        return hosts
    before = f"{hosts.rstrip()}\n" if hosts else ""
    return before + "\n".join([NOTE, *lines]) + "\n"


def _names(row: Row, tables: Tables) -> Iterator[str]:
    address = next((vip.address for vip in vips(row, tables) if vip.usage == "api"), None)
    if address is not None:
        yield f"{address} {api_of(row)}"
        if row.get("haproxy_use_sni") == "yes":
            found = (column for column in row if column.endswith(_BY_SNI) and column not in _LEFT_OUT)
            yield from (f"{address} {row[column]}.{api_of(row)}" for column in found)
