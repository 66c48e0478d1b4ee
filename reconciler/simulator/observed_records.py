"""Records of an observed fleet as a database takes them, with stand-ins for what an observation does not hold."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from ..hardware.report import digest
from ..model.history import History, Phase
from ..model.machine import Allocation, MachineView, Observation
from ..model.observations import Heard
from ..model.rings import RingFile, RingState, md5_of
from . import rings
from .observed import as_simulated

_HISTORIES = TypeAdapter(History)
_STATES = TypeAdapter(RingState)
VERSION = 1  # of exports


def simulated_fleet(observation: Observation) -> Observation:
    """What was observed, as it is simulated: hardware without what no report says twice, and rings of our own."""
    files = {
        (ring.cluster, ring.name): RingFile(ring.name, md5_of(rings.standing(ring)[1])) for ring in observation.rings
    }
    before = {(ring.cluster, ring.file): files[ring.cluster, ring.name] for ring in observation.rings}
    return replace(
        observation,
        machines=tuple(_simulated(m, before) for m in observation.machines),
        rings=tuple(replace(ring, md5=files[ring.cluster, ring.name].md5) for ring in observation.rings),
        ring_rounds=(),  # of other builders: they are worked out anew
        certificates=(),
        shown={},
    )


def _simulated(m: MachineView, files: Mapping[tuple[str, RingFile], RingFile]) -> MachineView:
    """A machine with other hardware; what began on it has been interrupted; its ring files are simulated ones."""
    seen, held, history = m.seen, m.allocation, replace(m.history, open_action=None)
    if held is not None and history.rings is not None:
        history = replace(history, rings=tuple(files.get((held.cluster, each), each) for each in history.rings))
    if seen is not None:
        hardware = as_simulated(seen.hardware)
        seen = replace(seen, hardware=hardware, digest=digest(hardware))
    return replace(m, seen=seen, history=history)


def exported(observation: Observation) -> dict[str, Any]:
    """The fleet in the form of an export, from which a database is filled."""
    machines = observation.machines
    return {
        "version": VERSION,
        "allocations": {m.serial: _plain(m.allocation) for m in machines if m.allocation},
        "released": {serial: _plain(held) for serial, held in observation.retired.items()},
        "vips": [asdict(vip) for vip in observation.vips],
        "machines": {m.serial: _HISTORIES.dump_python(m.history, mode="json", exclude_defaults=True) for m in machines},
        "pauses": [{**asdict(pause), "at": pause.at.isoformat()} for pause in observation.pauses],
        "fixed": {cluster: dict(values) for cluster, values in observation.fixed.items()},
        "rings": [_ring(ring) for ring in observation.rings],
        "conflicts": {m.serial: {"reason": m.conflict, "evidence": "observed"} for m in machines if m.conflict},
    }


def _plain(held: Allocation) -> dict[str, Any]:
    return {**asdict(held), "addresses": dict(held.addresses)}


def _ring(state: RingState) -> dict[str, Any]:
    builder, file = rings.standing(state)
    return {
        "state": _STATES.dump_python(state, mode="json"),
        "builder": builder,
        "file": base64.b64encode(file).decode(),
    }


_FAR = timedelta(minutes=10)
"""More than what a node's word about a run may be wrong by."""


def puppet_ran(m: MachineView, documents_since: datetime) -> datetime | None:
    """When Puppet last ran on a machine in service; before its document was what it is, where it is behind."""
    if m.history.phase is not Phase.IN_SERVICE:
        return None
    return documents_since + (-_FAR if m.behind else _FAR)


def words(m: MachineView, documents_since: datetime) -> Iterator[Heard]:
    """What was heard of a machine, in the order in which it was said."""
    seen, serial = m.seen, m.serial
    if seen is None:
        return
    report = Heard(serial, seen.reported_at, seen.live_address, hardware=seen.hardware, digest=seen.digest)
    said = [replace(report, boot=seen.boot)]
    if seen.witnessed_at is not None and seen.boot is None:
        said.insert(0, replace(report, at=seen.witnessed_at, boot=m.history.witnesses.boots))
    if seen.status is not None and seen.status_at is not None:
        said.append(Heard(serial, seen.status_at, seen.address, status=seen.status))
    yield from sorted(said, key=lambda word: word.at)
    if seen.power is not None and seen.power_at is not None:
        yield Heard(serial, seen.power_at, power=seen.power)
    if seen.last_puppet_began is not None:
        yield Heard(serial, documents_since, puppet_at=puppet_ran(m, documents_since) or seen.last_puppet_began)
    if m.readings is not None:
        yield Heard(serial, m.readings.at, readings=m.readings)
