"""What differs between two plain values, and a digest that tells whether anything that matters does."""

import hashlib
from collections.abc import Iterator, Mapping

from ..model.machine import Allocation, History, MachineView, Observation, Seen
from ..model.plan import EncChange


def observation_digest(observation: Observation) -> str:
    """Tells two states of the world apart, whatever the time. Moments at which machines spoke are left out as well.

    Sixteen hexadecimal digits of a SHA-256. The order of the machines does not matter.
    """
    text = hashlib.sha256()
    for m in sorted(observation.machines, key=lambda m: m.serial):
        text.update(repr(_machine(m)).encode())
    text.update(repr(sorted((v.cluster, v.network, v.usage, v.address) for v in observation.vips)).encode())
    text.update(repr(sorted((a.serial, a.action, a.generation) for a in observation.approvals)).encode())
    text.update(repr(sorted(pause.scope for pause in observation.pauses)).encode())
    text.update(repr(sorted((serial, _held(a)) for serial, a in observation.retired.items())).encode())
    return text.hexdigest()[:16]


def _machine(m: MachineView) -> tuple[object, ...]:
    place = (m.racked.location, m.racked.switch, m.racked.port) if m.racked else None
    disks = (m.disks.system_disks, m.disks.raid, m.disks.data_disks, m.disks.identity) if m.disks else None
    return (
        m.serial,
        _seen(m.seen) if m.seen else None,
        m.match.profiles,
        place,
        disks,
        *([m.raid] if m.raid else []),
        _held(m.allocation) if m.allocation else None,
        _history(m.history),
        m.conflict,
        [str(ref) for ref in m.missing_secrets],
        m.enc_problem,
    )


def _seen(seen: Seen) -> tuple[object, ...]:
    return seen.digest, seen.address, seen.status and seen.status.value, seen.power and seen.power.value


def _held(a: Allocation) -> tuple[object, ...]:
    return a.cluster, a.role, a.profile, a.location, a.hostname, a.generation, tuple(a.addresses.items())


def _history(h: History) -> tuple[object, ...]:
    doing = h.open.id if h.open else None
    return h.phase.value, doing, h.failures, h.permanent, h.last_begun, h.last_done, h.install_generation, h.reinstall


Classes = Mapping[str, Mapping[str, object]]
"""The classes of a node's Puppet document: class to parameter to value."""


def enc_changes(hostname: str, before: Classes, after: Classes) -> tuple[EncChange, ...]:
    """Every parameter that differs; None (Puppet's undef) is the same as absent. Give it fingerprints, not secrets."""
    return tuple(_changes(hostname, before, after))


def _changes(hostname: str, before: Classes, after: Classes) -> Iterator[EncChange]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name) or {}, after.get(name) or {}
        for parameter in sorted(old.keys() | new.keys()):
            if old.get(parameter) != new.get(parameter):
                yield EncChange(hostname, name, parameter, old.get(parameter), new.get(parameter))
