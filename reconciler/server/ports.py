"""Ports of the server: what it serves and whom it believes is passed in, and nothing is looked up elsewhere."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import Depends, Request

from ..model.gates import Gate
from ..model.machine import Observation, Seen
from ..model.observations import Heard, Notice, Occurrence, Unplaced
from ..render.fleet import FleetView
from .auth import Trust, TrustedNetwork


class WordStore(Protocol):
    """Where words from machines are kept. Called from threads; what a method writes is durable when it returns."""

    def record(self, words: Sequence[Heard], notices: Sequence[Notice]) -> None: ...

    def seen(self, serials: Collection[str]) -> Mapping[str, Seen]:
        """What is known of these machines, as far as they have reported."""

    def set_conflict(self, serial: str, reason: str, evidence: str, *, at: datetime) -> None:
        """Hold a machine until an operator has looked, and tell of it. Idempotent."""

    def unplaced(self) -> Mapping[str, Unplaced]:
        """Machines that hold no place, and to which nothing happened but that they reported."""

    def forget_unplaced(self, serials: Collection[str], silent_since: datetime) -> frozenset[str]:
        """Forget those of which nothing is known but what they reported before a moment; returns which those were."""


class NotPossibleError(Exception):
    """An operator's request that cannot be carried out; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class ApprovalWord:
    """What an operator says to what a machine waits for."""

    action: str
    generation: int
    why: str
    covers: str | None = None  # digest of the statement that was shown; None: of the one that is asked now
    signature: str | None = None  # of the statement


class Operators(Protocol):
    """What operators may decide. ``who`` is the name of the token that asked.

    Every call raises LookupError where there is no such machine or scope, NotPossibleError where it makes no sense now.
    """

    def approve(self, serial: str, word: "ApprovalWord", who: str) -> None:
        """``who`` counts where nobody signed; else whoever did."""

    def statement(self, serial: str) -> str | None:
        """What the machine waits for somebody to approve, as it is shown and signed; None: nothing."""

    def retry(self, serial: str, who: str, why: str) -> None: ...

    def pause(self, scope: str, who: str, why: str) -> None: ...

    def resume(self, scope: str, who: str, why: str) -> None: ...


class ServedDocument(Protocol):
    """A node's Puppet classes, rendered beforehand, so that answering is a lookup."""

    @property
    def yaml(self) -> bytes: ...

    @property
    def as_oci(self) -> bytes:
        """The document in OCI's envelope."""

    @property
    def address(self) -> str | None:
        """The node's management address, from which it may ask for itself."""

    @property
    def as_of(self) -> datetime | None:
        """For a copy that may be out of date: when it last was the one to give out."""


@dataclass(frozen=True, slots=True)
class NoDocument:
    """A node that exists and whose classes cannot be rendered."""

    because: str
    address: str | None = None


class BootAnswers(Protocol):
    """What machines are told that boot from the network, as of one moment. Looks at memory only."""

    @property
    def trusted_networks(self) -> Sequence[TrustedNetwork]:
        """Who may boot."""

    @property
    def images(self) -> Path:
        """The folder of the live systems, each in one of its architecture."""

    def ipxe(self, mac: str | None, serial: str | None, architecture: str | None) -> str: ...

    def grub(self, mac: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Served:
    """Everything the server serves. All look at memory, but for ``events``, ``operators``, and ``enc`` of a copy."""

    trust: Trust
    enc: Callable[[str], ServedDocument | NoDocument | None]  # by hostname; None: no such node
    may_be: Callable[[str, str], bool]  # whether a hostname seems to be the node at an address; asked before ``enc``
    fleet: Callable[[], FleetView]  # the very same object until something changed
    observation: Callable[[], Observation | None]
    plan_json: Callable[[], bytes | None]  # the latest plan as the contract's JSON; None before the first
    events: Callable[[int, int], Sequence[Occurrence]]  # after this position, at most so many, oldest first
    operators: Operators
    boots: Callable[[], BootAnswers | None]  # None before there are valid specs
    unready: Callable[[], Sequence[str]]  # why requests cannot be served well yet; empty when they can
    gates: Callable[[], Mapping[str, tuple[Gate, ...]]] = lambda: {}  # of the latest plan, by serial
    webhooks: Mapping[str, bytes] = field(default_factory=dict)  # secrets of forges that may tell of new commits
    specs_changed: Callable[[], None] = lambda: None  # told when one of them did
    remarks: Callable[[], Sequence[str]] = lambda: ()  # what is not as it should be, and keeps nobody from being served


def served_of(request: Request) -> Served:
    """What the application of a request serves; a FastAPI dependency."""
    served: Served = request.app.state.served
    return served


ServedHere = Annotated[Served, Depends(served_of)]
"""What routes take to get it."""
