"""Loopback networks, one for each test, so that tests can run beside each other and beside a demo."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

CLAIM_PORT = 20_007
_NETWORKS = 12_000


@contextmanager
def claimed_network() -> Iterator[str]:
    """The first three numbers of a loopback network that no other test on this machine uses now."""
    start = os.getpid() % _NETWORKS
    for number in (*range(start, _NETWORKS), *range(start)):
        network = f"127.{20 + number // 250}.{number % 250}"
        with socket.socket() as claim:
            try:
                claim.bind((f"{network}.254", CLAIM_PORT))
            except OSError:
                continue
            yield network
            return
    raise RuntimeError("all loopback networks are in use")
