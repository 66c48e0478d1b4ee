"""Facts that follow from the Debian release that nodes run, where operators say nothing else."""

from collections.abc import Collection

from .kinds import FleetSpec
from .signature import newest

_WITHOUT_PERMANENT_MACS = frozenset({"buster"})
"""systemd.link(5): PermanentMACAddress= came with systemd 245. An older one would match every interface."""

_RABBITMQ_3 = frozenset({"buster", "bullseye", "bookworm"})
"""Releases whose RabbitMQ still mirrors classic queues (``ha-mode``). RabbitMQ 4, in trixie and later, refuses to."""

_MODULE = {"bookworm": "42.2.5", "trixie": "43.0.10"}
"""The version of puppet-module-oci in a release's archive. A release that is not here is a newer one."""


def has_mirrored_queues(release: str) -> bool:
    """Whether the release's RabbitMQ replicates classic queues; one that does not has quorum queues only."""
    return release in _RABBITMQ_3


def knows_permanent_macs(release: str) -> bool:
    """Whether the release's udev tells an interface by the MAC address that it was made with."""
    return release not in _WITHOUT_PERMANENT_MACS


def module_version(fleet: FleetSpec, known: Collection[str]) -> str:
    """The version of puppet-module-oci that documents are made for: as written, or as the Debian release has it."""
    return fleet.puppet.module_version or module_for(fleet.release.debian, known)


def module_for(release: str, known: Collection[str]) -> str:
    """The version of puppet-module-oci that the release has: the newest ``known`` one that is not newer than that."""
    limit = _MODULE.get(release)
    fitting = [version for version in known if limit is None or newest((version, limit)) == limit]
    return newest(fitting or known)
