"""RSA keys that are there already when a forked ``reconciler`` wants one: making them is half of what a world costs.

Imported by the process that all are forked from, and by nobody else. A daemon of three machines needs some twenty.
"""

from cryptography.hazmat.primitives.asymmetric import rsa

from .few_keys import FewKeys

_KEYS = FewKeys()


def hand_out() -> None:
    """From here on, whoever makes an RSA key in this process is given one of those."""
    _KEYS.begin_anywhere()
    rsa.generate_private_key = _KEYS.generate_private_key
