"""Addresses that a machine has, as it says itself."""

import json

READ_ADDRESSES = "ip -json -4 address show"
"""Every address of every interface (ip-address(8)). Answer: ``parse_addresses``."""


def parse_addresses(text: str) -> tuple[str, ...]:
    """What ``READ_ADDRESSES`` printed: each address with its prefix, such as ``192.168.101.14/24``.

    Raises:
        ValueError: It is not that.
    """
    try:
        found = [info for interface in json.loads(text) for info in interface.get("addr_info", [])]
        return tuple(f"{info['local']}/{int(info['prefixlen'])}" for info in found if info["family"] == "inet")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the machine's addresses are not readable: {text[:200]!r}") from error
