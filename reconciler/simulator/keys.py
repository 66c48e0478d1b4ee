"""RSA keys that are there already: making one takes a third of a second of a processor, and a fleet wants dozens.

They consist of the primes in ``few_keys.txt``, which ``python -m reconciler.simulator.keys`` draws anew. Everybody can
read them: such a key proves nothing outside of tests and simulations.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from ..execution.seam import EXPONENT, new_rsa_key

PRIMES = Path(__file__).with_name("few_keys.txt")
"""A key a line: its size in bits, and its two primes in hex."""

DRAWN: Mapping[int, int] = {1024: 24, 2048: 16, 3072: 12}
"""How many there are of each size in bits."""


@cache
def few_keys() -> Mapping[int, Sequence[rsa.RSAPrivateKey]]:
    """The keys, by their size in bits."""
    found: dict[int, list[rsa.RSAPrivateKey]] = {bits: [] for bits in DRAWN}
    for line in PRIMES.read_text().splitlines():
        bits, p, q = line.split()
        found[int(bits)].append(_key_of(int(p, 16), int(q, 16)))
    return found


def _key_of(p: int, q: int) -> rsa.RSAPrivateKey:
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key(unsafe_skip_rsa_key_validation=True)


def draw_anew() -> None:
    """Write other primes."""
    drawn = [(bits, new_rsa_key(bits).private_numbers()) for bits, count in DRAWN.items() for _ in range(count)]
    PRIMES.write_text("".join(f"{bits} {each.p:x} {each.q:x}\n" for bits, each in drawn))


if __name__ == "__main__":
    draw_anew()
