"""Small fleets for the planner's tests: specs in a few words, machines in one line."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.model.contents import Contents
from reconciler.model.disk_id import DiskId
from reconciler.model.gates import GATES, GateName, Reading, Readings
from reconciler.model.hardware import Disk, Hardware, Match, Nic, Racked
from reconciler.model.history import History, Phase
from reconciler.model.kinds import KINDS, BmcNetwork
from reconciler.model.machine import (
    Allocation,
    Approval,
    DiskChoice,
    InstallStatus,
    MachineView,
    Observation,
    Seen,
    Vip,
)
from reconciler.model.plan import Act, Advance, Plan, PlanningInput, Step, Timings, Wait
from reconciler.model.roles import gates_of
from reconciler.model.tree import SpecTree
from reconciler.planning.planner import plan
from reconciler.specs.settings_table import load_table

from ..histories import history_with
from .promises import broken_promises

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday
MINUTE = timedelta(minutes=1)
USUAL = Timings()

ZONES = ("z1", "z2", "z3")


VIPS = (Vip("cl1", "cl1-public", "api", "203.0.1.2"),)


def net(subnet: str, **more: Any) -> dict[str, Any]:
    return {"subnet": subnet, **({} if more.get("public") else {"interfaces": ["eno1"]}), **more}


def zone_networks(name: str = "cl1", site: int = 1) -> dict[str, Any]:
    """A management network per zone, and a public one."""
    found = {f"{name}-{zone}": net(f"10.{site}.{n}.0/24", location=zone) for n, zone in enumerate(ZONES, 1)}
    return {**found, f"{name}-public": net(f"203.0.{site}.0/28", public=True)}


def cluster(
    name: str = "cl1", site: int = 1, networks: Mapping[str, Any] | None = None, **roles: Any
) -> dict[str, Any]:
    nets = zone_networks(name, site) if networks is None else networks
    return {"domain": "example.com", "networks": nets, "roles": roles}


def tree(
    clusters: Mapping[str, Any] | None = None,
    machines: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    profiles: Iterable[str] = ("controller", "compute", "swiftstore", "network", "cephosd"),
) -> SpecTree:
    """A tree with three zones of two racks, and a hardware profile named after each role."""
    fleet = {
        "provisioning": {"address": "192.0.2.2", "trusted_networks": ["192.0.2.0/24"]},
        "policy": {"max_destructive": 1000, **(policy or {})},
    }
    switches = {
        f"sw-{zone}-{rack}": {"dc": "1", "row": "a", "rack": f"{zone}{rack}", "location": zone}
        for zone in ZONES
        for rack in (1, 2)
    }
    return SpecTree(
        fleet=KINDS["Fleet"].model_validate(fleet),
        locations={zone: KINDS["Location"].model_validate({}) for zone in ZONES},
        rackings={"all": KINDS["Racking"].model_validate({"switches": switches})},
        profiles={role: KINDS["HardwareProfile"].model_validate({"role": role}) for role in profiles},
        clusters={n: KINDS["Cluster"].model_validate(c) for n, c in (clusters or {}).items()},
        machines={n: KINDS["Machine"].model_validate(m) for n, m in (machines or {}).items()},
        settings_table=load_table(),
    )


def with_bmcs(spec: SpecTree) -> SpecTree:
    """The tree of a fleet whose BMCs have a network of their own, with that of every machine here."""
    network = {"name": "ipmi", "subnet": "192.0.2.128/25", "for_machines_in": "192.0.2.0/25"}
    settings = spec.fleet.bmc.model_copy(update={"networks": (BmcNetwork.model_validate(network),)})
    return replace(spec, fleet=spec.fleet.model_copy(update={"bmc": settings}))


def with_stores(spec: SpecTree) -> SpecTree:
    """The tree, whose profile of stores has disks for data, and that of proxies has none."""
    two = {"disks": [{"size": {"max": "300GB"}}, {"size": {"min": "1TB"}}]}
    stores = KINDS["HardwareProfile"].model_validate({"role": "swiftstore", **two})
    proxies = KINDS["HardwareProfile"].model_validate({"role": "swiftproxy"})
    return replace(spec, profiles={**spec.profiles, "swiftstore": stores, "swiftproxy": proxies})


def with_data_disks(m: MachineView, count: int, size: int = 10**12) -> MachineView:
    """The machine with so many disks for data: sdb, sdc, ..."""
    assert m.seen is not None and m.disks is not None
    names = [f"sd{chr(98 + number)}" for number in range(count)]
    data = tuple(Disk(name, name, size, "HDD", f"{m.serial}{name}", "5000") for name in names)
    hardware = replace(m.seen.hardware, disks=(*m.seen.hardware.disks, *data))
    ids = (*m.disks.identity, *(DiskId(d.device, (d.model, d.serial, d.wwn), d.size) for d in data))
    choice = DiskChoice(m.disks.system_disks, data_disks=tuple(names), identity=ids)
    return replace(m, seen=replace(m.seen, hardware=hardware), disks=choice)


def hardware(serial: str, contents: str = "", bmc: str | None = None, zone: str | None = "z1") -> Hardware:
    return Hardware(
        serial=serial,
        manufacturer="Dell Inc.",
        product="PowerEdge R640",
        memory=64 * 2**30,
        disks=(Disk("sda", "sda", 240_000_000_000, "INTEL", f"D{serial}", contents=Contents.parse(contents)),),
        nics=(Nic("eno1", "02:00:00:00:00:01", 10_000, f"sw-{zone}-1" if zone else None, "swp1"),),
        bmc_address=bmc,
    )


def machine(
    serial: str,
    role: str | None = "controller",
    zone: str | None = "z1",
    rack: int = 1,
    *,
    now: datetime = NOW,
    contents: str = "",
    bmc: str | None = "192.0.2.200",
    **more: Any,
) -> MachineView:
    """A blank machine in the live system, whose hardware is made for ``role``; its agent returns the boot's nonce."""
    heard = now - timedelta(seconds=10)
    return MachineView(
        serial=serial,
        seen=Seen(hardware(serial, contents, bmc, zone), "digest", heard, "192.0.2.50", boot=0, witnessed_at=heard),
        match=Match((role,)) if role else Match((), {"compute": "memory 64GiB is under 256GiB"}),
        racked=Racked("1", "a", f"{zone}{rack}", 1, 1, zone, None, f"sw-{zone}-{rack}", "swp1") if zone else None,
        disks=DiskChoice(("sda",), identity=(DiskId.parse(f"sda INTEL D{serial} 240000000000"),)),
        **more,
    )


def holding(m: MachineView, number: int = 1, cluster: str = "cl1", zone: str | None = None, **more: Any) -> MachineView:
    """The same, with the place that the planner would have given it."""
    role = m.match.profiles[0]
    at = zone or (m.racked.location if m.racked else None)
    held = Allocation(
        cluster=cluster,
        role=role,
        profile=role,
        location=at,
        hostname=f"{cluster}-{role}-{number}.example.com",
        number=number,
        addresses={f"{cluster}-{at}": f"10.1.{at[1:] if at else 0}.{number + 1}"},
    )
    return replace(m, allocation=replace(held, **more))


def in_phase(m: MachineView, phase: Phase, **facts: Any) -> MachineView:
    """A machine that holds a place and has come so far, an hour ago, with facts of its history (``history_with``)."""
    then = NOW - timedelta(hours=1)
    usual: dict[str, Any] = {}
    if phase in (Phase.INSTALLED, Phase.IN_SERVICE):
        usual |= {"install_begun": then, "install_generation": 1, "last_done": "install_os", "last_begun": "install_os"}
        usual |= {"install_id": "i1"}
        usual |= {"last_done_at": then + 5 * MINUTE, "touched": then + 5 * MINUTE}
    if phase is Phase.IN_SERVICE:
        usual |= {"in_service_since": then + 20 * MINUTE}
    return replace(m, history=history_with(History(phase), **(usual | facts)))


def with_history(m: MachineView, **facts: Any) -> MachineView:
    """The machine with some facts of its history changed (``history_with``)."""
    return replace(m, history=history_with(m.history, **facts))


def saying(
    m: MachineView, status: InstallStatus, at: datetime = NOW - MINUTE, reported: datetime | None = None
) -> MachineView:
    """The machine said this last; by default it has not reported from the live system for two hours."""
    assert m.seen is not None
    heard = reported or NOW - timedelta(hours=2)
    seen = replace(m.seen, status=status, status_at=at, reported_at=heard)
    return replace(m, seen=replace(seen, witnessed_at=heard if seen.witnessed_at else None))


def hinted(m: MachineView, *, since: datetime | None = None) -> MachineView:
    """The machine, whose last report returned no nonce; ``since`` when one last did."""
    assert m.seen is not None
    return replace(m, seen=replace(m.seen, boot=None, witnessed_at=since))


def disks(*texts: str) -> tuple[DiskId, ...]:
    return tuple(map(DiskId.parse, texts))


def silent(m: MachineView, since: datetime = NOW - timedelta(hours=2)) -> MachineView:
    assert m.seen is not None
    witnessed = since if m.seen.witnessed_at else None
    return replace(m, seen=replace(m.seen, reported_at=since, witnessed_at=witnessed))


def serving(serial: str, number: int, role: str = "controller", **seen: Any) -> MachineView:
    """A machine in service, from which nobody hears."""
    m = silent(holding(in_phase(machine(serial, role), Phase.IN_SERVICE), number))
    return replace(m, seen=replace(m.seen, **seen))


def readings(role: str, at: datetime = NOW - MINUTE, classes: tuple[str, ...] = (), **values: str) -> Readings:
    """All gates of a role hold, but for those whose values are given, by name (``galera_size``)."""
    usual = {name: str(GATES[name].opens_at or 99) for name in gates_of(role, classes)}
    given_here = {GateName(name.replace("_", "-")): value for name, value in values.items()}
    return Readings(at, tuple(Reading(name, value, at) for name, value in {**usual, **given_here}.items()), classes)


def looked_at(m: MachineView, at: datetime = NOW - MINUTE, classes: tuple[str, ...] = (), **values: str) -> MachineView:
    """The machine, whose services are ready but for what is said here (``readings``)."""
    assert m.allocation is not None
    return replace(m, readings=readings(m.allocation.role, at, classes, **values))


AS_SHOWN = "what is shown"
"""Stands for what a machine waits for, which the planner says."""


def approval(
    serial: str,
    action: str = "install_os",
    generation: int = 1,
    at: datetime = NOW - MINUTE,
    covers: str | None = AS_SHOWN,
) -> Approval:
    return Approval(serial, action, generation, "alice", "as agreed", at, covers)


def given(spec: SpecTree, machines: Iterable[MachineView], timings: Timings = USUAL, **more: Any) -> PlanningInput:
    observed = Observation(more.pop("now", NOW), tuple(machines), **more)
    return PlanningInput("c0ffee1", spec, _as_shown(spec, observed, timings), timings)


def _as_shown(spec: SpecTree, observed: Observation, timings: Timings) -> Observation:
    """The observation with approvals of what each machine waits for without them."""
    if all(word.covers != AS_SHOWN for word in observed.approvals):
        return observed
    asked = {s.serial: s for s in plan(PlanningInput(None, spec, replace(observed, approvals=()), timings)).steps}

    def shown(word: Approval) -> Approval:
        step = asked.get(word.serial)
        waits = word.covers == AS_SHOWN and isinstance(step, Wait) and step.needs_approval == word.action
        return replace(word, covers=step.covers, statement=step.asks.statement) if waits and step.asks else word

    return replace(observed, approvals=tuple(map(shown, observed.approvals)))


def planned(spec: SpecTree, machines: Iterable[MachineView], **more: Any) -> Plan:
    """The plan, with the promises that hold for any plan checked."""
    what = given(spec, machines, **more)
    todo = plan(what)
    assert broken_promises(todo, what) == []
    return todo


def steps(spec: SpecTree, machines: Iterable[MachineView], **more: Any) -> dict[str, Step]:
    return {step.serial: step for step in planned(spec, machines, **more).steps}


def one(spec: SpecTree, m: MachineView, **more: Any) -> Step:
    return steps(spec, [m], **more)[m.serial]


def kind(step: Step) -> str:
    """``install_os``, ``-> enrolled``, ``wait`` ...: what a table of expectations says."""
    match step:
        case Act(action=action):
            return action.type
        case Advance(to=to):
            return f"-> {to}"
    return type(step).__name__.lower()


def kinds(found: Mapping[str, Step]) -> dict[str, str]:
    return {serial: kind(step) for serial, step in found.items()}
