"""A recorded OCI with its Swift's builders: imported, the first plan changes no ring."""

import contextlib
from pathlib import Path

from reconciler.app.plans import planned
from reconciler.model.plan import Act, Wait
from reconciler.planning.ring_devices import wanted_devices

from .mariadb import MariaDb
from .test_database import NOW, command, site_of
from .test_rings import by_swift

SHAPE, CLUSTER = "a_swift_only", "swift"


def imported(mariadb: MariaDb, config: Path, folder: Path, *more: str) -> None:
    folder.mkdir()
    (folder / "config.yaml").write_text(f"state: {folder}/var\n")
    assert command(mariadb.url(SHAPE), config, folder, *more) == 0


def test_the_first_plan_changes_no_ring(mariadb: MariaDb, config: Path, tmp_path: Path) -> None:
    imported(mariadb, config, tmp_path / "without")
    with contextlib.closing(site_of(tmp_path / "without")) as site:
        observed = site.observe()
        held = [(m, m.allocation) for m in observed.machines if m.allocation and m.allocation.cluster == CLUSTER]
        disks = [disk for m, place in held for disk in wanted_devices(site.specs.tree(), m, place)]
    assert disks
    plain = [
        {"region": disk.region, "zone": disk.zone, "ip": disk.ip, "port": 6200 + n % 30, "device": disk.device}
        for n, disk in enumerate(disks)
    ]
    by_swift(tmp_path / "oci" / CLUSTER, plain)

    imported(mariadb, config, tmp_path / "with", "--swift-builders", str(tmp_path / "oci"))
    with contextlib.closing(site_of(tmp_path / "with")) as site:
        assert {state.name for state in site.observe().rings} == {"account", "container", "object"}
        assert {dev.weight for state in site.observe().rings for dev in state.devices} == {1000.0}
        assert (site.specs.tree().clusters[CLUSTER].rings.part_power, NOW) == (6, site.now())
        site.store.resume("fleet", who="test", why="to see the plan without it", at=NOW)
        todo, _ = planned(site)
        assert f"rings of {CLUSTER}" not in todo.notes, todo.notes
        about = [step for step in todo.steps if isinstance(step, Act | Wait) and "ring" in step.reason]
        assert {step.action.type for step in about if isinstance(step, Act)} <= {"place_rings"}
        assert not any(isinstance(step, Wait) for step in about)
