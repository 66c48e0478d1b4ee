"""RSA keys that are made once and handed out again and again, for tests that are about other things than keys.

Making one takes a third of a second of a processor, and an import makes some forty.
"""

from collections.abc import Iterator
from functools import cache
from itertools import count

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.store.secrets import pki

_THERE_ARE = 5
_make = pki._new_key


@pytest.fixture(scope="package", autouse=True)
def few_keys() -> Iterator[None]:
    """Certificates get one of a few keys, each of a size in its turn."""
    turns = count()

    @cache
    def key(bits: int, turn: int) -> rsa.RSAPrivateKey:
        return _make(bits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pki, "_new_key", lambda bits: key(bits, next(turns) % _THERE_ARE))
        yield
