"""Variables of shell scripts that a function overwrites while its caller still has a use for them.

POSIX's functions have no variables of their own: ``for wanted`` in one is the ``wanted`` of whoever calls it. What runs
in a subshell overwrites nothing: ``$(...)``, and functions whose body is in round brackets.
"""

import re
from typing import NamedTuple

_FUNCTION = re.compile(r"^(\w+)\(\) ([{(])\n(.*?)^[})]$", re.MULTILINE | re.DOTALL)
_SETS = re.compile(r"(?:^|[\s;&|({])(?:(\w+)=|for (\w+)\b|read (?:-\w+ )*([\w ]+))", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
_QUOTED = re.compile(r"'[^']*'")
_EXPANDED = re.compile(r"\$\{\w+")
_COMMAND = re.compile(r"(?:^|[;&|({!]|\b(?:if|elif|while|until|then|else|do)\b) *(\w+)\b(?!=)", re.MULTILINE)


class Clobbered(NamedTuple):
    """A variable that two functions set, of which one calls the other."""

    caller: str
    called: str
    variable: str


class _Body(NamedTuple):
    sets: frozenset[str]
    calls: frozenset[str]


def clobbered(script: str) -> list[Clobbered]:
    """All of a script; the part outside all functions is called "main"."""
    plain = _EXPANDED.sub("$", _QUOTED.sub("''", _COMMENT.sub("", script)))
    parts = {name: body for name, bracket, body in _FUNCTION.findall(plain)}
    isolated = {name for name, bracket, _ in _FUNCTION.findall(plain) if bracket == "("}
    parts["main"] = _FUNCTION.sub("", plain)
    bodies = {name: _body(text, set(parts) - isolated) for name, text in parts.items()}
    return sorted(
        Clobbered(caller, called, variable)
        for caller, body in bodies.items()
        for called in _reached(caller, bodies)
        for variable in body.sets & bodies[called].sets
    )


def _body(text: str, functions: set[str]) -> _Body:
    here = _without_substitutions(text)
    names = {name for match in _SETS.finditer(here) for group in match.groups() if group for name in group.split()}
    return _Body(frozenset(names), frozenset(set(_COMMAND.findall(here)) & functions))


def _without_substitutions(text: str) -> str:
    """The text without what stands in ``$(...)``, which is a subshell."""
    kept, depth, at = [], 0, 0
    while at < len(text):
        if text.startswith("$(", at):
            depth, at = depth + 1, at + 2
            continue
        if depth:
            depth += {"(": 1, ")": -1}.get(text[at], 0)
        else:
            kept.append(text[at])
        at += 1
    return "".join(kept)


def _reached(caller: str, bodies: dict[str, _Body]) -> set[str]:
    """All functions that run before a call that the caller makes has returned."""
    found, left = set[str](), set(bodies[caller].calls)
    while left:
        found.add(name := left.pop())
        left |= bodies[name].calls - found
    return found - {caller}
