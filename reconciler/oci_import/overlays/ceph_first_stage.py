"""The first stage of a cluster whose Ceph has no monitors of its own: nothing but Ceph is set up."""

from collections.abc import Iterable, Sequence

from ..database import Row
from ..machines import OciMachine
from ..yaml_documents import Comment, SpecDocument, ToDecide

NO_LIBVIRT = "OCI sets up libvirt's certificates here, as it knows that this is no OSD node. Drop this with the other."


IN_STAGE = ("controller", "compute")
"""Roles whose nodes have not the classes of their own in that stage, but those of monitors and OSDs."""


def stage_note(cluster: str) -> Comment:
    """What stands above the setting that keeps a cluster in the stage."""
    return (
        ToDecide(f"in {cluster}, OCI still sets up nothing but Ceph, on controllers and computes."),
        "Write false when Ceph is healthy (ceph -s): then they get the classes of their own roles.",
    )


def taken_note(hostname: str) -> Comment:
    """What stands above the setting that makes a compute an OSD node."""
    left = f"{hostname} is no OSD node by its own settings. Drop compute_is_cephosd to have it a compute only."
    made = "OCI makes OSDs of this compute's disks, as of all computes while Ceph is set up alone; it was not asked to."
    return made, ToDecide(left)


def ceph_is_set_up_alone(cluster: Row, machines: Iterable[OciMachine]) -> bool:
    """Whether controllers get nothing but Ceph's monitors, and computes nothing but OSDs."""
    members = list(machines)
    has_osds = any(m.role == "cephosd" or is_hyperconverged(m) for m in members)
    return cluster["initial_mon_on_ctrl"] == "yes" and has_osds and all(m.role != "cephmon" for m in members)


def taken_for_osds(machines: Iterable[OciMachine]) -> list[OciMachine]:
    """Computes that OCI makes OSD nodes of in that stage, though nobody asked for it."""
    return [machine for machine in machines if machine.role == "compute" and not is_hyperconverged(machine)]


def no_libvirt_yet(cluster: str, machines: Sequence[OciMachine]) -> list[SpecDocument]:
    """What those nodes are given besides, and other OSD nodes are not."""
    if not machines:
        return []
    spec = {
        "for": {"nodes": [machine.hostname for machine in machines]},
        "classes": {"oci::generic": {"skip_etc_pki_setup": False}},
    }
    return [SpecDocument("EncOverlay", f"oci-{cluster}-compute-certificates", spec, NO_LIBVIRT)]


def is_hyperconverged(machine: OciMachine) -> bool:
    """Whether the machine is a compute that OCI was asked to make an OSD node of as well."""
    return machine.facts.may_run_osds and machine.row["compute_is_cephosd"] == "yes"
