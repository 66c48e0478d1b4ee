"""A small fleet to rehearse: three controllers, a proxy and a store in service, and a store to grow by."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from reconciler.app.narrowing import NarrowedCheck
from reconciler.app.rehearsed import Rehearsable
from reconciler.model.history import Phase
from reconciler.model.machine import MachineView, Observation
from reconciler.model.rehearsal import RehearsedPart
from reconciler.simulator.hardware import CONTROLLER, PROXY, STORE, Model
from reconciler.simulator.scenario import Scenario
from reconciler.simulator.simulation import Simulation
from reconciler.simulator.world import Template

SPECS = Path(__file__).parents[2] / "cluster-specs"
RACKS: Mapping[str, tuple[Model, ...]] = {
    "zone-1": (CONTROLLER, PROXY),
    "zone-2": (CONTROLLER, STORE),
    "zone-3": (CONTROLLER, STORE),
}
SWIFT = "cluster-specs/clusters/swift01.yaml"
FLEET = "cluster-specs/fleet.yaml"
MACHINES = "cluster-specs/machines/exceptions.yaml"

Files = Mapping[str, bytes]


@cache
def small() -> Files:
    """The example's specs, for fewer machines."""
    files = {f"cluster-specs/{path.relative_to(SPECS)}": path.read_bytes() for path in sorted(SPECS.rglob("*.yaml"))}
    files = changed(files, SWIFT, "swiftproxy: {count: 3", "swiftproxy: {count: 1")
    return changed(files, SWIFT, "swiftstore: {count: 6", "swiftstore: {count: 1")


def changed(files: Files, file: str, *replaced: str) -> Files:
    """The files with texts in one of them replaced: old, new, old, new ..."""
    text = files[file].decode()
    for old, new in zip(replaced[::2], replaced[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    return {**files, file: text.encode()}


def with_machine(files: Files, serial: str, spec: str) -> Files:
    """The files with one more Machine document."""
    document = f"---\napiVersion: reconciler/v1\nkind: Machine\nmetadata: {{name: {serial}}}\nspec: {{{spec}}}\n"
    return {**files, MACHINES: files[MACHINES] + document.encode()}


@cache
def in_service() -> Observation:
    """What a daemon observed that has brought the fleet into service while nothing went wrong."""
    root = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        (root / "template").mkdir()
        scenario = Scenario(small(), RACKS, limit=900.0)
        simulation = Simulation(7, scenario, Template(root / "template", scenario), root / "history")
        ending = simulation.run()
    finally:
        shutil.rmtree(root)
    assert (ending.in_service, ending.violations, ending.problems) == (5, (), ())
    assert simulation.last is not None
    return replace(simulation.last.observation, acted=None, listening_since=None)


def blank() -> Observation:
    """The same machines, when they had reported once."""
    now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    return Observation(now, tuple(_blank(m, now) for m in in_service().machines))


def _blank(m: MachineView, now: datetime) -> MachineView:
    assert m.seen is not None
    seen = replace(m.seen, status=None, status_at=None, power=None, power_at=None, reported_at=now, boot=None)
    seen = replace(seen, witnessed_at=None, last_puppet_began=None, address=seen.live_address)
    return MachineView(m.serial, seen, m.match, m.racked)


def serials(role: str) -> list[str]:
    """Of the fleet's nodes of a role."""
    held = ((m.serial, m.allocation) for m in in_service().machines)
    return [serial for serial, allocation in held if allocation is not None and allocation.role == role]


def spare() -> str:
    """The serial of the machine that nobody asks for."""
    return next(m.serial for m in in_service().machines if m.allocation is None)


def with_view(observation: Observation, serial: str, **news: object) -> Observation:
    """The observation with something else of one machine."""
    views = (replace(m, **news) if m.serial == serial else m for m in observation.machines)  # type: ignore[arg-type]
    return replace(observation, machines=tuple(views))


def view(serial: str) -> MachineView:
    return next(m for m in in_service().machines if m.serial == serial)


def to_rehearse(observation: Observation, after: Files | None = None, before: Files | None = None) -> Rehearsable:
    """What histories begin with, of the whole fleet."""
    part = RehearsedPart(
        observed=observation.now,
        machines=len(observation.machines),
        in_service=sum(m.history.phase is Phase.IN_SERVICE for m in observation.machines),
        clusters=("swift01",),
        changes=after is not None,
    )
    return Rehearsable(observation, before or small(), after, NarrowedCheck(), part)
