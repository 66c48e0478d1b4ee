"""A digest that tells whether anything that matters to a plan has changed."""

import hashlib

from ..model.gates import Readings
from ..model.history import History
from ..model.machine import Allocation, DiskChoice, MachineView, Observation, Seen


def observation_digest(observation: Observation) -> str:
    """Tells two states of the world apart, whatever the time. Moments at which machines spoke are left out as well.

    Sixteen hexadecimal digits of a SHA-256. The order of the machines does not matter.
    """
    text = hashlib.sha256()
    for m in sorted(observation.machines, key=lambda m: m.serial):
        text.update(_text(m))
    text.update(repr(sorted((v.cluster, v.network, v.usage, v.address) for v in observation.vips)).encode())
    text.update(repr(sorted((a.serial, a.action, a.generation) for a in observation.approvals)).encode())
    text.update(repr(sorted(pause.scope for pause in observation.pauses)).encode())
    text.update(repr(sorted((serial, _held(a)) for serial, a in observation.retired.items())).encode())
    if observation.observing is not None:
        text.update(observation.observing.encode())
    if observation.fixed:
        text.update(repr(sorted((c, sorted(kept.items())) for c, kept in observation.fixed.items())).encode())
    if told := [(cluster, one.problem) for cluster, one in sorted(observation.shown.items()) if one.problem]:
        text.update(repr(told).encode())
    if observation.rings:
        text.update(repr([(state.cluster, *state.file) for state in observation.rings]).encode())
        text.update(repr([(each.cluster, each.digest) for each in observation.ring_rounds]).encode())
    if observation.hooks:
        text.update(repr(sorted(observation.hooks)).encode())
    return text.hexdigest()[:16]


_TEXTS: dict[int, tuple[MachineView, bytes]] = {}
_MOST_TEXTS = 30_000
"""What was said of views, which stay the same objects from plan to plan: a fleet's most of them."""


def _text(m: MachineView) -> bytes:
    known = _TEXTS.get(id(m))
    if known is None or known[0] is not m:
        if len(_TEXTS) >= _MOST_TEXTS:
            _TEXTS.clear()
        known = _TEXTS[id(m)] = m, repr(_machine(m)).encode()
    return known[1]


def _machine(m: MachineView) -> tuple[object, ...]:
    """What a plan depends on of one machine. Parts that few machines have are left out where they are missing."""
    place = (m.racked.location, m.racked.switch, m.racked.port) if m.racked else None
    return (
        m.serial,
        _seen(m.seen) if m.seen else None,
        m.match.profiles,
        place,
        _disks(m.disks) if m.disks else None,
        *([m.raid] if m.raid else []),
        _held(m.allocation) if m.allocation else None,
        _history(m.history),
        m.conflict,
        [str(ref) for ref in m.missing_secrets],
        m.enc_problem,
        *([m.lost_system] if m.lost_system else []),
        *([m.unclear_disks] if m.unclear_disks else []),
        *([_readings(m.readings)] if m.readings else []),
        *([_hint(m)] if m.seen and m.seen.boot != m.history.witnesses.boots else []),
    )


def _hint(m: MachineView) -> tuple[object, ...]:
    """What a plan depends on where nobody returns the nonce of the machine's present boot."""
    said, seen = m.history.witnesses.vouched, m.seen
    was_witnessed = seen is not None and seen.witnessed_at is not None
    return "hint", seen and (seen.boot, seen.live_address), was_witnessed, said and (said.address, said.power)


def _disks(choice: DiskChoice) -> tuple[object, ...]:
    return choice.system_disks, choice.raid, choice.data_disks, tuple(map(str, choice.identity))


def _seen(seen: Seen) -> tuple[object, ...]:
    return seen.digest, seen.address, seen.status and seen.status.value, seen.power and seen.power.value


def _readings(readings: Readings) -> tuple[object, ...]:
    return tuple((each.name.value, each.value) for each in readings.values), readings.classes


def _held(a: Allocation) -> tuple[object, ...]:
    return a.cluster, a.role, a.profile, a.location, a.hostname, a.generation, tuple(a.addresses.items())


def _history(h: History) -> tuple[object, ...]:
    doing = h.open_action.id if h.open_action else None
    install = h.install.generation, h.install.reinstall
    rings = [tuple(map(tuple, h.rings))] if h.rings is not None else []
    return h.phase.value, doing, h.failures.count, h.permanent, h.last_begun, h.last_done, *install, *rings
