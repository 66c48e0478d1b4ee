"""The interface on which a virtual address is brought up: ``lo``, or its network's own."""

from .kinds import Network

LOOPBACK = "lo"

ALWAYS_ON_LOOPBACK = frozenset({"sql", "sqlmsg"})
"""Usages whose Puppet class, ``oci::sql``, knows no other interface."""


def is_on_loopback(network: Network, usage: str, *, speaks_bgp: bool) -> bool:
    """Whether the address is brought up on ``lo``.

    It must be a /32 there: with a wider prefix, the node takes every address of the network for its own, and answers
    for them all.

    Args:
        network: The one that gives the address.
        usage: What the address serves.
        speaks_bgp: The cluster's nodes announce their addresses over two interfaces, of which they make no bond.
    """
    carried = len(network.interfaces) == 1 or (len(network.interfaces) == 2 and not speaks_bgp)
    return usage in ALWAYS_ON_LOOPBACK or network.subnet.prefixlen == 32 or not carried
