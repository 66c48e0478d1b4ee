"""RSA keys that are made once and handed out again and again, for tests that are about other things than keys.

Making one takes a third of a second of a processor, and an import makes some forty.
"""

import random
from collections.abc import Iterator, Mapping
from itertools import cycle, islice

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.store.secrets import pki

_make = rsa.generate_private_key


class FewKeys:
    """So many keys of each size in bits, made right away. Whoever wants more gets them again."""

    def __init__(self, how_many: Mapping[int, int]) -> None:
        self._keys = {bits: [_make(65537, bits) for _ in range(count)] for bits, count in how_many.items()}
        self.begin_anywhere()

    def begin_anywhere(self) -> None:
        """Begin with any of them, as one that begins anew with the first would get what it has already."""
        self._turns = {
            bits: islice(cycle(keys), random.randrange(len(keys)), None) for bits, keys in self._keys.items()
        }

    def generate_private_key(self, public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        """The next one of this size; for use in place of the function of that name."""
        assert public_exponent == 65537
        return next(self._turns[key_size])


@pytest.fixture(scope="package", autouse=True)
def few_keys() -> Iterator[None]:
    """Certificates get one of a few keys, each of a size in its turn."""
    keys = FewKeys({pki.AUTHORITY_BITS: 5, pki.LEAF_BITS: 5})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pki, "_new_key", lambda bits: keys.generate_private_key(65537, bits))
        yield
