"""The nodes of a spec tree as a daemon would have enrolled them: simulated reports, planned, with secrets minted."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from reconciler.app.config import Config
from reconciler.app.plans import planned
from reconciler.app.site import Site
from reconciler.hardware.report import digest, parse_report
from reconciler.model.actions import Enroll
from reconciler.model.events import Advanced
from reconciler.model.history import Phase
from reconciler.model.machine import Allocation
from reconciler.model.observations import Heard
from reconciler.model.plan import Act
from reconciler.simulator.hardware import RackedServer, disk_names, report

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def site_of(specs: Path, folder: Path) -> Site:
    """A site with these specs and nothing else yet."""
    return Site(Config(specs=specs, database=f"sqlite:///{folder}/db", state=folder / "state"), lambda: NOW)


def enroll(site: Site, placed: Iterable[RackedServer]) -> None:
    """Every server reports once, and gets the place that the plan has for it, if any."""
    enroll_reported(
        site, (report(one, frozenset(disk_names(one.model)), f"192.168.200.{one.number}") for one in placed)
    )


def enroll_reported(site: Site, bodies: Iterable[Mapping[str, object]]) -> None:
    """The same for servers that send these reports."""
    hardware = [parse_report(json.dumps(body).encode()) for body in bodies]
    site.store.record(
        [
            Heard(h.serial, NOW, f"192.168.100.{n}", hardware=h, digest=digest(h), boot=0)
            for n, h in enumerate(hardware, 10)
        ]
    )
    for step in planned(site)[0].steps:
        if isinstance(step, Act) and isinstance(step.action, Enroll):
            site.store.allocate(step.action, NOW)


def into_service(site: Site, *roles: str) -> None:
    """All nodes of these roles are in service."""
    for serial, held in site.store.snapshot().allocations.items():
        if held.role in roles:
            site.store.append(Advanced(serial, NOW, Phase.IN_SERVICE, "the test says so"))


def documents(site: Site, wanted: Callable[[Allocation], bool]) -> Mapping[str, bytes]:
    """The documents of the nodes wanted, by hostname; their secrets are minted."""
    nodes = [m for m in site.observe().machines if m.allocation and wanted(m.allocation)]
    site.certificates.mint({ref for machine in nodes for ref in machine.missing_secrets})
    site.observe()
    found = {m.allocation.hostname: site.documents.get(m.allocation.hostname) for m in nodes if m.allocation}
    without = [site.documents.why_not(hostname) for hostname, document in found.items() if document is None]
    assert without == []
    return {hostname: document.yaml for hostname, document in found.items() if document is not None}
