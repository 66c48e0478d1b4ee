"""A cluster whose only controller is installed anew: its first setup, as the site keeps it and documents tell it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.app.site import Site
from reconciler.model.actions import Enroll
from reconciler.model.events import Advanced
from reconciler.model.history import Phase
from reconciler.model.observations import Heard

from .build import SWIFT, hardware
from .enrolled import site_of

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
CONTROLLER = "z-controller-1.example.com"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/z.yaml").write_text(SWIFT)
    opened = site_of(tmp_path / "specs", tmp_path)
    opened.store.record([Heard("S1", NOW, "192.168.100.9", hardware=hardware("S1"), digest="d")])
    given = Enroll(
        serial="S1", generation=1, cluster="z", role="controller", profile="", location="zone-1", hostname=CONTROLLER,
        number=1, addresses={"mgmt-1": "10.0.1.2"}, vips=(("public", "api", "203.0.113.2"),),
    )  # fmt: skip
    opened.store.allocate(given, NOW)
    yield opened
    opened.close()


def look(site: Site, phase: Phase | None = None) -> object:
    """What the controller is told once it has come so far, after a look at the world as the daemon takes it."""
    if phase is not None:
        site.store.append(Advanced("S1", NOW, phase, "the test says so"))
    if site.keep_facts(site.specs.tree(), site.observe(), site.snapshot().set_up):
        site.observe()
    compiled = site.documents.compiled(CONTROLLER)
    assert compiled is not None
    return compiled.classes["oci::controller"]["initial_cluster_setup"].value


def test_databases_are_made_anew_when_no_controller_has_them_any_more(site: Site) -> None:
    told = [look(site), look(site, Phase.INSTALLED), look(site, Phase.IN_SERVICE), look(site)]
    assert told == [True, True, False, False]
    told = [look(site, Phase.ENROLLED), look(site, Phase.INSTALLED), look(site), look(site, Phase.IN_SERVICE)]
    assert told == [False, True, True, False]
    kinds = [event.kind for event in site.store.last_events() if event.kind.startswith("cluster-")]
    assert kinds == ["cluster-set-up", "cluster-begins-again", "cluster-set-up"]


def test_a_controller_that_is_not_installed_anew_after_all_keeps_its_databases(site: Site) -> None:
    look(site, Phase.INSTALLED)
    look(site, Phase.IN_SERVICE)
    assert [look(site, Phase.ENROLLED), look(site, Phase.IN_SERVICE)] == [False, False]
    assert site.store.set_up() == {"z"}
