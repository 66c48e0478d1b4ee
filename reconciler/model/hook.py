"""Hooks: programs of the operator's that are told of machines, as the daemon's configuration defines them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HookCommand:
    """A program that is told something by JSON on its standard input."""

    command: tuple[str, ...]  # program and arguments; no shell
    timeout: float  # seconds
