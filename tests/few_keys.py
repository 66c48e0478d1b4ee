"""RSA keys that are there already, handed out again and again, for tests that are about other things than keys.

Making one takes a third of a second of a processor; an import makes some forty, a daemon of three machines twenty.
These are the simulator's (``simulator.keys``). Everybody can read them: such a key proves nothing outside of tests.
"""

import random
from collections.abc import Iterator
from itertools import cycle, islice

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.execution.seam import EXPONENT
from reconciler.simulator.keys import few_keys as keys_there_are
from reconciler.store.secrets import pki


class FewKeys:
    """Some keys of each size in bits. Whoever wants more gets them again."""

    def __init__(self) -> None:
        self._keys = keys_there_are()
        self.begin_anywhere()

    def begin_anywhere(self) -> None:
        """Begin with any of them, as one that begins anew with the first would get what it has already."""
        self._turns = {
            bits: islice(cycle(keys), random.randrange(len(keys)), None) for bits, keys in self._keys.items()
        }

    def generate_private_key(self, public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        """The next one of this size; for use in place of the function of that name."""
        assert public_exponent == EXPONENT
        return next(self._turns[key_size])


@pytest.fixture(scope="module", autouse=True)
def few_keys() -> Iterator[None]:
    """Certificates get one of a few keys, each of a size in its turn."""
    keys = FewKeys()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pki, "new_rsa_key", lambda bits: keys.generate_private_key(EXPONENT, bits))
        yield
