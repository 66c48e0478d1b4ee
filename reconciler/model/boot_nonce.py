"""The nonce of a network boot: served with the boot script, on the live system's command line, returned with reports.

Nothing is written down when one is served, as a question changes nothing here: a nonce is sealed with a key that only
the fleet's daemons have, over the number of the machine's boot, the MAC address that asked, and a salt. So each boot
that is served has a nonce of its own, whoever returns one was answered as it booted, and one of an earlier boot is told
from that of the present one.
"""

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

ARGUMENT = "reconciler.nonce"
"""Its name on the kernel's command line. The kernel takes a name with a dot for a module's, and hands it to nobody."""

SALT_BYTES = 8
"""Two boots of one machine shall not have one nonce; nobody has to guess it."""

_FORM = re.compile(r"([0-9]{1,9})\.([0-9a-f]{16})\.([0-9a-f]{32})")


class BootNonce(NamedTuple):
    """What the live system of one boot was given."""

    boot: int  # which boot of the machine it is for (``History.boots``)
    salt: str
    seal: str

    def __str__(self) -> str:
        return f"{self.boot}.{self.salt}.{self.seal}"


def parse_nonce(text: str) -> BootNonce:
    """The nonce that a text is.

    Raises:
        ValueError: It is none.
    """
    if (found := _FORM.fullmatch(text)) is None:
        raise ValueError("it is no nonce of a boot")
    return BootNonce(int(found[1]), found[2], found[3])


def make_nonce(key: bytes, boot: int, mac: str, salt: str) -> BootNonce:
    """The nonce for a boot.

    Args:
        key: The fleet's, for nonces.
        boot: Which boot of the machine it is for.
        mac: Of the port that asked for the boot script, in lower case with colons.
        salt: Drawn for this boot; ``SALT_BYTES`` in hexadecimal digits.
    """
    content = f"{boot} {salt} {mac}".encode()
    return BootNonce(boot, salt, hmac.new(key, content, sha256).hexdigest()[:32])


def is_genuine(key: bytes, nonce: BootNonce, macs: Iterable[str]) -> bool:
    """Whether it was served to one of these MAC addresses."""
    made = (make_nonce(key, nonce.boot, mac, nonce.salt) for mac in macs)
    return any(hmac.compare_digest(one.seal, nonce.seal) for one in made)
