"""Gates: what is read of a service itself, before anybody believes that it is ready.

A reading is what was seen on a node, and since when it is so. A gate compares a reading with a threshold. What cannot
be reached or read is closed; a return code alone opens nothing. The same gate is shown wherever it counts: in plans,
on pages and in metrics.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache


class GateName(StrEnum):
    """Every gate."""

    LOGIN = "login"
    UNITS = "units"
    FAILED_UNITS = "failed-units"
    PORTS = "ports"
    GALERA = "galera"
    GALERA_SIZE = "galera-size"
    RABBITMQ = "rabbitmq"
    RABBITMQ_SIZE = "rabbitmq-size"
    KEYSTONE = "keystone"
    CATALOG = "catalog"
    CEPH_MON = "ceph-mon"
    CEPH_OSDS = "ceph-osds"
    SWIFT_SERVERS = "swift-servers"
    SWIFT_RINGS = "swift-rings"
    SWIFT_PROXY = "swift-proxy"


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What holds for a gate on every node that has it."""

    text: str  # what is read, where, and what closes it
    opens_at: str | int | None
    """The value that opens it; a number: that many at least; None: as many as nodes of its role run the service."""


SIZE_OF: Mapping[GateName, GateName] = {
    GateName.GALERA_SIZE: GateName.GALERA,
    GateName.RABBITMQ_SIZE: GateName.RABBITMQ,
}
"""Gates that count the members of a cluster, and the gate by which a member says that it is one."""

ABSENT = "not here"
"""The value of a service that is not installed on the node."""

GATES: Mapping[GateName, GateFacts] = {
    GateName.LOGIN: GateFacts("Whether the daemon can log in to the node over SSH. The value says why not.", "yes"),
    GateName.UNITS: GateFacts(
        "Whether the systemd units of its role are active, and have been for ten seconds: a service that dies and is "
        "started again and again is never so old.",
        "all active",
    ),
    GateName.FAILED_UNITS: GateFacts(
        "Which units of OpenStack and of what it stands on have failed, by systemd. Others, such as those of hardware "
        "monitoring, close nothing.",
        "none",
    ),
    GateName.PORTS: GateFacts("Whether something listens on the TCP ports of its role.", "all listen"),
    GateName.GALERA: GateFacts(
        "What MariaDB says of its own state (wsrep_local_state_comment), and whether it takes queries (wsrep_ready).",
        "Synced",
    ),
    GateName.GALERA_SIZE: GateFacts("How many members the database's cluster has (wsrep_cluster_size).", None),
    GateName.RABBITMQ: GateFacts(
        "Whether RabbitMQ answers, is in one piece and takes messages: the value names nodes that it has lost sight "
        "of, or whose memory or disk is short, which stops the publishers of all nodes.",
        "no partition",
    ),
    GateName.RABBITMQ_SIZE: GateFacts("How many nodes of the message queue run.", None),
    GateName.KEYSTONE: GateFacts(
        "Whether Keystone gives the administrator a token, asked as users ask it: through the virtual address, with "
        "its certificate checked, with the credentials that Puppet left on the controller.",
        "token",
    ),
    GateName.CATALOG: GateFacts(
        "How many services the token's catalogue gives an endpoint. Without any, the first setup is not over.",
        1,
    ),
    GateName.CEPH_MON: GateFacts("Whether the node's Ceph monitor is in quorum, by its own word.", "in quorum"),
    GateName.CEPH_OSDS: GateFacts("Whether each OSD of the node is active, by its own word.", "all active"),
    GateName.SWIFT_SERVERS: GateFacts(
        "Whether Swift's account, container and object servers answer on the node's own address, those that it has.",
        "all answer",
    ),
    GateName.SWIFT_RINGS: GateFacts(
        "Whether the node's rings of Swift are those in force for its cluster, by md5: the three, and one for each "
        "other policy. Of rings that nobody told here, whether the three are there.",
        "account, container, object",
    ),
    GateName.SWIFT_PROXY: GateFacts("Whether Swift's proxy server answers to /healthcheck on the node.", "OK"),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read on a node."""

    name: GateName
    value: str
    since: datetime  # when it was first read so, without another value since


@dataclass(frozen=True, slots=True)
class Readings:
    """All that the last look at a node's services read."""

    at: datetime  # when somebody last looked, or tried to
    values: tuple[Reading, ...] = ()
    classes: tuple[str, ...] = ()  # of ``oci``, which Puppet last applied to the node; empty: not known


@dataclass(frozen=True, slots=True)
class Gate:
    """A reading beside its threshold."""

    name: GateName
    value: str | None  # None: nobody has looked yet
    threshold: str
    since: datetime | None  # since when the value is so; None: nobody has looked yet
    holds: bool | None  # None: nobody knows, and it stands in nobody's way

    def __str__(self) -> str:
        if self.value is None or self.since is None:
            return f"{self.name} is not known yet"
        return f'{self.name} is "{self.value}" since {self.since:%Y-%m-%d %H:%M} UTC, and opens at "{self.threshold}"'


Gates = tuple[Gate, ...]
"""Those of one machine."""


def closed_first(gates: Gates) -> Gates:
    """The gates, those that do not hold before all others."""
    return tuple(sorted(gates, key=lambda gate: gate.holds is not False))


def gate_of(name: GateName, reading: Reading | None, members: int = 0) -> Gate:
    """The gate that a reading makes.

    Args:
        name: Of the gate.
        reading: What was read; None: nothing yet.
        members: How many nodes of its role run the service that the gate counts the members of.
    """
    least, threshold = _threshold(name, members)
    if reading is None:
        return Gate(name, None, threshold, None, None)
    return Gate(name, reading.value, threshold, reading.since, _opens(reading.value, least))


@cache
def _threshold(name: GateName, members: int) -> tuple[str | int, str]:
    """The value that opens a gate, or the least number that does; and in words."""
    opens_at = GATES[name].opens_at
    least = max(members, 1) if opens_at is None else opens_at
    return least, least if isinstance(least, str) else f"{least} or more"


def _opens(value: str, least: str | int) -> bool:
    if isinstance(least, str):
        return value == least
    return value.isascii() and value.isdigit() and int(value) >= least


def read_anew(before: Readings | None, found: Readings) -> Readings:
    """What was found, with the moment since when each value is so."""
    known = {each.name: each for each in before.values} if before else {}
    return Readings(found.at, tuple(_since(each, known.get(each.name)) for each in found.values), found.classes)


def unreachable(before: Readings, at: datetime, why: str) -> Readings:
    """What is known of a node that could not be asked: all that it said before, and that nobody can log in."""
    others = tuple(each for each in before.values if each.name is not GateName.LOGIN)
    found = Readings(at, (Reading(GateName.LOGIN, why, at), *others), before.classes)
    return read_anew(before, found)


def _since(now: Reading, before: Reading | None) -> Reading:
    same = before is not None and before.value == now.value and before.since <= now.since
    return before if same and before is not None else now
