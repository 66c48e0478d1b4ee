"""Several Cephs: pins of what OCI gives to nodes that it cannot tell the zone of, and to Cinder."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...model.roles import facts_of
from ..database import Row, Tables
from ..machines import OciMachine
from ..yaml_documents import SpecDocument
from .cluster import OSD_CLASS, Pin, documents
from .node import natural

ZONES = (
    "OCI mixes its arguments up and gives random texts for the keys of the zones' Cephs, which open nothing.\n"
    "Drop this to let Cinder reach the zones' Cephs."
)
NO_ZONE = (
    "OCI gives these nodes the keys of a Ceph that does not exist, and the monitors of all zones.\n"
    "Drop this to give them those of their zone."
)

_CINDER = ("libvirtuuid", "fsid", "admin_key", "openstack_key", "bootstrap_osd_key")
"""What Cinder is given for each zone; OCI keeps its random text under these names for a service, too."""

_OF_NO_ZONE = {
    "volume": {
        "ceph_libvirtuuid": "libvirtuuid", "ceph_fsid": "fsid", "ceph_admin_key": "adminkey",
        "ceph_openstack_key": "openstackkey",
    },
    "radosgw": {"ceph_fsid": "fsid", "ceph_admin_key": "adminkey", "ceph_bootstrap_rgw_key": "bootstraprgwkey"},
    "compute": {
        "ceph_fsid": "fsid", "ceph_bootstrap_osd_key": "bootstraposdkey", "ceph_admin_key": "adminkey",
        "ceph_openstack_key": "openstackkey", "ceph_mon_key": "monkey",
    },
}  # fmt: skip
"""Those of a compute are for its time as an OSD node, before its controllers are up."""

NOT_YET = (
    "ceph_multiple_az_cinder_conf of {}: OCI would hand out random texts there, and has made none yet; here it is what "
    "each zone's Ceph has"
)


def zone_pins(cluster: Row, tables: Tables, machines: Sequence[OciMachine]) -> tuple[list[SpecDocument], list[str]]:
    """An EncOverlay for each role that OCI gives something else than its zone's Ceph, and what cannot be pinned."""
    if cluster.get("ceph_multiple_cluster_az") != "yes":
        return [], []
    osds = [one for one in machines if one.role == "cephosd" or one.row.get("compute_is_cephosd") == "yes"]
    monitors = _sorted(one for one in machines if one.role == "cephmon")
    everywhere = _told(monitors or _sorted(one for one in machines if one.role == "controller"))
    zones = sorted({int(one.row["ceph_az"]) for one in (*osds, *monitors)})
    here, kept = {machine.role for machine in machines}, _passwords(cluster, tables)
    cinder = [*_of_cinder(kept, monitors, zones)] if osds else []
    pins = [pin for pin in (*_of_no_zone(kept, everywhere, machines), *cinder) if here.issuperset(pin.nodes["roles"])]
    told = cinder or not osds or "compute" not in here
    return documents(str(cluster["name"]), pins), [] if told else [NOT_YET.format(cluster["name"])]


def _of_no_zone(
    kept: Mapping[tuple[str, str], str], monitors: Mapping[str, str], machines: Sequence[OciMachine]
) -> Iterator[Pin]:
    for role, kinds in _OF_NO_ZONE.items():
        if all(("ceph", kind) in kept for kind in kinds.values()) and (role != "compute" or _osds_come_first(machines)):
            keys = {name: kept["ceph", kind] for name, kind in kinds.items()}
            told = {f"ceph_{name}": text for name, text in monitors.items()}
            puppet_class = OSD_CLASS if role == "compute" else facts_of(role).puppet_class
            yield Pin(f"{role}-no-zone", NO_ZONE, {"roles": [role]}, {puppet_class: keys | told})


def _of_cinder(
    kept: Mapping[tuple[str, str], str], monitors: Sequence[OciMachine], zones: Sequence[int]
) -> Iterator[Pin]:
    if all((service, "ceph") in kept for service in _CINDER):
        texts = {service: kept[service, "ceph"] for service in _CINDER}
        of = {zone: [one for one in monitors if one.row["ceph_az"] == zone] for zone in zones}
        conf = [{"az": zone, "az_name": f"az-{zone}", **texts, **_told(some)} for zone, some in of.items()]
        yield Pin.of_role("ceph", ZONES, "compute", {"ceph_multiple_az_cinder_conf": conf})


def _osds_come_first(machines: Sequence[OciMachine]) -> bool:
    """Whether computes may be OSD nodes only yet: the controllers are not all there."""
    hyperconverged = any(one.role == "compute" and one.row.get("compute_is_cephosd") == "yes" for one in machines)
    return hyperconverged and not all(one.installed for one in machines if one.role == "controller")


def _sorted(machines: Iterable[OciMachine]) -> list[OciMachine]:
    return sorted(machines, key=lambda one: natural(one.hostname))


def _told(monitors: Sequence[OciMachine]) -> dict[str, str]:
    addresses = (next(iter(one.addresses.values()), "") for one in monitors)
    return {"mon_initial_members": ",".join(one.hostname for one in monitors), "mon_host": ",".join(addresses)}


def _passwords(cluster: Row, tables: Tables) -> dict[tuple[str, str], str]:
    """The cluster's passwords of no zone, by service and kind."""
    rows = (row for row in tables.get("passwords", ()) if row["cluster"] == cluster["id"] and not row.get("az"))
    return {(row["service"], row["passtype"]): str(row["pass"]) for row in rows if row["pass"]}
