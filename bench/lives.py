"""A fleet at two moments of its life: all of it just unpacked, or all of it in service."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_interface

from reconciler.app.observer import Observer
from reconciler.hardware.report import digest, parse_report
from reconciler.model.actions import Action, BootDisk, BootLive, Enroll, InstallOs, MintSecrets, SecretName
from reconciler.model.events import Advanced, Event, Started, Succeeded
from reconciler.model.folding import histories
from reconciler.model.history import Phase
from reconciler.model.interfaces import NodeInterface
from reconciler.model.machine import Allocation, InstallStatus, MachineView, Observation, Power, Seen, Vip
from reconciler.model.plan import Act, PlanningInput
from reconciler.model.tree import SpecTree
from reconciler.planning.planner import plan
from reconciler.specs.settings_table import load_table
from reconciler.specs.validate import validate
from reconciler.store import Snapshot

from .fleet import Box, Fleet

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
AGO = timedelta(days=10)
"""When the machines that are in service were installed."""


class BrokenBenchError(Exception):
    """What was to be measured is not what was meant."""


class _Rendered:
    """Implements ``observer.EncState``: every document is there."""

    def missing(self, serial: str) -> tuple[()]:
        return ()

    def problem(self, serial: str) -> None:
        return None

    def digest(self, hostname: str) -> None:
        return None


def tree_of(files: Mapping[str, bytes]) -> SpecTree:
    """The tree of a fleet's files."""
    loaded = validate(files, settings_table=load_table())
    if loaded.tree is None:
        raise BrokenBenchError(f"the fleet's specs have errors, such as {loaded.problems[0]}")
    return loaded.tree


def unpacked(fleet: Fleet, tree: SpecTree, at: datetime = NOW) -> Observation:
    """Everybody has just reported for the first time."""
    seen = {box.serial: _seen(box, at - timedelta(seconds=10)) for box in fleet.boxes}
    return Observer().observe(tree, Snapshot(0, seen=seen), _Rendered(), at)


def enrolments(tree: SpecTree, observation: Observation) -> dict[str, Enroll]:
    """What the planner gives everybody, by serial."""
    steps = plan(PlanningInput(None, tree, observation)).steps
    given = {s.serial: s.action for s in steps if isinstance(s, Act) and isinstance(s.action, Enroll)}
    if len(given) != len(observation.machines):
        waiting = next(step for step in steps if step.serial not in given)
        raise BrokenBenchError(f"{len(observation.machines) - len(given)} machines get no place, such as {waiting}")
    return given


def in_service(tree: SpecTree, before: Observation, given: Mapping[str, Enroll], at: datetime = NOW) -> Observation:
    """The same machines, ten days after they were installed, and nothing to do."""
    lived = histories(event for m in before.machines for event in life(m, given[m.serial], at - AGO))
    return replace(
        before,
        now=at,
        machines=tuple(
            replace(
                m,
                seen=_settled(m, at - AGO),
                allocation=allocation_of(given[m.serial]),
                history=lived[m.serial],
            )
            for m in before.machines
        ),
        vips=vips_of(given),
    )


def vips_of(given: Mapping[str, Enroll]) -> tuple[Vip, ...]:
    """The virtual addresses that the machines brought along."""
    return tuple(Vip(action.cluster, *vip) for action in given.values() for vip in action.vips)


def allocation_of(given: Enroll) -> Allocation:
    """What a machine holds once it is enrolled."""
    return Allocation(
        given.cluster,
        given.role,
        given.profile,
        given.location,
        given.hostname,
        given.number,
        given.addresses,
        given.generation,
    )


def life(m: MachineView, given: Enroll, began: datetime) -> list[Event]:
    """What the journal holds of a machine that came into service without trouble, a word a minute."""
    serial, generation = m.serial, given.generation
    name = SecretName(given.hostname, "pki", "client", "certificate")
    mint = MintSecrets(serial=serial, generation=generation, secrets=(name,))
    steps: tuple[Action | tuple[Phase, str], ...] = (
        given,
        (Phase.ENROLLED, f"it is {given.hostname} now"),
        mint,
        BootLive(serial=serial, generation=generation),
        _install(m, given),
        (Phase.INSTALLED, "its install has ended well"),
        BootDisk(serial=serial, generation=generation),
        (Phase.IN_SERVICE, "Puppet has succeeded"),
    )
    found: list[Event] = []
    for step in steps:
        at = began + timedelta(minutes=len(found))
        if isinstance(step, tuple):
            found.append(Advanced(serial, at, *step))
        else:
            found += Started(serial, at, step), Succeeded(serial, at + timedelta(minutes=1), step)
    return found


def _install(m: MachineView, given: Enroll) -> InstallOs:
    assert m.disks is not None
    address = ip_interface(f"{next(iter(given.addresses.values()))}/23")
    bond = NodeInterface(
        network="mgmt", kind="bond", nics=("eno3", "eno4"), address=str(address), gateway=str(address.network[1])
    )
    return InstallOs(
        serial=m.serial,
        generation=given.generation,
        hostname=given.hostname,
        role=given.role,
        cluster=given.cluster,
        release="trixie",
        interfaces=(bond,),
        system_disks=m.disks.system_disks,
        raid=m.disks.raid,
        data_disks=m.disks.data_disks,
        identity=m.disks.identity,
    )


def _seen(box: Box, at: datetime) -> Seen:
    hardware = parse_report(box.report)
    return Seen(hardware, digest(hardware), at, box.address)


def _settled(m: MachineView, began: datetime) -> Seen:
    """Its last report came before the install; then it said that Puppet had succeeded."""
    assert m.seen is not None
    said = began + timedelta(minutes=30)
    return replace(
        m.seen,
        reported_at=began,
        status=InstallStatus.PUPPET_SUCCESS,
        status_at=said,
        power=Power.ON,
        power_at=said,
    )
