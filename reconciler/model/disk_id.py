"""Which disk or controller, as it travels through plans, journals and messages: a value with one text form each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class DiskId:
    """What one look knew of a disk. Compared again right before anything is erased; ``disk_identity`` says how."""

    name: str  # kernel name then; the next boot may give it to another disk
    known: tuple[str, ...]  # the words of its model, serial and WWN, as far as they were known
    size: int | None  # bytes; None: nobody wrote it down, and it is no disk that is there now

    @classmethod
    def parse(cls, text: str) -> "DiskId":
        """The disk that ``str`` told.

        Raises:
            ValueError: The text names no disk.
        """
        name, *known = text.split()
        if name == _CONTROLLER:
            raise ValueError(f'no disk is called "{name}"')
        size = int(known.pop()) if known and known[-1].isdecimal() else None
        return cls(name, tuple(known), size)

    def __str__(self) -> str:
        return f"{self.name} {self.description}".rstrip()

    @property
    def description(self) -> str:
        """All but the name: ``model serial wwn size``."""
        return " ".join((*self.known, *([] if self.size is None else [str(self.size)])))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> "CoreSchema":
        return _as_text(cls, cls.parse)


_CONTROLLER = "controller"


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


class Finding(NamedTuple):
    """What somebody met where disks are to be erased."""

    on: DiskId | ControllerId
    what: str  # what it holds: ``contents_of``, or ``ownership.installed``


def in_order(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in the order in which they are told, each once."""
    return tuple(sorted(set(found), key=lambda each: (str(each.on), each.what)))


def _as_text(of: type, parse: Callable[[str], object]) -> "CoreSchema":
    """How pydantic reads and writes a value that is a text outside."""
    from pydantic_core import core_schema

    text = core_schema.no_info_after_validator_function(parse, core_schema.str_schema())
    return core_schema.json_or_python_schema(
        text,
        core_schema.union_schema([core_schema.is_instance_schema(of), text]),
        serialization=core_schema.to_string_ser_schema(),
    )
