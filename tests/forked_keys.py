"""RSA keys that are there already when a forked ``reconciler`` wants one: making them is half of what a world costs.

Imported by the process that all are forked from, and by nobody else. Each command begins somewhere among them, and a
daemon of three machines needs some twenty; whoever needs more gets them again.
"""

import random
from collections.abc import Callable
from itertools import cycle, islice

from cryptography.hazmat.primitives.asymmetric import rsa

_HOW_MANY = {2048: 16, 3072: 12}
"""By size in bits."""

_KEYS = {bits: [rsa.generate_private_key(65537, bits) for _ in range(count)] for bits, count in _HOW_MANY.items()}


def hand_out() -> None:
    """From here on, whoever makes an RSA key in this process is given one of those."""
    rsa.generate_private_key = _handed()


def _handed() -> Callable[[int, int], rsa.RSAPrivateKey]:
    turns = {bits: islice(cycle(keys), random.randrange(len(keys)), None) for bits, keys in _KEYS.items()}

    def generate_private_key(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        assert public_exponent == 65537
        return next(turns[key_size])

    return generate_private_key
