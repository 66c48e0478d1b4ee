"""Words heard from machines, and what happened that a human wants to read about."""

from dataclasses import dataclass
from datetime import datetime

from .gates import Readings
from .hardware import Hardware
from .machine import InstallStatus, Power


@dataclass(frozen=True, slots=True)
class Heard:
    """One word from a machine, or about it. What is None was not said, and what was known of it stays.

    ``hardware`` and ``digest`` come together and make the word a report. A status makes it an install-status call,
    a power state an answer of its BMC, the time of a Puppet run and readings of services what was read on the node.
    """

    serial: str
    at: datetime
    address: str | None = None  # where the machine itself called from; None when its BMC spoke
    status: InstallStatus | None = None
    hardware: Hardware | None = None
    digest: str | None = None  # of the hardware, so that sameness is cheap to tell
    boot: int | None = None  # of a report: the boot of which it returned the nonce (``History.boots``)
    power: Power | None = None
    puppet_at: datetime | None = None  # a good Puppet run asked for its document then, or later
    readings: Readings | None = None  # of its services


@dataclass(frozen=True, slots=True)
class Unplaced:
    """What is kept of a machine that holds no place."""

    address: str  # that it reported from
    size: int  # bytes of its report
    at: datetime  # when it last reported
    witnessed: bool = False  # it returned a nonce of ours
    stays: bool = False  # something was heard that must not be forgotten: that a system runs on it, or a rival


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to a machine, a cluster or the fleet, told in one sentence."""

    serial: str | None  # None: not about one machine
    at: datetime
    kind: str  # one word or two, with hyphens, to filter by: "disk-vanished", "paused"
    text: str
    who: str | None = None  # the human who did it; None: nobody did, it happened


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One line of what happened, to machines and by humans alike, as it is kept and shown.

    ``position`` rises with each one, to ask for those after it. ``who`` is the human whose decision it was.
    ``reason`` names the ``Reason`` for which the planner had an action begun, or a machine's progress recorded.
    """

    position: int
    at: datetime
    serial: str | None  # None: not about one machine
    kind: str
    text: str
    who: str | None
    reason: str | None  # None: nobody planned it, or it is of an earlier version
