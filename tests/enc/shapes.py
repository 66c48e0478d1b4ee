"""Clusters of any shape, small enough to read: so many nodes of each role, and what their classes are given."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.enc.compile import Compiled, compile_node
from reconciler.enc.view import ClusterInput, Member, views

from .build import cluster_input, member, tree_of

SPECS = (Path(__file__).parent / "compute.yaml").read_text()
START = datetime(2026, 1, 1, tzinfo=UTC)


def cluster(
    roles: Mapping[str, int],
    settings: str = "",
    *,
    networks: str = "",
    machines: str = "",
    served: tuple[str, ...] = (),
    addresses: Mapping[str, str] | None = None,
    version: str = "43.0.45",
) -> ClusterInput:
    """``z`` with so many nodes of each role. ``served``: roles whose nodes have been in service."""
    text = SPECS.replace("settings: {", f"settings: {{{settings}, " if settings else "settings: {")
    text = text.replace("    vm: {", f"{networks}    vm: {{")
    members: list[Member] = []
    for role, count in roles.items():
        for number in range(1, count + 1):
            address = f"10.0.1.{len(members) + 2}"
            one = member("z", role, number, address, "mgmt", "zone-1", addresses=addresses or {})
            members.append(in_service(one) if role in served else one)
    return cluster_input(tree_of(text + machines), "z", members, version, api="203.0.113.2")


def in_service(one: Member, after: timedelta = timedelta(0)) -> Member:
    return replace(one, in_service=True, begun_at=START + after, served_at=START + after + timedelta(hours=1))


def machine(role: str, number: int, settings: str) -> str:
    return f"""---
apiVersion: reconciler/v1
kind: Machine
metadata: {{name: Z-{role.upper()}-{number}}}
spec: {{settings: {{{settings}}}}}
"""


def compiled(given: ClusterInput, role: str = "compute", number: int = 1) -> Compiled:
    return compile_node(views(given)[f"z-{role}-{number}.example.com"])


def own_class(given: ClusterInput, role: str, number: int = 1) -> str:
    common = ("oci::generic", "oci::filebeat")
    return next(name for name in compiled(given, role, number).classes if name not in common)


def values(given: ClusterInput, role: str = "compute", number: int = 1) -> dict[str, Any]:
    rows = compiled(given, role, number).classes[own_class(given, role, number)]
    return {name: row.value for name, row in rows.items()}
