"""Contents of disks and RAID controllers, as facts: code compares these, and the text for people is made of them.

Journals, hardware and observations have the parts as a list. Earlier versions had one text in its place, and it is
still read: as the same parts where it told of signatures, else as ``ToldBefore``, to which nothing is equal today.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class Unreadable(StrEnum):
    """Why the live system cannot look into something on a disk."""

    NO_SUCH_DISK = "no-such-disk"
    NOT_OPENED = "not-opened"
    NOT_MOUNTED = "not-mounted"  # a file system
    NOT_ASSEMBLED = "not-assembled"  # a software RAID, or a volume group
    NO_TOOL = "no-tool"  # the live system lacks what would assemble it
    BAD_TABLE = "bad-table"  # a partition table
    OF_NO_KNOWN_KIND = "of-no-known-kind"  # nobody here knows how to look into its type


@dataclass(frozen=True, slots=True)
class SignatureFound:
    """A file system, a partition table, or a member of something larger: ``wipefs`` found its signature."""

    type: str  # in wipefs' words: gpt, ext4, LVM2_member, linux_raid_member, ceph_bluestore ...
    on: str | None = None  # kernel name of the partition; None: it lies on the disk itself
    label: str = ""
    kind: Literal["signature"] = "signature"

    def __str__(self) -> str:
        text = self.type if self.on is None else f"{self.type} on {self.on}"
        return f'{text} "{self.label}"' if self.label else text


@dataclass(frozen=True, slots=True)
class UnreadFound:
    """Something that the live system cannot look into. It may be anything."""

    why: Unreadable
    where: tuple[str, ...]  # from the disk inwards: devices, "@2048" for a partition at that sector, HALF
    type: str = ""  # in blkid's words; empty: not known
    kind: Literal["unread"] = "unread"

    def __str__(self) -> str:
        called, tool = _ASSEMBLED.get(self.type, (self.type, "tool for it"))
        return f"{where_text(self.where)}: {_UNREAD[self.why].format(called, tool)}"


@dataclass(frozen=True, slots=True)
class VolumeFound:
    """A volume of a RAID controller."""

    number: int
    level: int | None  # None: one that we never make
    disks: tuple[str, ...]  # controller:enclosure:slot of each
    kind: Literal["raid-volume"] = "raid-volume"

    def __str__(self) -> str:
        level = "a volume" if self.level is None else f"RAID {self.level}"
        return f"volume {self.number}, {level} of {', '.join(self.disks)}"


@dataclass(frozen=True, slots=True)
class ForeignConfigurationFound:
    """The configuration of another RAID controller, which disks brought along."""

    disks: tuple[str, ...]  # controller:enclosure:slot of each
    kind: Literal["foreign-configuration"] = "foreign-configuration"

    def __str__(self) -> str:
        return f"a foreign configuration on {', '.join(self.disks)}"


@dataclass(frozen=True, slots=True)
class SingleDiskFound:
    """A disk that its RAID controller shows to the operating system, which may have put anything on it."""

    disk: str  # controller:enclosure:slot
    kind: Literal["single-disk"] = "single-disk"

    def __str__(self) -> str:
        return f"disk {self.disk}, shown to the operating system"


@dataclass(frozen=True, slots=True)
class MarkFound:
    """What tells this very disk from one that holds the same."""

    mark: Literal["serial", "WWN", "UUID"]
    value: str
    kind: Literal["mark"] = "mark"

    def __str__(self) -> str:
        return f"{self.mark} {self.value}"


@dataclass(frozen=True, slots=True)
class ToldBefore:
    """The sentence of an earlier version, from which nobody can tell the facts."""

    text: str
    kind: Literal["told-before"] = "told-before"

    def __str__(self) -> str:
        return self.text


ContentPart = (
    SignatureFound | UnreadFound | VolumeFound | ForeignConfigurationFound | SingleDiskFound | MarkFound | ToldBefore
)

HALF = "half"
"""In ``UnreadFound.where``: the half of a mirror, read as it lies on its member."""

_UNREAD: Mapping[Unreadable, str] = {
    Unreadable.NO_SUCH_DISK: "there is no such disk",
    Unreadable.NOT_OPENED: "it cannot be opened",
    Unreadable.NOT_MOUNTED: "{} that cannot be mounted",
    Unreadable.NOT_ASSEMBLED: "{} that cannot be assembled",
    Unreadable.NO_TOOL: "{}, and there is no {}",
    Unreadable.BAD_TABLE: "a partition table ({}) that cannot be read",
    Unreadable.OF_NO_KNOWN_KIND: "{}",
}
_ASSEMBLED = {"linux_raid_member": ("software RAID", "mdadm"), "LVM2_member": ("LVM", "lvm2")}
"""What is called in other words than blkid's, and the package that assembles it."""


def where_text(where: Iterable[str]) -> str:
    """A place on a disk, for people: ``/dev/md127 of /dev/sda1, a mirror's half``."""
    text = ""
    for step in where:
        if step == HALF:
            text += ", a mirror's half"
        elif step.startswith("@"):
            text += f", at sector {step[1:]}"
        else:
            text = f"{step} of {text}" if text else step
    return text


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a disk or a controller holds; empty: blank, or nobody looked. Two are equal where their facts are."""

    parts: tuple[ContentPart, ...] = ()

    @classmethod
    def of(cls, *parts: ContentPart) -> "Contents":
        """What consists of these parts."""
        return cls(parts)

    @classmethod
    def parse(cls, text: str) -> "Contents":
        """What an earlier version wrote as a text."""
        found = [_SIGNATURE.fullmatch(each) for each in text.split("; ")] if text else []
        parts = [SignatureFound(each["type"], each["on"], each["label"] or "") for each in found if each]
        if len(parts) == len(found):
            return cls(tuple(parts))
        return cls.of(ToldBefore(text))

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __str__(self) -> str:
        held = "; ".join(str(part) for part in self.parts if not isinstance(part, MarkFound))
        return ", ".join([held, *(str(part) for part in self.parts if isinstance(part, MarkFound))])

    def __add__(self, more: "Contents") -> "Contents":
        return Contents((*self.parts, *more.parts))

    @property
    def facts(self) -> tuple[str, ...]:
        """Kind and fields of each part, as an approval covers them; what people read has no part in it."""
        return tuple(json.dumps(_fields(part), sort_keys=True) for part in self.parts)

    @property
    def plain(self) -> str | list[dict[str, Any]]:
        """In the form of its JSON: kind and fields of each part; or the text that an earlier version wrote."""
        match self.parts:
            case (ToldBefore(text),):
                return text
            case _:
                return [_fields(part) for part in self.parts]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic import Field
        from pydantic_core import core_schema

        told = core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema())
        parts = handler.generate_schema(tuple[Annotated[ContentPart, Field(discriminator="kind")], ...])
        read = core_schema.union_schema([told, core_schema.no_info_after_validator_function(cls, parts)])
        return core_schema.json_or_python_schema(
            read,
            core_schema.union_schema([core_schema.is_instance_schema(cls), read]),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda held: held.plain),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        return handler(schema["json_schema"])


def _fields(part: ContentPart) -> dict[str, Any]:
    """Its kind first, then whatever is not as it most often is."""
    given = {each.name: getattr(part, each.name) for each in fields(part) if each.name != "kind"}
    defaults = {each.name: each.default for each in fields(part)}
    return {"kind": part.kind, **{name: value for name, value in given.items() if value != defaults[name]}}


_SIGNATURE = re.compile(r'(?P<type>[^\s"]+)(?: on (?P<on>[^\s"]+))?(?: "(?P<label>.*)")?')

NOTHING_FOUND = Contents()
