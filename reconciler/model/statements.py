"""Statements: what an approval allows, as facts. A human is shown them, signs them, and approves just them.

A statement is known by its digest. A sentence has no part in it, nor has the order in which facts were found. Where
something is asked again, the facts tell what has changed since somebody approved.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

NAMESPACE = "reconciler-approval"
"""What a signature of a statement is for, as ``ssh-keygen -Y`` has it: one that was made for anything else is none."""


class FactName(StrEnum):
    """What a fact is about. Kept statements stay readable: a name may be added, and none means anything else later."""

    ACTION = "action"  # what is allowed: one of ``events.ALL``
    REASON = "reason"  # why it is asked
    MACHINE = "machine"  # chassis serial
    NODE = "node"  # hostname that the machine has
    GENERATION = "generation"  # of what the machine was given
    CONSEQUENCE = "consequence"  # a ``Consequence``
    DISK = "disk"  # that is erased: its identity
    FINDING = "finding"  # on which disk or controller, and what
    SHARED = "shared"  # a disk that is erased, and the serials of other machines that report it
    INSTALL = "install"  # id of an installed system that goes
    REQUEST = "request"  # the reinstall that is answered
    RELEASED = "released"  # when the machine had another place last
    REPORTER = "reporter"  # address from which somebody reports, who returned no nonce
    MAC = "mac"  # of whoever reports
    DIFFERENCE = "difference"  # what is pinned to what, and what the machine has
    ROUND = "round"  # cluster, and digest of a round of rings
    MOVE = "move"  # ring, its version, partitions and bytes that move
    POLICY = "policy"  # name and value, as in force
    TURN = "turn"  # how many approvals of the machine were used up before: one that was used is never asked again


class Consequence(StrEnum):
    """What comes of it."""

    ERASES = "erases-disks"
    GIVES_KEYS = "gives-keys"  # of the node, to who reports
    LEAVES_SERVICE = "leaves-service"
    LOSES_PLACE = "loses-place"  # its hostname and addresses go to others
    MOVES_DATA = "moves-data"


class Fact(NamedTuple):
    """One fact of a statement."""

    name: str  # a ``FactName``; any text in what another version wrote
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}: {_told(self.values)}"


class FactChange(NamedTuple):
    """A fact that is another now: what it was when somebody approved, and what it is; empty: there was none."""

    name: str
    before: tuple[str, ...]
    now: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} was {_told(self.before) or 'not there'}, and is {_told(self.now) or 'gone'}"


def _told(values: tuple[str, ...]) -> str:
    """Values in one line."""
    return ", ".join(map(_value, values))


def _value(text: str) -> str:
    """A value as people read it: what a disk holds is an object in JSON, of which the parts are told."""
    try:
        held = json.loads(text) if text.startswith("{") else text
    except ValueError:
        return text
    return " ".join(map(str, held.values())) if isinstance(held, dict) else text


@dataclass(frozen=True, slots=True)
class Statement:
    """All that an approval allows."""

    facts: tuple[Fact, ...]

    @property
    def digest(self) -> str:
        """Equal for the same facts."""
        content = json.dumps(sorted([fact.name, *fact.values] for fact in self.facts))
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def text(self, fleet: str) -> str:
        """What is shown, and signed: a line for each fact. Values are in one line each, whatever they hold.

        Args:
            fleet: The id of the fleet, so that a signature is good in one fleet only.
        """
        lines = [f"{NAMESPACE} 1", f"fleet: {fleet}", *(_line(fact) for fact in self.facts), f"digest: {self.digest}"]
        return "\n".join(lines) + "\n"


def _line(fact: Fact) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in str(fact))


def changes(approved: Statement, asked: Statement) -> tuple[FactChange, ...]:
    """The facts that differ, in the order in which they are asked; of several with one name the first go together."""
    before_all, now_all = Counter(approved.facts), Counter(asked.facts)
    gone, new = before_all - now_all, now_all - before_all
    names = dict.fromkeys(fact.name for fact in (*asked.facts, *approved.facts))
    found = []
    for name in names:
        before = [fact.values for fact in approved.facts if fact.name == name and gone[fact]]
        now = [fact.values for fact in asked.facts if fact.name == name and new[fact]]
        for number in range(max(len(before), len(now))):
            was = before[number] if number < len(before) else ()
            found.append(FactChange(name, was, now[number] if number < len(now) else ()))
    return tuple(found)


class Uncounted(StrEnum):
    """Why an approval does not count."""

    EARLIER = "earlier"  # it was given to an earlier version, which kept no facts
    CHANGED = "changed"  # it allows something else
    EXPIRED = "expired"
    VOID = "void"  # it is not signed as this site demands


class ApproverWord(NamedTuple):
    """What one human said to a question."""

    who: str
    why: str
    at: str  # RFC 3339
    uncounted: Uncounted | None = None  # None: it counts
    void: str | None = None  # why it is void
    changed: tuple[FactChange, ...] = ()

    def __str__(self) -> str:
        """What to say of a word that does not count."""
        said = f"what {self.who} approved on {self.at[:10]}"
        match self.uncounted:
            case Uncounted.EARLIER:
                return f"{said} is void: it was given to an earlier version"
            case Uncounted.CHANGED:
                return f"{said} covers something else: {'; '.join(map(str, self.changed)) or 'its facts are not known'}"
            case Uncounted.EXPIRED:
                return f"{said} has expired"
            case Uncounted.VOID:
                return f"{said} is void: {self.void}"
            case None:
                return f"{self.who} approved on {self.at[:10]}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that waits for humans, and what they said so far."""

    statement: Statement
    approvers: int = 1  # so many have to approve
    words: tuple[ApproverWord, ...] = ()
