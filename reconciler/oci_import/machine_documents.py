"""Machine documents: what a machine has that the rules would not give it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..hardware.racking import rack
from ..model.hardware import Racked
from ..model.kinds import RackingSpec
from .database import Row
from .levels import Levels
from .machines import OciCluster, OciMachine
from .overlays.ceph_first_stage import taken_note
from .overlays.node import natural
from .yaml_documents import Noted, SpecDocument

_FIRST = {
    "controller": "first_master_machine_id",
    "sql": "first_sql_machine_id",
    "sqlmsg": "first_sqlmsg_machine_id",
    "messaging": "first_rabbit_machine_id",
}
"""The column of ``clusters`` that says which node of a role comes first."""

COROSYNC = "Corosync knows it by its number in OCI's database. Drop corosync_node_id when it is installed anew."
COMES_FIRST = "OCI says so. Drop this to have the node with the lowest number first, when the cluster is healthy."


def exceptions(
    cluster: OciCluster,
    document: SpecDocument,
    levels: Levels,
    rackings: Mapping[str, RackingSpec],
    taken: Iterable[OciMachine],
) -> list[SpecDocument]:
    """A document for each machine that differs from what the rules would make of it.

    Args:
        cluster: OCI's cluster.
        document: The cluster's own.
        levels: The settings.
        rackings: Where switches stand.
        taken: Computes that OCI makes OSD nodes of, unasked.
    """
    first = {machine.serial for machine in _first_by_word(cluster.row, cluster.machines)}
    osds = {machine.serial for machine in taken}
    found = []
    for machine in cluster.machines:
        spec: dict[str, Any] = {}
        stands = rack(machine.hardware, rackings) if machine.hardware else None
        if machine.location and not (isinstance(stands, Racked) and stands.location == machine.location):
            spec["location"] = machine.location
        number = number_of(machine, document)
        if number == 0:
            spec["hostname"] = machine.hostname
        settings = levels.marked(levels.machines.get(machine.serial, {}))
        if machine.role in _FIRST and number != machine.row["id"]:
            settings["corosync_node_id"] = int(machine.row["id"])
        if machine.serial in first:
            settings["comes_first"] = Noted(True, COMES_FIRST)
        if machine.serial in osds:
            settings["compute_is_cephosd"] = Noted(True, taken_note(machine.hostname))
        if settings:
            spec["settings"] = settings
        if spec:
            found.append(SpecDocument("Machine", machine.serial, spec, _comment(machine, settings)))
    return found


def _comment(machine: OciMachine, settings: Mapping[str, Any]) -> str:
    note = " ".join(str(machine.row.get("notes") or "").split())
    about = [f"{machine.hostname}: {note}" if note else machine.hostname]
    return "\n".join([*about, COROSYNC] if "corosync_node_id" in settings else about)


def number_of(machine: OciMachine, document: SpecDocument) -> int:
    """The n of ``<cluster>-<role>-<n>``; 0 for any other name."""
    start, end = f"{document.name}-{machine.role}-", f".{document.spec['domain']}"
    middle = machine.hostname.removeprefix(start).removesuffix(end)
    return int(middle) if machine.hostname == f"{start}{middle}{end}" and middle.isdigit() else 0


def _first_by_word(cluster: Row, machines: Sequence[OciMachine]) -> Iterator[OciMachine]:
    """Nodes that come first in OCI, where another one has the lowest number."""
    for role, column in _FIRST.items():
        nodes = sorted((m for m in machines if m.role == role), key=lambda m: natural(m.hostname))
        said = next((m for m in nodes if m.row["id"] == cluster.get(column)), None)
        if said is not None and said is not nodes[0]:
            yield said
