"""RAID controllers of the MegaRAID family, through storcli, perccli or megacli: decided here, typed and pure.

::

    FIND_TOOL                which of the live system's tools lists the disks?
    Dialect.read             its questions: disks and volumes. Answers: State
    steps(layout, state)     what is missing between the two, in order; nothing where all is as wanted
    in_the_way(...)          what those steps destroy, for a human to allow
    Dialect.command(step)    one command line each; Dialect.done reads how it ended
    Dialect.read             again: it must be as wanted now
"""

from .dialects import FIND_TOOL, NONE_LISTS, Dialect, dialect_of
from .state import FoundDisk, FoundVolume, RaidState
from .steps import (
    ClearForeign,
    Create,
    Delete,
    Initialise,
    MakeGood,
    MakeSingle,
    RaidStep,
    changed,
    in_the_way,
    made_volumes,
    steps,
)

__all__ = [
    "FIND_TOOL", "NONE_LISTS", "ClearForeign", "Create", "Delete", "Dialect", "FoundDisk", "FoundVolume", "Initialise",
    "MakeGood", "MakeSingle", "RaidState", "RaidStep", "changed", "dialect_of", "in_the_way", "made_volumes", "steps",
]  # fmt: skip
