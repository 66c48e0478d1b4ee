"""The age of a database: which fleet it is of, and how much was begun in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Epoch:
    """One age of one fleet's database. It is in the database, and in the state folder of every daemon that acted."""

    fleet: str  # a UUID, made with the database
    counter: int  # rises with every action begun and every start of a daemon; first in the database, then in the folder


@dataclass(frozen=True, slots=True)
class Standing:
    """What a database says of its own age."""

    epoch: Epoch
    doubt: str | None = None  # why it may be older than the machines, as who made it said
    settled: bool = False  # an operator said that it is right, though it is new
