"""What OCI got wrong and running nodes have: pinned in overlays that say when to drop them, so that nothing changes.

The values that we would give are the right ones. Each overlay can go by itself, at a time of the operators' choosing.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..hardware.choice import disks_in_use
from .database import Row, Tables
from .facts import facts_of_oci
from .inferred import Profiles
from .machines import OciMachine
from .text import Document

_OSD_ROLES = ("cephosd", "billosd")
_WITH_DISKS = {
    "cephosd": "oci::cephosd", "billosd": "oci::cephosd", "volume": "oci::volume",
    "swiftproxy": "oci::swiftproxy", "swiftstore": "oci::swiftstore",
}  # fmt: skip
_VM_CLASSES = {"compute": "oci::compute", "network": "oci::network", "controller": "oci::controller"}

CEPH_NETWORK = (
    "OCI never lets dedicated Ceph nodes use the Ceph network, although they have addresses on it.\n"
    "Drop this to move Ceph's replication there: one node after the other, each when the cluster is healthy."
)
SYSTEM_DISK = (
    "OCI lists the system's own disk among the data disks, because it only leaves out names that end in da.\n"
    "Drop this when you have seen that Ceph does not use it."
)
VM_NETWORK = (
    "OCI gives the management address for tunnels between instances, although the node is on a network of their own.\n"
    "Drop this to use that network: on all nodes at once, for tunnels need both ends there."
)


def corrections(
    cluster: Row, machines: Sequence[OciMachine], tables: Tables, profiles: Profiles, *, ceph_alone: bool
) -> list[Document]:
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
        for suffix, why, classes in _of_node(machine, kinds, profiles, ceph_alone=ceph_alone):
            name = f"oci-{machine.hostname.partition('.')[0]}-{suffix}"
            found.append(Document("EncOverlay", name, {"for": {"nodes": [machine.hostname]}, "classes": classes}, why))
    return found


def _of_node(
    machine: OciMachine, kinds: dict[str, str], profiles: Profiles, *, ceph_alone: bool
) -> Iterator[tuple[str, str, dict[str, dict[str, Any]]]]:
    on = {kinds.get(name) for name in machine.addresses}
    management = next(iter(machine.addresses.values()), None)
    if machine.role in _OSD_ROLES and "ceph-cluster" in on:
        none = dict.fromkeys(("cephnet_network_addr", "cephnet_network_cidr"))
        values = {"use_ceph_cluster_net": False, "cephnet_ip": management, "cephnet_mtu": 0, **none}
        yield "ceph-network", CEPH_NETWORK, {"oci::cephosd": values}
    own_class = not (ceph_alone and machine.role in ("controller", "compute"))
    if machine.role in _VM_CLASSES and "vm-net" in on and own_class:
        yield "vm-network", VM_NETWORK, {_VM_CLASSES[machine.role]: {"vmnet_ip": management}}
    if machine.role in _WITH_DISKS and (disks := _disks_of_oci(machine, profiles)) is not None:
        yield "disks", SYSTEM_DISK, {_WITH_DISKS[machine.role]: {"block_devices": disks}}


def _disks_of_oci(machine: OciMachine, profiles: Profiles) -> list[str] | None:
    """The data disks that OCI names, where they are not ours; None: they are, or OCI was told of the system's."""
    row, hardware = machine.row, machine.hardware
    if hardware is None or row.get("install_on_raid") == "yes" or row.get("dest_blk") not in (None, "", "none"):
        return None
    name = profiles.of.get(machine.serial)
    chosen = disks_in_use(hardware, profiles.specs[name]) if name else None
    ours = {disk.name for disk in hardware.disks if chosen is None or disk.device not in chosen.system_disks}
    theirs = [disk.name for disk in hardware.disks if not disk.name.endswith("da")]
    return theirs if set(theirs) != ours else None


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A sorting key by which ``store-2`` comes before ``store-10``."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text))
