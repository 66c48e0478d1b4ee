"""Several Cephs: what OCI gives to nodes that it cannot tell the zone of, and to Cinder. Pinned as in ``pins``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .corrections import natural
from .database import Row, Tables
from .machines import OciMachine
from .text import Document

ZONES = (
    "OCI mixes its arguments up and gives random texts for the keys of the zones' Cephs, which open nothing.\n"
    "Drop this to let Cinder reach the zones' Cephs."
)
NO_ZONE = (
    "OCI gives these nodes the keys of a Ceph that does not exist, and the monitors of all zones.\n"
    "Drop this to give them those of their zone."
)

_CINDER = ("libvirtuuid", "fsid", "admin_key", "openstack_key", "bootstrap_osd_key")
"""What Cinder is told of each zone; OCI keeps its random text under these names for a service, too."""

_OF_NO_ZONE = {
    "volume": {
        "ceph_libvirtuuid": "libvirtuuid", "ceph_fsid": "fsid", "ceph_admin_key": "adminkey",
        "ceph_openstack_key": "openstackkey",
    },
    "radosgw": {"ceph_fsid": "fsid", "ceph_admin_key": "adminkey", "ceph_bootstrap_rgw_key": "bootstraprgwkey"},
}  # fmt: skip

NOT_YET = (
    "ceph_multiple_az_cinder_conf of {}: OCI would hand out random texts there, and has made none yet; here it is what "
    "each zone's Ceph has"
)


def zone_pins(cluster: Row, tables: Tables, machines: Sequence[OciMachine]) -> tuple[list[Document], list[str]]:
    """An EncOverlay for each role that OCI gives something else than its zone's Ceph, and what cannot be pinned."""
    osds = [one for one in machines if one.role == "cephosd" or one.row.get("compute_is_cephosd") == "yes"]
    if cluster.get("ceph_multiple_cluster_az") != "yes" or not osds:
        return [], []
    monitors = sorted((one for one in machines if one.role == "cephmon"), key=lambda one: natural(one.hostname))
    zones = sorted({int(one.row["ceph_az"]) for one in (*osds, *monitors)})
    here, kept = {machine.role for machine in machines}, _passwords(cluster, tables)
    found = [
        Document(
            "EncOverlay",
            f"oci-{cluster['name']}-{role}-ceph",
            {"for": {"clusters": [cluster["name"]], "roles": [role]}, "classes": {f"oci::{role}": values}},
            why,
        )
        for role, why, values in _by_role(kept, monitors, zones)
        if role in here
    ]
    told = all((service, "ceph") in kept for service in _CINDER) or "compute" not in here
    return found, [] if told else [NOT_YET.format(cluster["name"])]


def _by_role(
    kept: Mapping[tuple[str, str], str], monitors: Sequence[OciMachine], zones: Sequence[int]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for role, kinds in _OF_NO_ZONE.items():
        if all(("ceph", kind) in kept for kind in kinds.values()):
            keys = {name: kept["ceph", kind] for name, kind in kinds.items()}
            yield role, NO_ZONE, keys | {f"ceph_{name}": text for name, text in _told(monitors).items()}
    if all((service, "ceph") in kept for service in _CINDER):
        texts = {service: kept[service, "ceph"] for service in _CINDER}
        of = {zone: [one for one in monitors if one.row["ceph_az"] == zone] for zone in zones}
        conf = [{"az": zone, "az_name": f"az-{zone}", **texts, **_told(some)} for zone, some in of.items()]
        yield "compute", ZONES, {"ceph_multiple_az_cinder_conf": conf}


def _told(monitors: Sequence[OciMachine]) -> dict[str, str]:
    addresses = (next(iter(one.addresses.values()), "") for one in monitors)
    return {"mon_initial_members": ",".join(one.hostname for one in monitors), "mon_host": ",".join(addresses)}


def _passwords(cluster: Row, tables: Tables) -> dict[tuple[str, str], str]:
    """Those of no zone, by service and kind."""
    rows = (row for row in tables.get("passwords", ()) if row["cluster"] == cluster["id"] and not row.get("az"))
    return {(row["service"], row["passtype"]): str(row["pass"]) for row in rows if row["pass"]}
