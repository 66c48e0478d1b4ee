"""``HardwareProfile``: which machines may take a role, and what becomes of their disks."""

from typing import Literal

from pydantic import Field, StrictBool, StrictInt

from .base import Duration, Name, Settings, Size, Strict


class SizeRange(Strict):
    """Bytes, inclusive; a missing end is open."""

    min: Size | None = None
    max: Size | None = None


class NumberRange(Strict):
    """Whole numbers, inclusive; a missing end is open."""

    min: StrictInt | None = Field(default=None, ge=0)
    max: StrictInt | None = Field(default=None, ge=0)


class CpuRule(Strict):
    """Processors; every given key must hold."""

    vendor: tuple[str, ...] = Field(default=(), description="CPU vendor ids, such as GenuineIntel; any of")
    model: tuple[str, ...] = Field(default=(), description="parts of the model name; any of")
    threads: NumberRange | None = None
    sockets: NumberRange | None = None


class MatchRule(Strict):
    """What a machine must be; every given key must hold."""

    product: tuple[str, ...] = Field(default=(), description="exact product names; any of")
    manufacturer: tuple[str, ...] = Field(default=(), description="exact manufacturer names; any of")
    memory: SizeRange | None = None
    cpu: CpuRule | None = None
    nics: NumberRange | None = None
    raid_controller: Literal["megaraid", "none", "any"] = "any"
    uefi: StrictBool | None = None
    secure_boot: StrictBool | None = None
    architecture: Literal["amd64", "arm64"] | None = None


class DiskRule(Strict):
    """Disks taken for one purpose: its minimum first, in order of the entries, then extras up to its maximum."""

    size: SizeRange | None = None
    devices: tuple[str, ...] = Field(
        default=(),
        description="exact device names, where size does not tell them apart; an "
        "install waits where one is the agent's name of a disk and the kernel's of another",
    )
    model: tuple[str, ...] = Field(default=(), description="parts of the model name; any of")
    count: NumberRange = Field(default=NumberRange(min=1), description="how many disks")
    raid: Literal[0, 1, 5, 6, 10] | None = Field(default=None, description="RAID level; none: single disks")
    by: Literal["controller", "software"] = "controller"
    options: tuple[str, ...] = Field(default=(), description="options for the RAID controller, such as WB, RA, Direct")


class RootImageSpec(Strict):
    """A tarball of a root file system."""

    url: str = Field(pattern=r"^https?://[^\s'\"\\]+$", description="where the machine fetches it from")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the tarball, in hex; any other one is refused")


PLACEHOLDERS = frozenset({"hostname", "compute_aggregate"})
"""What ``{...}`` may stand for in ``after_puppet`` commands."""


class HardwareProfileSpec(Strict):
    """A machine takes a profile when exactly one matches; ``priority`` breaks ties on purpose."""

    role: Name
    match: MatchRule = MatchRule()
    disks: tuple[DiskRule, ...] = ()
    unlisted_disks: Literal["ignore", "refuse", "use"] = Field(
        default="ignore",
        description="a disk that no entry of disks takes: ignore leaves it as it is, refuse lets no machine with one "
        "match, use takes it for data as if an entry after the first named it, as OCI does",
    )
    priority: StrictInt = 0
    settings: Settings = Field(default_factory=dict)
    installer: Literal["debian", "image"] = Field(
        default="debian", description="debian: from packages of a mirror; image: from a tarball of a root file system"
    )
    image: RootImageSpec | None = Field(default=None, description="for the installer image")
    install_timeout: Duration | None = Field(
        default=None, description="how long an install may take, where 170 minutes do not suit these machines"
    )
    after_puppet: tuple[str, ...] = Field(
        default=(), description="commands for the first controller after the node's first good Puppet run"
    )
