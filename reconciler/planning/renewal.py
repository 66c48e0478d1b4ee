"""Certificates that end soon, and the machines that bring their successors along."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from ..model.actions import EndingCertificate, RenewCertificates
from ..model.history import Phase
from ..model.machine import Certificate, MachineView
from ..model.plan import Act, PlanningInput, Settled, Step, Wait
from ..model.reasons import Reason

FLEET = "fleet"
_AUTHORITIES = ("root_ca", "oci_ca")
"""In the order in which they are renewed; what they sign ends no later than they do, and so comes after."""


def renewals(given: PlanningInput, machines: Mapping[str, MachineView], steps: Mapping[str, Step]) -> dict[str, Step]:
    """Steps in place of those of machines that have nothing to do: who renews its own, its cluster's, the fleet's."""
    due = _due(given)
    if not due:
        return {}
    policy = given.spec.fleet.policy
    carried = _carried(due, given, machines, steps)
    free = policy.max_renewals - sum(isinstance(m.history.open_action, RenewCertificates) for m in machines.values())
    found: dict[str, Step] = {}
    for serial in sorted(carried, key=lambda serial: (carried[serial][0].expires_at, serial)):
        m, mine = machines[serial], carried[serial]
        if by_hand := [c for c in mine if _file(c, given)]:
            found[serial] = _bring_another(m, by_hand[0], given)
        elif free > 0:
            free -= 1
            found[serial] = _renew(m, mine)
        elif isinstance(steps[serial], Settled):
            on = f"a free slot: max_renewals lets {policy.max_renewals} have their certificates renewed at a time"
            found[serial] = _waiting(m, Reason.BUDGET_SPENT, on)
    return found


def _due(given: PlanningInput) -> list[Certificate]:
    """The certificates to be renewed now: an authority alone, and all else when no authority is due."""
    observed = given.observed
    until = observed.now + given.spec.fleet.policy.renew_before
    due = [one for one in observed.certificates if one.expires_at <= until]
    for kind in _AUTHORITIES:
        if first := [one for one in due if (one.ref.owner, one.ref.kind) == (FLEET, kind)]:
            return first
    return due


def _carried(
    due: list[Certificate], given: PlanningInput, machines: Mapping[str, MachineView], steps: Mapping[str, Step]
) -> dict[str, list[Certificate]]:
    """By serial: the node itself, or the first of the cluster or fleet that is free for it. What nobody has waits."""
    by_owner: dict[str, str] = {}
    for serial, m in machines.items():
        if m.allocation is not None and m.history.phase is Phase.IN_SERVICE and _is_free(m, steps[serial]):
            by_owner[m.allocation.hostname] = serial
            by_owner.setdefault(m.allocation.cluster, serial)
            by_owner.setdefault(FLEET, serial)
    found: dict[str, list[Certificate]] = defaultdict(list)
    for one in due:
        if (carrier := by_owner.get(one.ref.owner)) is not None:
            found[carrier].append(one)
    return found


def _is_free(m: MachineView, step: Step) -> bool:
    """Whether its step may give way: it is bookkeeping, and harms no machine that waits for something else."""
    return isinstance(step, Settled | Wait) and m.history.open_action is None and m.conflict is None


def _file(one: Certificate, given: PlanningInput) -> str | None:
    """The file that an API's certificate comes from."""
    cluster = given.spec.clusters.get(one.ref.owner)
    path = cluster.api.certificate if cluster and one.ref.kind == "api" else "self-signed"
    return None if path == "self-signed" else path


def _bring_another(m: MachineView, one: Certificate, given: PlanningInput) -> Wait:
    on = f"an operator: the certificate {one.ref} {_ends(one.expires_at)}; put a newer one into {_file(one, given)}"
    return _waiting(m, Reason.CERTIFICATE_FROM_OUTSIDE, on)


def _renew(m: MachineView, mine: list[Certificate]) -> Act:
    assert m.allocation is not None
    named = tuple(EndingCertificate(c.ref.owner, c.ref.service, c.ref.kind, c.expires_at.isoformat()) for c in mine)
    renew = RenewCertificates(serial=m.serial, generation=m.allocation.generation, certificates=named)
    what = "its certificate" if len(mine) == 1 else f"of {len(mine)} certificates the first"
    allocation = m.allocation
    because = f"{what} {_ends(mine[0].expires_at)}"
    return Act(renew, Reason.CERTIFICATE_ENDS, because, allocation.hostname, allocation.cluster, allocation.role)


def _ends(at: datetime) -> str:
    return f"ends on {at:%Y-%m-%d}"


def _waiting(m: MachineView, reason: Reason, on: str) -> Wait:
    if (place := m.allocation) is None:
        return Wait(m.serial, reason, on)
    return Wait(m.serial, reason, on, place.hostname, place.cluster, place.role)
