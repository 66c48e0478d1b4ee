"""Differences between two values of a Puppet parameter, part by part: nobody finds one word in two long lists."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

LONGEST_VALUE = 100  # characters of a value; the JSON has it whole


@dataclass(frozen=True, slots=True)
class PartDiff:
    """One part that differs: ``~ sources[0].suites: "a" -> "b"``, ``+ servers[2]: "c"``, ``- servers[0]: "a"``."""

    mark: str  # "+": only the new value has it, "-": only the old one; "~": both do
    path: str  # below the parameter; empty: the parameter itself
    before: object = None
    after: object = None

    def __str__(self) -> str:
        """The line for people."""
        told = [shown_value(value) for value, marks in ((self.before, "-~"), (self.after, "+~")) if self.mark in marks]
        return f"{self.mark} {self.path}: {' -> '.join(told)}"


def shown_value(value: object) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def differences(before: object, after: object, path: str = "") -> Iterator[PartDiff]:
    """The parts that differ, the smallest that can be named, in the order of the values.

    An item of a list is named by its place in the value that has it. Where items came or went, the others are found
    again by what they are; an item in the place of another one is looked into.
    """
    match before, after:
        case Mapping(), Mapping():
            yield from _of_mappings(before, after, path)
        case ((list() | tuple()), (list() | tuple())):
            yield from _of_lists(before, after, path)
        case _ if before != after:
            yield PartDiff("~", path, before, after)


def _of_mappings(before: Mapping[str, object], after: Mapping[str, object], path: str) -> Iterator[PartDiff]:
    for key in [*before, *(key for key in after if key not in before)]:
        below = f"{path}.{key}" if path else str(key)
        if key not in after:
            yield PartDiff("-", below, before=before[key])
        elif key not in before:
            yield PartDiff("+", below, after=after[key])
        else:
            yield from differences(before[key], after[key], below)


def _of_lists(before: Sequence[object], after: Sequence[object], path: str) -> Iterator[PartDiff]:
    old, new = ([json.dumps(item, sort_keys=True, default=str) for item in items] for items in (before, after))
    for _, first, end, other_first, other_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        both = min(end - first, other_end - other_first)
        for step in range(both):
            if old[first + step] != new[other_first + step]:
                yield from differences(before[first + step], after[other_first + step], f"{path}[{other_first + step}]")
        yield from (PartDiff("-", f"{path}[{n}]", before=before[n]) for n in range(first + both, end))
        yield from (PartDiff("+", f"{path}[{n}]", after=after[n]) for n in range(other_first + both, other_end))
