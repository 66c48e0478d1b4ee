"""How far a machine has come, and all that was done to it.

The life of a machine::

    discovered --> enrolled --> installed --> in-service
        ^           |   ^           |          |  |
        |           |   +-----------|----------+  |
        |           |    reinstall  |             |
        +-----------+---------------+-------------+
                        release

Failure is beside the phase, not a phase: a machine that fails keeps its place. Going back takes an operator's word.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from .actions import Action, ChangeBmc, ConfigureBmc
from .disk_id import DiskId, Finding


class Phase(StrEnum):
    """How far a machine has come."""

    DISCOVERED = "discovered"
    ENROLLED = "enrolled"  # it has a cluster, a role, a hostname and addresses
    INSTALLED = "installed"  # Debian is on its disk
    IN_SERVICE = "in-service"  # Puppet has succeeded


@dataclass(frozen=True, slots=True)
class Proof:
    """What a machine proved of itself over SSH."""

    at: datetime
    runs: Literal["installed", "live"]  # which of its systems
    address: str  # where it was asked
    install: str | None = None  # id of the install that made the system that runs; None: not known


PUBLISHED_AS = {
    "open_action": "open",
    "foreign_data": "found",
    "commands_run": "told",
    "side_failures": "aside_failures",
    "side_tried": "aside_tried",
    "side_error": "aside_error",
    "side_since": "aside_since",
}
"""Names of fields in the journal, in exports and in observations, where they are not the field's own."""


def _published_as(name: str) -> str:
    return PUBLISHED_AS.get(name, name)


_PUBLISHED = {"alias_generator": _published_as, "serialize_by_alias": True}
"""For pydantic, which writes and reads them; who only plans does without it."""


@dataclass(frozen=True, slots=True)
class History:
    """All that the journal says about one machine."""

    __pydantic_config__: ClassVar = _PUBLISHED

    phase: Phase = Phase.DISCOVERED
    failures: int = 0  # in a row, in this phase
    failing_since: datetime | None = None  # when the first of them ended
    permanent: bool = False  # the last failure will not pass by itself
    last_error: str | None = None
    touched: datetime | None = None  # when an action on the machine itself last began or ended
    tried: datetime | None = None  # when any action last ended, for the back-off
    open_action: Action | None = None  # begun, and not known to have ended
    last_begun: str | None = None  # type of the action that last began
    repeats: int = 0  # times in a row that it began; tells a machine that never answers from one that does
    last_done: str | None = None  # type of the last action that succeeded
    last_done_at: datetime | None = None
    install_begun: datetime | None = None  # when an install last began
    install_generation: int = 0  # of that install
    install_id: str | None = None  # id of that install's action; what its marker on the disk says
    install_open: bool = False  # its installer was started, and nobody saw how that ended
    proof: Proof | None = None  # what it last proved of itself since we last booted it
    looked: datetime | None = None  # when somebody last looked whether it runs what is said of it
    looks: int = 0  # such looks in a row that did not find it so
    look_error: str | None = None  # why the last one did not
    erased: tuple[str, ...] = ()  # identities, and marks (``ownership``), of disks that we erased or were about to
    foreign_data: tuple[Finding, ...] = ()  # what the last try to erase met that nobody had allowed
    raid: str | None = None  # id of the action that last made the controllers as wanted
    installed_on: tuple[DiskId, ...] = ()  # every disk that it was given then
    system_on: tuple[DiskId, ...] = ()  # those among them that hold the system; empty: not known
    reinstall: str | None = None  # the reinstall request that the last finished install answered
    in_service_since: datetime | None = None
    left_service: datetime | None = None  # when it was taken out to be reinstalled; None once it is back
    left_install: str | None = None  # id of the install that it left service or its place with; None once it is back
    hooks: tuple[str, ...] = ()  # those that were told that it is there, and not that it left
    commands_run: int | None = None  # for it, on a controller, since it came into service; None: it never did
    side_failures: int = 0  # in a row, of what is done beside its own way: hooks, commands, renewals
    side_tried: datetime | None = None  # when such a one last ended, for the back-off
    side_error: str | None = None
    side_since: datetime | None = None  # when the first of them ended
    bmc: ConfigureBmc | None = None  # what its BMC was last set to, and let us in with
    bmc_at: datetime | None = None  # when that was seen to be so
    bmc_address: str | None = None  # that its BMC was last to be given, whether or not that ended well
    bmc_change: ChangeBmc | None = None  # of its BMC, begun and not seen to have been done
    released: datetime | None = None  # when a place was last taken from it: its disks may hold what it had there
