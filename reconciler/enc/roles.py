"""The classes of each role, one screen for all roles."""

from dataclasses import dataclass

from .classes.cephmon import CEPHMON
from .classes.cephosd import CEPHOSD
from .classes.compute import COMPUTE
from .classes.controller import CONTROLLER
from .classes.debmirror import DEBMIRROR
from .classes.dns import DNS
from .classes.elastic import ELASTIC
from .classes.filebeat import FILEBEAT
from .classes.generic import GENERIC
from .classes.messaging import MESSAGING
from .classes.network import NETWORK
from .classes.radosgw import RADOSGW
from .classes.repos import REPOS_DEBIAN, REPOS_OSBPO, REPOS_VENDORS
from .classes.sql import SQL
from .classes.swiftproxy import SWIFTPROXY
from .classes.swiftstore import SWIFTSTORE
from .classes.tempest import TEMPEST
from .classes.volume import VOLUME
from .conditions import ceph_first, osds_first
from .params import ALWAYS, Condition, PuppetClass
from .view import View


@dataclass(frozen=True, slots=True)
class Role:
    """The class that the nodes of a role get besides those of every node: the first whose condition holds."""

    choices: tuple[tuple[Condition, PuppetClass], ...]

    @property
    def tables(self) -> tuple[PuppetClass, ...]:
        """Every class that some node of the role gets."""
        return tuple(table for _, table in self.choices)

    def table(self, view: View) -> PuppetClass | None:
        """The class of one node."""
        return next((table for condition, table in self.choices if condition.holds(view)), None)


def first_of(*choices: tuple[Condition, PuppetClass]) -> Role:
    """A role whose class depends on the node and its cluster."""
    return Role(choices)


def always(table: PuppetClass) -> Role:
    """A role with one class."""
    return Role(((ALWAYS, table),))


EVERY_NODE: tuple[PuppetClass, ...] = (REPOS_VENDORS, REPOS_DEBIAN, REPOS_OSBPO, GENERIC, FILEBEAT)

ROLES: dict[str, Role] = {
    "controller": first_of((ceph_first, CEPHMON), (ALWAYS, CONTROLLER)),
    "messaging": always(MESSAGING),
    "sql": always(SQL),
    "sqlmsg": always(SQL),
    "compute": first_of((osds_first, CEPHOSD), (ALWAYS, COMPUTE)),
    "network": always(NETWORK),
    "volume": always(VOLUME),
    "cephmon": always(CEPHMON),
    "cephosd": always(CEPHOSD),
    "billmon": always(CEPHMON),
    "billosd": always(CEPHOSD),
    "swiftproxy": always(SWIFTPROXY),
    "swiftstore": always(SWIFTSTORE),
    "radosgw": always(RADOSGW),
    "dns": always(DNS),
    "tempest": always(TEMPEST),
    "elastic": always(ELASTIC),
    "debmirror": always(DEBMIRROR),
}
"""The class besides those of every node. Users' own roles have theirs in ``Role`` documents."""

ALL_CLASSES: tuple[PuppetClass, ...] = (
    *EVERY_NODE,
    *{id(table): table for role in ROLES.values() for table in role.tables}.values(),
)

OF_ROLES = frozenset(table.name for role in ROLES.values() for table in role.tables)
"""Classes that make a node what it is: no overlay gives them to a node whose role has another one."""
