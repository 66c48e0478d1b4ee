"""Judges a report against what is known of the machine in whose name it comes.

Anybody in a trusted network can send a report. One that returns the nonce of a boot of ours was sent by whoever we
answered as that machine booted; any other is a hint. A hint takes nothing from a machine that speaks for itself.

====================================  ======================================================================
it                                    then
====================================  ======================================================================
has other MAC addresses, and the      refused: that machine is asked itself, over SSH, whatever is reported
machine runs its installed system
has other MAC addresses, no nonce,    refused
and the machine returned its nonce
has other MAC addresses and a nonce,  believed: what was known was a hint
and the machine none and no place
has other MAC addresses otherwise     both are quarantined: nobody knows which of them it is
returns no nonce, or that of a boot   refused
before, while the machine itself
still returns its own
returns another nonce of this boot    refused; and once the machine itself returns its own again, both are
while the machine still returns its   quarantined: one that was booted anew does not report from the boot
own                                   before
anything else                         believed: as the machine's word, or as a hint
====================================  ======================================================================
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple

from ..hardware.serial_conflict import conflict
from ..model.hardware import Hardware


class Stake(StrEnum):
    """What a machine has to lose."""

    NOTHING = "nothing"
    PLACE = "place"  # a name and addresses
    SYSTEM = "system"  # an installed system, which proves itself


@dataclass(frozen=True, slots=True)
class Claim:
    """A report, or the last one of a machine that was recorded."""

    hardware: Hardware
    digest: str
    body: bytes = b""  # SHA-256 of the report as it came; empty when read from the store
    boot: int | None = None  # whose nonce it returned; None: it is a hint
    salt: str | None = None  # of that nonce; None: not known
    at: datetime | None = None  # when it was last heard
    has_rival: bool = False  # somebody returned another nonce of this boot since


class Judgement(NamedTuple):
    """What becomes of a report."""

    what: Literal["believed", "refused", "rival", "quarantined"]
    why: str = ""


BELIEVED = Judgement("believed")


def judge(before: Claim | None, new: Claim, stake: Stake, alive: Callable[[Claim], bool]) -> Judgement:
    """What becomes of a report.

    Args:
        before: The last one of the machine that was recorded; None: nobody knows it.
        new: The report.
        stake: What the machine has to lose.
        alive: Whether a report was heard so lately that whoever sent it goes on reporting.
    """
    if before is None:
        return BELIEVED
    if (other_board := conflict(before.hardware, new.hardware)) is not None:
        return _other_board(other_board, before, new, stake)
    if before.boot is None or not alive(before):
        return BELIEVED
    serial = new.hardware.serial
    if new.boot is None:
        return Judgement("refused", _HINT.format(serial=serial))
    if new.boot != before.boot:
        return BELIEVED if new.boot > before.boot else Judgement("refused", _EARLIER.format(serial=serial))
    if new.salt != before.salt and before.salt is not None:
        return Judgement("rival", _RIVAL.format(serial=serial))
    return Judgement("quarantined", _TWO_BOOTS.format(serial=serial)) if before.has_rival else BELIEVED


def _other_board(told: str, before: Claim, new: Claim, stake: Stake) -> Judgement:
    if stake is Stake.SYSTEM:
        return Judgement("refused", f"{told}. The one that was installed is asked itself what it runs")
    if new.boot is None and before.boot is not None:
        return Judgement("refused", f"{told}. The one that is known returned the nonce of its boot, and this one none")
    if new.boot is not None and before.boot is None and stake is Stake.NOTHING:
        return BELIEVED
    return Judgement("quarantined", told)


_HINT = (
    "{serial} itself reports with the nonce of its boot, and this report has none: it is not believed. If the machine "
    "runs another live image now, its report is taken once nobody returned the nonce for some minutes"
)
_EARLIER = "{serial} itself reports with the nonce of a later boot: this report is not believed"
_RIVAL = (
    "{serial} itself reported with the nonce of another boot a short while ago. If the machine was booted anew, its "
    "report is taken in some minutes"
)
_TWO_BOOTS = "two machines report as {serial}: each returns the nonce of another boot, and a machine runs one"


def heard_lately(within: timedelta, now: Callable[[], datetime]) -> Callable[[Claim], bool]:
    """Whether a report was heard within a time; what lies in the future was said by a clock that was ahead."""
    return lambda claim: claim.at is not None and claim.at <= now() <= claim.at + within
