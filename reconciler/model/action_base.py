"""The base of all actions: the machine, its risk, its limits, and an id by its content."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any, ClassVar

from .disk_id import ControllerId, DiskId, InstalledSystem

MINUTE = 60.0
"""Seconds."""


def _plain(value: object) -> object:
    """A value as JSON has it. What is a text in the journal is one here, so that ids stay what they were."""
    if isinstance(value, DiskId | ControllerId | InstalledSystem):
        return str(value)
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        return {name: _plain(getattr(value, name)) for name in _names_of(value)}
    return dict(value) if isinstance(value, Mapping) else value


_NAMES: dict[type, tuple[str, ...]] = {}


def _names_of(value: Any) -> tuple[str, ...]:
    """The names of a dataclass's fields, looked up once for each class."""
    kind = type(value)
    if kind not in _NAMES:
        _NAMES[kind] = tuple(each.name for each in fields(value))
    return _NAMES[kind]


class Risk(StrEnum):
    """The worst an action does to the machine."""

    NONE = "none"
    DISRUPTIVE = "disruptive"  # out of service for a while
    DESTRUCTIVE = "destructive"  # erases disks


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineAction:
    """Something we may do to one machine."""

    serial: str
    generation: int  # of the machine's allocation; older generations are refused

    risk: ClassVar[Risk] = Risk.NONE
    touches: ClassVar[bool] = True  # whether the machine itself is touched, or only our records
    not_in_id: ClassVar[frozenset[str]] = frozenset()  # fields that say what it may meet on its way, not what it is
    is_side_task: ClassVar[bool] = False  # beside the machine's own way: its failures count on an account of their own
    looks: ClassVar[bool] = False  # only looks: that it found nothing is no failure of the machine's
    restarts: ClassVar[bool] = False  # another system may run after it: what the machine proved before counts no more
    limit: ClassVar[float]  # seconds until it counts as failed; each action says its own
    outlives_daemon: ClassVar[bool] = False  # goes on by itself on the machine, for hours: no shutdown waits for it
    uses_bmc: ClassVar[bool] = False  # holds a thread for a session with a BMC; others are given no BMC
    sets_up_bmc: ClassVar[bool] = False  # may wait minutes for a BMC to let us in

    @property
    def id(self) -> str:
        """Same action, same id, so that what began and what ended can be paired across restarts."""
        named = _names_of(self)
        content = {name: _plain(getattr(self, name)) for name in named if name not in self.not_in_id}
        text = json.dumps(content, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
