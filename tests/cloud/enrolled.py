"""A cloud's nodes as its daemon would have enrolled them, without a cloud: its specs, and reports of its servers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler.app.site import Site
from reconciler.simulator import hardware

from ..enc.enrolled import enroll_reported, site_of
from . import fleet, network, roots
from .machine import Model


def enrolled(wanted: fleet.Wanted, folder: Path, *more: str) -> Site:
    """A site with the cloud's specs, in which every server has its place.

    Args:
        wanted: What the cluster asks for.
        folder: Where its files go.
        more: Documents besides the cloud's, as YAML.
    """
    specs = folder / "specs"
    specs.mkdir(parents=True)
    (specs / "fleet.yaml").write_text(fleet.fleet(dict.fromkeys(roots.ROLES, "0" * 64)))
    (specs / "cloud.yaml").write_text("---\n".join([fleet.commit(wanted, ()), *more]))
    site = site_of(specs, folder)
    enroll_reported(site, _reports(wanted))
    return site


def _reports(wanted: fleet.Wanted) -> Iterator[dict[str, Any]]:
    for number, model in enumerate(fleet.models(wanted), 1):
        simulated = hardware.Model(model.product, model.memory_mib, tuple(_disks(model)))
        port = f"swp{number}"
        racked = hardware.RackedServer(f"CLOUD{number}", simulated, (network.SWITCH, network.SWITCH), port, number)
        told: dict[str, Any] = hardware.report(
            racked, frozenset(hardware.disk_names(simulated)), f"192.168.200.{number}"
        )
        nic = told["interfaces"][-1] | {"name": network.NIC, "max_speed": "10000"}  # a veth's
        yield told | {"interfaces": [nic]}


def _disks(model: Model) -> Iterator[tuple[str, int]]:
    for size in model.disks:
        yield "LOOP", size * hardware.GB
