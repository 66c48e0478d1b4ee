"""What follows from the Debian release that nodes run, where operators say nothing else."""

_RABBITMQ_3 = frozenset({"buster", "bullseye", "bookworm"})
"""Releases whose RabbitMQ still mirrors classic queues (``ha-mode``). RabbitMQ 4, in trixie and later, refuses to."""


def has_mirrored_queues(release: str) -> bool:
    """Whether the release's RabbitMQ replicates classic queues; one that does not has quorum queues only."""
    return release in _RABBITMQ_3
