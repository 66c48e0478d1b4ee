"""Events of the journal: what was begun and how it ended. ``folding`` has what they add up to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from .actions import Action, BuildRings, Release
from .disk_id import Finding
from .history import BmcWord, History, Phase, Proof
from .rings import RingFile


@dataclass(frozen=True, slots=True)
class Started:
    """Written before the first effect, so that a crash leaves a trace."""

    serial: str
    at: datetime
    action: Action
    reason: str | None = None
    """Name of the ``Reason`` for which it was planned; a text, and None in journals of old, as in ``Advanced``."""
    kind: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class Erasing:
    """Written by a handler right before it erases: from here on what these disks hold is ours."""

    serial: str
    at: datetime
    disks: tuple[str, ...]  # identity of each
    marks: tuple[str, ...] = ()  # by which they are known again (``ownership``); none in journals of old
    kind: Literal["erasing"] = "erasing"


@dataclass(frozen=True, slots=True)
class Proved:
    """Written by a handler that asked the machine itself, over SSH, what it runs."""

    serial: str
    at: datetime
    proof: Proof
    kind: Literal["proved"] = "proved"


@dataclass(frozen=True, slots=True)
class Booting:
    """Written by a handler right before it has the BMC boot the machine: from here on nonces of before are old."""

    serial: str
    at: datetime
    kind: Literal["booting"] = "booting"


@dataclass(frozen=True, slots=True)
class Vouched:
    """Written by a handler that asked the machine's BMC whose it is, and whether the machine is on."""

    serial: str
    at: datetime
    said: BmcWord
    kind: Literal["vouched"] = "vouched"


@dataclass(frozen=True, slots=True)
class Wrote:
    """An install has ended, well or not, and this is by which what it left on the disks is known again."""

    serial: str
    at: datetime
    marks: tuple[str, ...]  # ``ownership.uuid_marks``
    kind: Literal["wrote"] = "wrote"


@dataclass(frozen=True, slots=True)
class RingsRead:
    """Somebody asked the node itself, over SSH, which ring files it has."""

    serial: str
    at: datetime
    rings: tuple[RingFile, ...]
    kind: Literal["rings-read"] = "rings-read"


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The action's aim was reached, and seen to be."""

    serial: str
    at: datetime
    action: Action
    kind: Literal["succeeded"] = "succeeded"


@dataclass(frozen=True, slots=True)
class Failed:
    """The action ended without reaching its aim."""

    serial: str
    at: datetime
    action_id: str
    error: str
    permanent: bool = False
    found: tuple[Finding, ...] = ()  # what it would have erased, had anybody allowed that
    ended: bool = False  # of an install: its installer was seen to have ended
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Nobody knows how it ended: we were not there. Only a fresh look will tell."""

    serial: str
    at: datetime
    action_id: str
    kind: Literal["interrupted"] = "interrupted"


@dataclass(frozen=True, slots=True)
class Advanced:
    """The machine was seen to be where the next phase begins."""

    serial: str
    at: datetime
    to: Phase
    because: str
    announces: bool = False  # whether its cluster is told that it came into service; never in journals of old
    reason: str | None = None
    """Name of the ``Reason`` that ``because`` tells; a text, as another version of this program may have other reasons,
    and a journal stays readable. None: in journals of old."""
    kind: Literal["advanced"] = "advanced"


@dataclass(frozen=True, slots=True)
class Retried:
    """An operator said "retry now": failures and back-off are forgotten, the phase is kept."""

    serial: str
    at: datetime
    who: str
    why: str
    kind: Literal["retried"] = "retried"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """An operator dropped the record of a machine; heard of again it is new, but for what its disks may hold."""

    serial: str
    at: datetime
    who: str
    why: str
    kind: Literal["forgotten"] = "forgotten"


@dataclass(frozen=True, slots=True)
class Restored:
    """What an export, or the database of the installer before us, knew of a machine."""

    serial: str
    at: datetime
    history: History
    why: str
    kind: Literal["restored"] = "restored"


@dataclass(frozen=True, slots=True)
class ClockSetBack:
    """The clock is behind what it said: whatever is later than ``at`` was said by a clock that was ahead."""

    serial: str
    at: datetime
    ahead: datetime  # the latest that it said, of any machine
    kind: Literal["clock-set-back"] = "clock-set-back"


Event = (
    Started
    | Erasing
    | Proved
    | Booting
    | Vouched
    | Wrote
    | Succeeded
    | Failed
    | Interrupted
    | Advanced
    | Retried
    | Forgotten
    | Restored
    | ClockSetBack
    | RingsRead
)


ALL = frozenset({"install_os", "reinstall", "release", "change_rings"})
"""What a human can approve."""


def uses_up(event: Event) -> frozenset[str]:
    """Which approvals of its machine are used up by what happened: a human's word is good for one time."""
    match event:
        case Erasing():
            return frozenset({"install_os", "reinstall"})
        case Succeeded(action=BuildRings(approved=str())):
            return frozenset({"change_rings"})
        case Advanced(to=Phase.IN_SERVICE) | Succeeded(action=Release()) | Forgotten() | Restored():
            return ALL
        case _:
            return frozenset()
