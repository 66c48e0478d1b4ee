"""Mistakes of OCI that running nodes have: pinned in overlays that say when to drop them, so that nothing changes.

The values that we would give are the right ones. Each overlay can go by itself, at a time of the operators' choosing.
"""

import re
from collections.abc import Iterator, Sequence

from ...hardware.choice import DisksInUse, disks_in_use
from ..database import Row, Tables
from ..machines import OciMachine
from ..made_profiles import Profiles
from ..yaml_documents import SpecDocument
from .ceph_first_stage import IN_STAGE, is_hyperconverged
from .cluster import OSD_CLASS, Pin
from .facts import facts_of_oci

CEPH_NETWORK = (
    "OCI never lets dedicated Ceph nodes use the Ceph network, although they have addresses on it.\n"
    "Drop this to move Ceph's replication there: one node after the other, each when the cluster is healthy."
)
SYSTEM_DISK = (
    "OCI lists the system's own disk among the data disks, because it only leaves out names that end in da.\n"
    "Drop this when you have seen that Ceph does not use it."
)
WITH_STAGE = "Drop it in any case when initial_mon_on_ctrl of the cluster becomes false."
VM_NETWORK = (
    "OCI gives the management address for tunnels between instances, although the node is on a network of their own.\n"
    "Drop this to use that network: on all nodes at once, for tunnels need both ends there."
)


def corrections(
    cluster: Row, machines: Sequence[OciMachine], tables: Tables, profiles: Profiles, *, ceph_alone: bool
) -> list[SpecDocument]:
    """An EncOverlay for every value that running nodes have, and that we would not give.

    Args:
        cluster: OCI's cluster.
        machines: Its machines.
        tables: OCI's database.
        profiles: Which profile each machine has.
        ceph_alone: Its controllers and computes have no classes of their own yet.
    """
    kinds = {one["name"]: one["role"] for one in tables["networks"] if one["cluster"] == cluster["id"]}
    found = [*facts_of_oci(cluster["name"], machines, tables)]
    for machine in sorted(machines, key=lambda one: natural(one.hostname)):
        for pin in _of_node(machine, kinds, profiles, ceph_alone=ceph_alone):
            name = f"oci-{machine.hostname.partition('.')[0]}-{pin.end}"
            found.append(SpecDocument("EncOverlay", name, {"for": pin.nodes, "classes": pin.classes}, pin.why))
    return found


def _of_node(machine: OciMachine, kinds: dict[str, str], profiles: Profiles, *, ceph_alone: bool) -> Iterator[Pin]:
    """Pins for one node: Ceph and VM networks that OCI gives the management address, and disks that it lists wrongly.

    Args:
        machine: The node.
        kinds: Roles of the cluster's networks, by name.
        profiles: Which profile each machine has.
        ceph_alone: Controllers and computes have no classes of their own yet.
    """
    this, facts, in_stage = {"nodes": [machine.hostname]}, machine.facts, ceph_alone and machine.role in IN_STAGE
    on = {kinds.get(name) for name in machine.addresses}
    management = next(iter(machine.addresses.values()), None)
    if facts.runs_osds and "ceph-cluster" in on:
        none = dict.fromkeys(("cephnet_network_addr", "cephnet_network_cidr"))
        values = {"use_ceph_cluster_net": False, "cephnet_ip": management, "cephnet_mtu": 0, **none}
        yield Pin("ceph-network", CEPH_NETWORK, this, {OSD_CLASS: values})
    if (facts.carries_vm_traffic or facts.stands_in_for_network) and "vm-net" in on and not in_stage:
        yield Pin("vm-network", VM_NETWORK, this, {facts.puppet_class: {"vmnet_ip": management}})
    classes = _classes_with_disks(machine, ceph_alone=ceph_alone)
    if classes and (disks := _disks_of_oci(machine, profiles)):
        why = f"{SYSTEM_DISK}\n{WITH_STAGE}" if in_stage else SYSTEM_DISK
        yield Pin("disks", why, this, {name: {"block_devices": disks} for name in classes})


def _classes_with_disks(machine: OciMachine, *, ceph_alone: bool) -> tuple[str, ...]:
    """The classes that are given the machine's data disks: of these it has one after the other."""
    facts = machine.facts
    if not facts.may_run_osds:
        return (facts.puppet_class,) if facts.stores_data or facts.stores_if else ()
    if ceph_alone:
        return (OSD_CLASS,)
    return (OSD_CLASS, facts.puppet_class) if is_hyperconverged(machine) else ()


def _disks_of_oci(machine: OciMachine, profiles: Profiles) -> list[str] | None:
    """The data disks that OCI names, where they are not ours; None: they are, or OCI gives no document at all."""
    hardware, name = machine.hardware, profiles.of.get(machine.serial)
    if hardware is None:
        return None
    found = disks_in_use(hardware, profiles.specs[name]) if name else None
    ours = set(found.data if isinstance(found, DisksInUse) else (disk.name for disk in hardware.disks))
    theirs = [disk.name for disk in hardware.disks if not _is_system_disk(disk.name, machine.row)]
    return theirs if theirs and set(theirs) != ours else None


def _is_system_disk(disk: str, row: Row) -> bool:
    """Whether OCI takes a disk for the system's: by the names that it was told, or by how the name ends."""
    if row.get("install_on_raid") == "yes":
        number = 4 if str(row.get("raid_type")) == "10" else 2
        return disk in [row.get(f"raid_dev{index}") for index in range(number)]
    named = str(row.get("dest_blk") or "none")
    return disk.endswith("da") if named == "none" else disk == named


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A sorting key by which ``store-2`` comes before ``store-10``."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text))
