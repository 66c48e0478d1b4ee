"""Clusters as one row for each of their roles."""

from collections import Counter
from collections.abc import Iterable, Mapping

from ..model.history import Phase
from ..model.kinds import ClusterSpec
from ..model.machine import Observation
from ..model.plan import Shortfall
from .rows import ClusterRow


def cluster_rows(
    clusters: Mapping[str, ClusterSpec], observation: Observation, shortfalls: Iterable[Shortfall]
) -> tuple[ClusterRow, ...]:
    """One row per cluster and role, by name. Roles that git forgot, and machines still have, are shown too."""
    enrolled: Counter[tuple[str, str]] = Counter()
    serving: Counter[tuple[str, str]] = Counter()
    behind: Counter[tuple[str, str]] = Counter()
    for view in observation.machines:
        if view.allocation is not None:
            key = (view.allocation.cluster, view.allocation.role)
            serves = view.history.phase is Phase.IN_SERVICE
            enrolled[key] += 1
            serving[key] += serves
            behind[key] += serves and view.behind
    asked = {(name, role): pool.count for name, spec in clusters.items() for role, pool in spec.roles.items()}
    lacks = {(lack.cluster, lack.role): lack for lack in shortfalls}
    return tuple(
        ClusterRow(
            cluster=cluster,
            role=role,
            wanted=asked.get((cluster, role), 0),
            enrolled=enrolled[cluster, role],
            in_service=serving[cluster, role],
            behind=behind[cluster, role],
            lacking=lack.wanted - lack.placed if (lack := lacks.get((cluster, role))) else 0,
            reason=lack.reason if lack else None,
            because=lack.because if lack else None,
            vips={vip.usage: vip.address for vip in observation.vips if vip.cluster == cluster},
        )
        for cluster, role in sorted(asked.keys() | enrolled.keys() | lacks.keys())
    )


def vips_text(rows: Iterable[ClusterRow]) -> str:
    """The clusters' virtual addresses, a line each. Empty where there are none."""
    found = {(row.cluster, usage): address for row in rows for usage, address in sorted(row.vips.items())}
    lines = [f"\n{cluster}: {address} is its {usage} address" for (cluster, usage), address in found.items()]
    return "".join([*lines, "\n"]) if lines else ""
