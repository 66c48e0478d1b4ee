"""Disks, controllers and what is on them, as they travel through plans, journals and messages: one text form each."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from .contents import Contents

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class DiskId:
    """What one look knew of a disk. Compared again right before anything is erased; ``disk_matching`` says how."""

    name: str  # kernel name then; the next boot may give it to another disk
    known: tuple[str, ...]  # the words of its model, serial and WWN, as far as they were known
    size: int | None  # bytes; None: nobody wrote it down, and it is no disk that is there now
    nsid: int | None = None  # NVMe: id of its namespace; None: not said

    @classmethod
    def parse(cls, text: str) -> "DiskId":
        """The disk that ``str`` told.

        Raises:
            ValueError: The text names no disk.
        """
        name, *known = text.split()
        if name == _CONTROLLER:
            raise ValueError(f'no disk is called "{name}"')
        nsid = int(known.pop().partition("=")[2]) if known and _NSID.fullmatch(known[-1]) else None
        size = int(known.pop()) if known and known[-1].isdecimal() else None
        return cls(name, tuple(known), size, nsid)

    def __str__(self) -> str:
        # Not made of ``description``: every plan tells all disks of all machines, and so it takes half of the time.
        words = " ".join((self.name, *self.known))
        words = words if self.size is None else f"{words} {self.size}"
        return words if self.nsid is None else f"{words} nsid={self.nsid}"

    @property
    def description(self) -> str:
        """All but the name that lsblk says too: ``model serial wwn size``."""
        return " ".join((*self.known, *([] if self.size is None else [str(self.size)])))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> "CoreSchema":
        return _as_text(cls, cls.parse)


_CONTROLLER = "controller"
_NSID = re.compile(r"nsid=[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class ControllerId:
    """A RAID controller, by its number."""

    number: int

    @classmethod
    def parse(cls, text: str) -> "ControllerId":
        """The controller that ``str`` told.

        Raises:
            ValueError: It told none.
        """
        kind, number = text.split()
        if kind != _CONTROLLER:
            raise ValueError(f'"{text}" is no controller')
        return cls(int(number))

    def __str__(self) -> str:
        return f"{_CONTROLLER} {self.number}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> "CoreSchema":
        return _as_text(cls, cls.parse)


UNREADABLE = "?"
"""The id of an install whose marker cannot be read."""

_INSTALLED = re.compile(r"the installed system (\S+) of install ([0-9a-f]{12}|\?)")


@dataclass(frozen=True, slots=True)
class InstalledSystem:
    """A system that an install of ours has finished, as its marker on the disk says."""

    hostname: str  # "unknown": the marker names none
    install: str  # id of the install; or ``UNREADABLE``

    @classmethod
    def parse(cls, text: str) -> "InstalledSystem":
        """The system that ``str`` told.

        Raises:
            ValueError: It told none.
        """
        found = _INSTALLED.fullmatch(text)
        if found is None:
            raise ValueError(f'"{text}" is no installed system')
        return cls(found[1], found[2])

    def __str__(self) -> str:
        return f"the installed system {self.hostname} of install {self.install}"


def _parse_what(text: str) -> InstalledSystem | Contents:
    """What a text tells of: a system of ours always is one, and in journals of old all else was one too."""
    try:
        return InstalledSystem.parse(text)
    except ValueError:
        return Contents.parse(text)


class _What:
    """How pydantic reads and writes what was met."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> "CoreSchema":
        from pydantic_core import core_schema

        told = core_schema.no_info_after_validator_function(_parse_what, core_schema.str_schema())
        read = core_schema.union_schema([told, handler.generate_schema(Contents)], mode="left_to_right")
        met = core_schema.union_schema([core_schema.is_instance_schema(InstalledSystem), read], mode="left_to_right")
        write = core_schema.plain_serializer_function_ser_schema(
            lambda what: str(what) if isinstance(what, InstalledSystem) else what.plain
        )
        return core_schema.json_or_python_schema(read, met, serialization=write)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        return handler(schema["json_schema"])


class Finding(NamedTuple):
    """What somebody met where disks are to be erased."""

    on: DiskId | ControllerId
    what: Annotated[InstalledSystem | Contents, _What]  # a system of ours; or what else it holds

    @property
    def facts(self) -> tuple[str, ...]:
        """All that an approval of it covers; how it is told has no part in it."""
        if isinstance(self.what, InstalledSystem):
            return (str(self.on), self.what.hostname, self.what.install)
        return (str(self.on), *self.what.facts)


def in_order(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in the order of their facts, each once."""
    return tuple(sorted(set(found), key=lambda each: each.facts))


def _as_text(of: type, parse: Callable[[str], object]) -> "CoreSchema":
    """How pydantic reads and writes a value that is a text outside."""
    from pydantic_core import core_schema

    text = core_schema.no_info_after_validator_function(parse, core_schema.str_schema())
    return core_schema.json_or_python_schema(
        text,
        core_schema.union_schema([core_schema.is_instance_schema(of), text]),
        serialization=core_schema.to_string_ser_schema(),
    )
