"""RSA keys that are there already, handed out again and again, for tests that are about other things than keys.

Making one takes a third of a second of a processor; an import makes some forty, a daemon of three machines twenty.
These consist of the primes in ``few_keys.txt``, which ``python -m tests.few_keys`` draws anew. Everybody can read them:
such a key proves nothing outside of tests.
"""

import random
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.store.secrets import pki

PRIMES = Path(__file__).with_name("few_keys.txt")
"""A key a line: its size in bits, and its two primes in hex."""

DRAWN: Mapping[int, int] = {2048: 16, 3072: 12}
EXPONENT = 65537


class FewKeys:
    """Some keys of each size in bits. Whoever wants more gets them again."""

    def __init__(self) -> None:
        self._keys: dict[int, list[rsa.RSAPrivateKey]] = {bits: [] for bits in DRAWN}
        for line in PRIMES.read_text().splitlines():
            bits, p, q = line.split()
            self._keys[int(bits)].append(_key_of(int(p, 16), int(q, 16)))
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


def _key_of(p: int, q: int) -> rsa.RSAPrivateKey:
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key(unsafe_skip_rsa_key_validation=True)


@pytest.fixture(scope="package", autouse=True)
def few_keys() -> Iterator[None]:
    """Certificates get one of a few keys, each of a size in its turn."""
    keys = FewKeys()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pki, "new_rsa_key", lambda bits: keys.generate_private_key(EXPONENT, bits))
        yield


if __name__ == "__main__":
    drawn = [
        (bits, rsa.generate_private_key(EXPONENT, bits).private_numbers())
        for bits, count in DRAWN.items()
        for _ in range(count)
    ]
    PRIMES.write_text("".join(f"{bits} {each.p:x} {each.q:x}\n" for bits, each in drawn))
