"""All chance of a simulation, drawn from one number. What is drawn for one purpose shifts nothing for another."""

from collections.abc import Callable
from random import Random

from cryptography.hazmat.primitives.asymmetric import rsa

from .keys import few_keys

Stream = Random
"""Chance for one purpose."""

SHORT_BITS = 1024
"""Of the keys that a simulation hands out, whatever length is asked for: whoever signs with one is done at once."""


class Chance:
    """Streams of chance, each by its name."""

    def __init__(self, seed: int) -> None:
        """``seed``: all that follows depends on it, and on nothing else."""
        self.seed = seed

    def stream(self, name: str) -> Stream:
        """A stream of its own, which always begins alike."""
        return Stream(f"{self.seed} {name}")

    def keys(self, name: str) -> Callable[[int], rsa.RSAPrivateKey]:
        """Makes keys: they are few, and there already."""
        stream, some = self.stream(name), few_keys()[SHORT_BITS]
        return lambda bits: some[stream.randrange(len(some))]
