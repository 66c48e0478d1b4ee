"""The common base of all spec models: strictness, and the scalar types."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from ..serials import SERIAL, SERIAL_WORDS
from ..units import parse_address, parse_duration, parse_size, parse_subnet


class Strict(BaseModel):
    """A misspelt key is an error, and a loaded spec never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)? ?([kMGTP]i?B|B)$", "examples": ["256GiB", "1.92TB"]}),
]
"""Bytes, written with a unit."""

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(s|m|h|d)$", "examples": ["90s", "15m", "2h"]}),
]
"""Time, written with a unit."""

Address = Annotated[
    IPv4Address,
    BeforeValidator(parse_address),
    WithJsonSchema({"type": "string", "format": "ipv4", "examples": ["192.168.101.14"]}),
]

Subnet = Annotated[
    IPv4Network,
    BeforeValidator(parse_subnet),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\.\d+\.\d+\.\d+/\d+$", "examples": ["192.168.101.0/24"]}),
]
"""An IPv4 network in CIDR notation, no host bits set."""

_NAME = r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"
_LABEL = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
_DOMAIN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$"
_SERIAL = rf"^{SERIAL}$"
_INTERFACE = r"^([A-Za-z][A-Za-z0-9._-]{0,14}|[0-9]+[mg][0-9]{1,2})$"
_ARGUMENT = r"^[A-Za-z0-9][A-Za-z0-9_.,:=/@+~%-]*$"
_CONSOLE = r"^tty[A-Za-z]*[0-9]+(,[0-9]+[neo]?[78]?r?)?$"
_PACKAGE = r"^[a-z0-9][a-z0-9+.-]+$"
_BMC_USER = r"^[ -~]{1,16}$"
_SSH_KEY = r"^(ssh-[a-z0-9-]+|ecdsa-sha2-[a-z0-9]+|sk-[a-z0-9.@-]+) [A-Za-z0-9+/]+=*( [ -~]*)?$"
_URL = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$"

Name = Annotated[str, StringConstraints(pattern=_NAME)]
"""A name that becomes part of a hostname: lower case, digits, hyphens and dots inside."""

Label = Annotated[str, StringConstraints(pattern=_LABEL)]
"""A name that stays inside: letters, digits, and ``-``, ``.``, ``_`` inside."""

Domain = Annotated[str, StringConstraints(max_length=253, pattern=_DOMAIN)]

Serial = Annotated[str, StringConstraints(pattern=_SERIAL)]
"""A chassis serial as the firmware reports it; matched exactly, case included."""

Interface = Annotated[str, StringConstraints(pattern=_INTERFACE)]
"""A kernel interface name, or speed and order: ``100m1``, ``1g1``, ``10g2``."""

KernelArgument = Annotated[str, StringConstraints(max_length=255, pattern=_ARGUMENT)]
"""A word of the kernel's command line that no boot loader reads as anything else."""

Console = Annotated[str, StringConstraints(pattern=_CONSOLE)]
"""A console as the kernel names it: ``tty0``, ``ttyS1,115200n8``."""

PackageName = Annotated[str, StringConstraints(pattern=_PACKAGE)]
"""A Debian package's name (Debian policy, 5.6.1)."""

BmcUser = Annotated[str, StringConstraints(pattern=_BMC_USER)]
"""The name of a BMC's user: IPMI 2.0, 22.28 has 16 bytes of ASCII."""

SshPublicKey = Annotated[str, StringConstraints(pattern=_SSH_KEY)]
"""A line of an ``authorized_keys`` file, without options."""

Url = Annotated[str, StringConstraints(pattern=_URL)]
"""The address of something on a web server, with no user, query or blank in it."""

PATTERNS: dict[str, str] = {
    _NAME: "lower-case letters, digits, hyphens and dots; a letter or digit at both ends; at most 63",
    _LABEL: "letters, digits, hyphens, dots and underscores; a letter or digit at both ends; at most 63",
    _DOMAIN: "a DNS name: lower-case letters, digits and hyphens, in parts of at most 63 with dots between",
    _SERIAL: f"a chassis serial: {SERIAL_WORDS}",
    _INTERFACE: 'an interface name such as "eth0" or "enp94s0f1", or speed and order such as "1g1" or "10g2"',
    _ARGUMENT: "one kernel argument: letters, digits and _.,:=/@+~%- only, no blank",
    _CONSOLE: 'a console such as "tty0" or "ttyS1,115200"',
    _PACKAGE: "a Debian package's name: lower-case letters, digits and +.-",
    _BMC_USER: "a BMC's user name: 1 to 16 ASCII characters, as IPMI takes no others",
    _SSH_KEY: 'an SSH public key such as "ssh-ed25519 AAAA... ada@example.com"',
    _URL: 'a URL such as "http://192.168.100.3/boot", without a user, a "?" or a slash at its end',
}
"""What a pattern means, for people who did not mean to read a regular expression."""


def pattern_of(text_type: Any) -> str:
    """The regular expression of one of the text types above, such as ``Label``."""
    return str(next(rule.pattern for rule in text_type.__metadata__ if isinstance(rule, StringConstraints)))


def _setting_value(value: object) -> object:
    """One scalar, or a list of text; anything else is said in one sentence, not one per possible type."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        if all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ValueError('a list of settings holds text only: write every item in quotes, such as ["1", "2"]')
    raise ValueError("it must be true, false, a number, text, or a list of text")


SettingValue = bool | int | float | str | tuple[str, ...]
Settings = Annotated[
    Mapping[str, Annotated[SettingValue, BeforeValidator(_setting_value)]],
    Field(description="values by OCI's names; see the settings table"),
]
PuppetValue = Any
"""A value in a Puppet document: scalars, lists and mappings of them, as YAML gives them."""
