"""Virtual addresses: what OCI says of where they are, pinned in overlays where we would say something else.

OCI names the interface and the prefix of the database's network. Puppet brings another address up there: the API's on
controllers, and their own on messaging nodes; and on ``lo`` it uses neither.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from ..model.interfaces import is_by_speed
from ..model.kinds import Network
from ..model.roles import ROLES, facts_of, has_external_bridge
from ..model.vips import LOOPBACK, is_on_loopback
from .clusters import vips
from .database import Row, Tables
from .machines import is_set
from .overlays.cluster import CLUSTERED, Pin, documents
from .yaml_documents import SpecDocument

INTERFACE = (
    "OCI names the interface of the database's network, without its VLAN; Puppet brings the address of these nodes up "
    "there, whatever network it is of.\n"
    "Drop this to have it where its own network is: at a time when it may be out of reach for a moment."
)
UNUSED = (
    "OCI names the interface of the database's network. Puppet does not use it: it brings the address up on lo.\n"
    "Drop this; nothing else changes."
)
PREFIX = (
    "OCI gives an address on lo the prefix of its whole network, so that the node answers for every address of that.\n"
    "Drop this to have it as the one address that it is: at a time when it may be out of reach for a moment."
)


def vip_pins(cluster: Row, tables: Tables, roles: set[str]) -> list[SpecDocument]:
    """An EncOverlay for each role to which OCI gives other values for virtual addresses than we would.

    Args:
        cluster: OCI's cluster.
        tables: OCI's database.
        roles: Those of its nodes whose classes are their own by now.
    """
    return documents(str(cluster["name"]), _pins(cluster, tables, roles))


def _pins(cluster: Row, tables: Tables, roles: set[str]) -> Iterator[Pin]:
    """A pin wherever Puppet would bring up an address on another interface than OCI does, or with another prefix."""
    networks = {str(row["name"]): row for row in tables["networks"] if row["cluster"] == cluster["id"]}
    given = {vip.usage: networks[vip.network] for vip in vips(cluster, tables)}
    bgp = cluster.get("bgp_to_the_host") == "yes"
    for role in CLUSTERED:
        usage = facts_of(role).vip
        database = "sqlmsg" if role == "sqlmsg" else "sql" if "sql" in roles else "api"
        if role not in roles or usage is None or usage not in given or database not in given:
            continue
        theirs, ours = _interface(given[database]), _ours(given[usage], usage, networks, bgp=bgp)
        if ours == "bond0" and has_external_bridge(role, roles):
            ours = None
        if theirs != ours:
            why = UNUSED if ours == LOOPBACK else INTERFACE
            yield Pin.of_role("vip-interface", why, role, {"sql_vip_iface": theirs})
        prefixes = {"sql_vip_netmask": database} | ({"messaging_vip_cidr": usage} if role == "messaging" else {})
        wider = {name: int(given[of]["cidr"]) for name, of in prefixes.items() if _is_wider(given[of], of, bgp=bgp)}
        if wider:
            yield Pin.of_role("vip-prefix", PREFIX, role, wider)
    if "api" in given and _is_wider(given["api"], "api", bgp=bgp):
        prefix = {"vip_netmask": int(given["api"]["cidr"])}
        for role in sorted(roles & ROLES.keys()):
            yield Pin.of_role("api-prefix", PREFIX, role, prefix)


def _interface(row: Row) -> str:
    return "bond0" if is_set(row["iface2"]) else str(row["iface1"])


def _ours(row: Row, usage: str, networks: Mapping[str, Row], *, bgp: bool) -> str | None:
    """The interface that we would name; None: each node has its own name for it, or it depends on the node."""
    if _is_on_loopback(row, usage, bgp=bgp):
        return LOOPBACK
    if is_set(row["vlan"]) and int(row["vlan"]):
        return f"vlan{row['vlan']}"
    managing = (one for one in networks.values() if one["role"] == "all" and one["is_public"] != "yes")
    others = [(one["iface1"], one["iface2"]) for one in managing]
    pair = (row["iface1"], row["iface2"])
    if is_set(row["iface2"]):
        return "bond0" if all(pair == other for other in others) else None
    return None if is_by_speed(str(row["iface1"])) or pair in others else str(row["iface1"])


def _is_wider(row: Row, usage: str, *, bgp: bool) -> bool:
    """Whether OCI gives the prefix of a whole network to an address on lo."""
    return int(row["cidr"]) < 32 and _is_on_loopback(row, usage, bgp=bgp)


def _is_on_loopback(row: Row, usage: str, *, bgp: bool) -> bool:
    interfaces = tuple(str(row[key]) for key in ("iface1", "iface2") if is_set(row.get(key)))
    network = Network(subnet=IPv4Network((row["ip"], int(row["cidr"])), strict=False), interfaces=interfaces)
    return is_on_loopback(network, usage, speaks_bgp=bgp)
