"""Machines that may be given a place, and for each other one what it is waiting for."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..model.hardware import Match, Nic
from ..model.kinds import Lifecycle, MachineSpec, RackingSpec
from ..model.machine import OURS, MachineView, Seen
from ..model.plan import Settled, Wait
from ..model.reasons import Reason
from ..model.tree import SpecTree

UNPINNED = MachineSpec(settings={})
"""What holds for a machine that no document names."""


_INSTALLED = (
    "an operator: it says that an installed system runs on it, and it holds no place here. "
    '"reconciler adopt" takes it into service as it is; to install it anew, boot it into the live system'
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A machine without a place that may take one."""

    serial: str
    role: str
    profile: str
    location: str | None
    rack: str | None
    cluster: str | None  # where the operator pins it; None: wherever its role is wanted
    replaces: str | None


def candidate(m: MachineView, spec: SpecTree) -> Candidate | Wait | Settled:
    """The machine as a candidate for a place, or why it is none."""
    pin = spec.machines.get(m.serial, UNPINNED)
    if m.conflict:
        return Wait(m.serial, Reason.CONFLICT, f"an operator, then retry: {m.conflict}")
    if pin.lifecycle is Lifecycle.DECOMMISSIONED:
        return Settled(m.serial, Reason.DECOMMISSIONED, "decommissioned, and holds nothing")
    if pin.lifecycle is Lifecycle.MAINTENANCE:
        return Wait(m.serial, Reason.MAINTENANCE, "the end of its maintenance")
    if pin.protected:
        return Wait(m.serial, Reason.PROTECTED, "its protection to be lifted: a protected machine is given no place")
    if m.seen is None:
        return Wait(m.serial, Reason.NEVER_SEEN, "its first report: nobody has seen it yet")
    if says_installed(m):
        return Wait(m.serial, Reason.RUNS_UNKNOWN_SYSTEM, _INSTALLED)
    profile = pin.profile or _only_profile(m.match, pin.role, spec)
    if profile is None or profile not in spec.profiles:
        return Wait(m.serial, Reason.NO_PROFILE, _no_profile(m.match, profile))
    return Candidate(
        serial=m.serial,
        role=pin.role or spec.profiles[profile].role,
        profile=profile,
        location=pin.location or (m.racked.location if m.racked else None),
        rack=rack(m),
        cluster=pin.cluster,
        replaces=pin.replaces,
    )


def says_installed(m: MachineView) -> bool:
    """Whether the machine's last word is that of an installed system."""
    if m.seen is None:
        return False
    spoke = m.seen.status_at is not None and m.seen.status_at > m.seen.reported_at
    return m.seen.hardware.from_installed or (m.seen.status in OURS and spoke)


def rack(m: MachineView) -> str | None:
    """The rack it stands in, in a form that can be compared."""
    return "/".join((m.racked.dc, m.racked.row, m.racked.rack)) if m.racked else None


def _only_profile(match: Match, pinned_role: str | None, spec: SpecTree) -> str | None:
    """The one profile that fits; where several do, a pinned role may tell them apart."""
    if pinned_role is None or match.profile:
        return match.profile
    of_role = [name for name in match.profiles if name in spec.profiles and spec.profiles[name].role == pinned_role]
    return of_role[0] if len(of_role) == 1 else None


def _no_profile(match: Match, pinned: str | None) -> str:
    if pinned is not None:
        return f"hardware profile {pinned}: the specs have no such profile"
    if match.profiles:
        ties = ", ".join(sorted(match.profiles))
        return f"one hardware profile: {ties} all match (give one a priority, or pin it to a profile)"
    if not match.refused:
        return "a hardware profile: the specs have none"
    refusals = "; ".join(f"{name}: {why}" for name, why in sorted(match.refused.items()))
    return f"a hardware profile that matches: {refusals}"


def unplaced_because(m: MachineView, rackings: Mapping[str, RackingSpec]) -> str:
    """What an operator must know to say where the machine stands."""
    if m.racked is not None:
        return f"a location: switch {m.racked.switch} has none in the racking"
    heard = sorted({_neighbour(nic) for nic in m.seen.hardware.nics if nic.switch}) if m.seen else []
    if not heard:
        return "a location: no switch was heard over LLDP (or pin it to a location)"
    if m.seen and (knows := sorted(name for name, racking in rackings.items() if _knows_its_switch(racking, m.seen))):
        product = m.seen.hardware.product
        return f"a location: racking {knows[0]} gives no height for its product, {product} (or pin it to a location)"
    return f"a location: no racking has a switch that it sees: {', '.join(heard)}"


def _knows_its_switch(racking: RackingSpec, seen: Seen) -> bool:
    return any(nic.switch and racking.place_of(nic.switch) for nic in seen.hardware.nics)


def _neighbour(nic: Nic) -> str:
    return f"{nic.switch} port {nic.port}" if nic.port else f"{nic.switch}"
