"""The context of a rule: the tree, the time, the words of humans, and what is known of a machine right now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..model.gates import Gates
from ..model.kinds import MachineSpec
from ..model.machine import OURS, Allocation, Approval, InstallStatus, MachineView
from ..model.plan import Timings
from ..model.tree import SpecTree
from .addressing import is_ceph_compute, networks_for
from .bmc_addresses import BmcBook
from .candidates import UNPINNED
from .gates import BringUp
from .shared_disks import SharedDisks

FROM_DISK = OURS - {InstallStatus.INSTALLED}
"""What only the system that we installed says. Anybody can: it is a hint to look, and proves nothing."""

PROOF_LASTS = 10
"""Report periods after which that a machine runs the live system is to be seen anew."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every rule may look at besides the machine."""

    spec: SpecTree
    now: datetime
    timings: Timings
    approvals: Mapping[tuple[str, str, int], tuple[Approval, ...]]  # serial, what it allows, generation; oldest first
    listening_since: datetime | None = None  # since when machines can be heard
    bmcs: BmcBook | None = None  # None: the fleet does not manage BMCs
    gates: Mapping[str, Gates] = field(default_factory=dict)  # by serial
    shut: Mapping[str, Gates] = field(default_factory=dict)  # those of them that are closed, of machines that have any
    bring_up: BringUp | None = None  # None: no order is kept
    acted: float | None = None  # seconds that daemons have acted so far
    shared: SharedDisks = field(default_factory=lambda: SharedDisks(()))
    defined_hooks: tuple[str, ...] | None = None  # by the daemon's configuration; None: not known
    _networks: dict[tuple[str, str, str | None, bool], list[str]] = field(default_factory=dict)

    def pin(self, m: MachineView) -> MachineSpec:
        """What the operator says of this machine."""
        return self.spec.machines.get(m.serial, UNPINNED)

    def approvals_of(self, m: MachineView, what: str) -> tuple[Approval, ...]:
        """Humans' words for this on the machine as it is now. Once they were used, the store has them no more."""
        return self.approvals.get((m.serial, what, m.allocation.generation), ()) if m.allocation else ()

    def approvers(self, what: str) -> int:
        """How many have to approve this."""
        return self.spec.fleet.policy.approvals.needed(what)

    def networks(self, m: MachineView, allocation: Allocation) -> list[str]:
        """Networks that the machine would get an address on today; its cluster is in the tree."""
        ceph = is_ceph_compute(self.spec, allocation.cluster, allocation.role, allocation.profile, m.serial)
        kind = (allocation.cluster, allocation.role, allocation.location, ceph)
        if kind not in self._networks:
            cluster = self.spec.clusters[allocation.cluster]
            self._networks[kind] = networks_for(cluster, allocation.role, allocation.location, with_ceph=ceph)
        return self._networks[kind]


def later(moment: datetime | None, than: datetime | None) -> bool:
    """Whether something happened after ``than``, or happened at all where that never did."""
    return moment is not None and (than is None or moment > than)


def said_after(m: MachineView, since: datetime | None) -> InstallStatus | None:
    """The machine's own word, unless it is older than ``since``."""
    return m.seen.status if m.seen and later(m.seen.status_at, since) else None


def install_evidence(m: MachineView, allocation: Allocation) -> str | None:
    """How we know that our install of this generation is on its disk."""
    h, install, proof = m.history, m.history.install, m.history.looks.proof
    if install.begun is None or install.generation != allocation.generation:
        return None
    if h.last_done == "install_os" and later(h.last_done_at, install.begun):
        return "its install has ended well"
    if proof is not None and proof.install is not None and proof.install == install.id:
        return f"the system that it installed answers at {proof.address}"
    return None


def install_hint(m: MachineView, allocation: Allocation) -> InstallStatus | None:
    """What it says that only an installed system does, after our install of this generation began."""
    install = m.history.install
    if install.begun is None or install.generation != allocation.generation or install.id is None:
        return None
    said = said_after(m, install.begun)
    return said if said in FROM_DISK else None


def next_look(m: MachineView, ctx: Context) -> datetime:
    """From when on it is worth looking what the machine runs; looks that found nothing come less and less often."""
    looks = m.history.looks
    return looks.at + back_off(looks.count, ctx.timings) if looks.at else ctx.now


def install_unseen(m: MachineView, allocation: Allocation) -> bool:
    """Whether its install was interrupted, so that only the machine knows how it ended: in its live system's memory.

    It is asked before it is rebooted, however long it was not heard: we may have been the one who did not listen.
    """
    h = m.history
    if h.last_begun != "install_os" or h.install.generation != allocation.generation or h.failures.count:
        return False
    return h.last_done != "install_os" or later(h.install.begun, h.last_done_at)


def speaks_for_itself(m: MachineView) -> bool:
    """Whether its last report returned the nonce of the boot that is its present one."""
    return m.seen is not None and m.seen.boot is not None and m.seen.boot == m.history.witnesses.boots


def is_of_a_boot_before(m: MachineView) -> bool:
    """Whether its last report returned the nonce of a boot after which it was booted anew."""
    return m.seen is not None and m.seen.boot is not None and m.seen.boot != m.history.witnesses.boots


def in_live(m: MachineView, ctx: Context) -> bool:
    """Whether it reports from the live system now, by the nonce of its present boot or a hint."""
    return _is_said_to_be_live(m, ctx) and not is_of_a_boot_before(m)


def _is_said_to_be_live(m: MachineView, ctx: Context) -> bool:
    """Whether somebody reports it from the live system now: an agent anywhere else says where it runs."""
    if m.seen is None or m.seen.hardware.from_installed or not later(m.seen.reported_at, m.history.touched):
        return False
    if m.seen.status in OURS and later(m.seen.status_at, m.seen.reported_at) and not m.history.looks.count:
        return False  # it has left; a look that found nothing there makes that a word like any other
    return ctx.now - m.seen.reported_at <= 4 * ctx.timings.report_every


def reported_from_live(m: MachineView, ctx: Context) -> bool:
    """Whether a machine that should run from its disk reports from the live system, and sent that after it was touched.

    Anybody can send a report. It is a reason to ask the machine itself, and to do nothing else. One of a boot before is
    as good: where the daemon died before it booted the machine anew, that has no other nonce.
    """
    touched = m.history.touched
    return _is_said_to_be_live(m, ctx) and (touched is None or ctx.timings.report_every < _reported(m) - touched)


def fell_into_live(m: MachineView, ctx: Context) -> bool:
    """Whether a machine that should run from its disk proved, a short while ago, that it runs the live system."""
    proof = m.history.looks.proof
    if proof is None or proof.runs != "live" or not later(proof.at, m.history.touched):
        return False
    return reported_from_live(m, ctx) and ctx.now - proof.at <= PROOF_LASTS * ctx.timings.report_every


def is_unanswered(m: MachineView) -> bool:
    """Whether it was booted to run from its disk, since it last came into service, and did not prove that it does."""
    h = m.history
    booted = h.last_begun in ("boot_disk", "power_on") and later(h.touched, h.service.since)
    return booted and (h.looks.proof is None or h.looks.proof.runs != "installed")


def comes_up(m: MachineView, ctx: Context) -> bool:
    """Whether it was booted to run from its disk so recently that it may still be on its way."""
    touched = m.history.touched
    return is_unanswered(m) and touched is not None and ctx.now < touched + ctx.timings.first_boot


def _reported(m: MachineView) -> datetime:
    assert m.seen is not None
    return m.seen.reported_at


def back_off(failures: int, timings: Timings) -> timedelta:
    """Time to leave a machine alone: none, then the first period, doubling up to the cap."""
    return min(timings.back_off * 2 ** min(failures - 1, 20), timings.back_off_cap) if failures else timedelta()
