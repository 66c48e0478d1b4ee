"""Sizes, durations and addresses as operators write them."""

import re
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?) ?([kMGTP]i?B|B)")
_POWERS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_DURATION = re.compile(r"([0-9]{1,9})(s|m|h|d)")
_CIDR = re.compile(r"([0-9.]+)(?:/([0-9]{1,2}))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class MissingUnitError(ValueError):
    """A bare number where only a number with its unit has a meaning."""


def parse_size(value: object) -> int:
    """Bytes of ``"256GiB"``, ``"220GB"`` or ``"1.92TB"`` (powers of 1024 with the i, of 1000 without).

    Raises:
        MissingUnitError: The value has no unit.
        ValueError: The value is not a size at all.
    """
    if _is_bare_number(value):
        raise MissingUnitError(f'a size needs a unit: write "{value}GiB", "{value}GB" or "{value}TB"')
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f'{_shown(value)} is not a size such as "256GiB", "220GB" or "1.92TB"')
    number, unit = found.groups()
    prefix = unit.removesuffix("B")
    base = 1024 if prefix.endswith("i") else 1000
    return round(float(number) * float(base) ** _POWERS[prefix.removesuffix("i")])


def parse_duration(value: object) -> timedelta:
    """Time of ``"90s"``, ``"15m"``, ``"2h"`` or ``"7d"``.

    Raises:
        MissingUnitError: The value has no unit.
        ValueError: The value is not a duration, or longer than a thousand days.
    """
    if isinstance(value, timedelta):
        return value
    if _is_bare_number(value):
        raise MissingUnitError(f'a duration needs a unit: write "{value}s", "{value}m" or "{value}h"')
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f'{_shown(value)} is not a duration such as "90s", "15m" or "2h"')
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds > 1000 * 86400:
        raise ValueError(f"{_shown(value)} is longer than a thousand days")
    return timedelta(seconds=seconds)


def parse_address(value: object) -> IPv4Address:
    """The IPv4 address in dotted notation.

    Raises:
        ValueError: The value is not an IPv4 address.
    """
    if isinstance(value, IPv4Address):
        return value
    try:
        if isinstance(value, str):
            return IPv4Address(value)
    except ValueError:
        pass
    raise ValueError(f'{_shown(value)} is not an IPv4 address such as "192.168.101.14"')


def parse_subnet(value: object) -> IPv4Network:
    """The IPv4 network in CIDR notation.

    Raises:
        ValueError: The value is not a network, has no prefix length, or has bits set in its host part.
    """
    if isinstance(value, IPv4Network):
        return value
    found = _CIDR.fullmatch(value) if isinstance(value, str) else None
    try:
        address, prefix = found.groups() if found else ("", None)
        network = IPv4Network((address, int(prefix or 32)), strict=False)
    except ValueError:
        raise ValueError(f'{_shown(value)} is not a network such as "192.168.101.0/24"') from None
    if prefix is None:
        raise ValueError(
            f'{_shown(value)} has no prefix length: write "{address}/24", or "{address}/32" for one address'
        )
    if str(network.network_address) != address:
        raise ValueError(f'{_shown(value)} has bits set in its host part: write "{network}"')
    return network


def render_size(size: int) -> str:
    """The shortest decimal form of ``size`` bytes that an operator would write: ``240GB``, ``1.92TB``."""
    for unit, power in (("TB", 4), ("GB", 3), ("MB", 2), ("kB", 1)):
        if size >= 1000**power:
            return f"{size / 1000**power:.2f}".rstrip("0").rstrip(".") + unit
    return f"{size}B"


def render_hours(time: timedelta) -> str:
    """``24h``, ``0.5h``."""
    return f"{time.total_seconds() / 3600:g}h"


def counted(number: int, what: str) -> str:
    """``1 disk``, ``2 disks``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _is_bare_number(value: object) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"[0-9]+(\.[0-9]+)?", value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    """The value as a message shows it, cut when somebody pasted a file into it."""
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
