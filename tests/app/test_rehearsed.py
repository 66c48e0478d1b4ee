"""The part of a fleet that is rehearsed, the specs in force when histories begin, and the moment at which they do."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.app.config import load_config
from reconciler.app.rehearsed import Rehearsable, WantedRehearsal, moved, opens, rehearsable
from reconciler.app.site import Site
from reconciler.model.errors import PermanentError
from reconciler.model.hardware import Match
from reconciler.model.history import Phase
from reconciler.model.kinds import Window
from reconciler.model.machine import MachineView, Observation, Pause, Vip

from ..planning.build import holding, in_phase, machine

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday
EXAMPLE = Path(__file__).parents[2] / "examples/two-clusters-linked"
ANOTHER = """\
---
apiVersion: reconciler/v1
kind: Cluster
metadata: {name: swift02}
spec:
  domain: example.com
  region: RegionThree
  networks:
    swift02-north: {subnet: 10.3.0.0/24, location: north, interfaces: [10g1, 10g2]}
    swift02-public: {subnet: 203.0.113.3/32, public: true}
  roles:
    controller: {count: 3}
"""


class Specs:
    """Two folders of the example with one more cluster: the specs in force, and those that are to come."""

    def __init__(self, folder: Path) -> None:
        self.base, self.after = (shutil.copytree(EXAMPLE, folder / name) for name in ("base", "after"))
        for place in (self.base, self.after):
            self.write("clusters.yaml", (place / "clusters.yaml").read_text() + ANOTHER, place)

    def write(self, file: str, text: str, place: Path | None = None) -> None:
        ((place or self.after) / file).write_text(text)

    def change(self, file: str, old: str, new: str) -> None:
        text = (self.after / file).read_text()
        assert old in text
        self.write(file, text.replace(old, new))

    def rehearsable(self, observation: Observation, most: int = 1, *clusters: str) -> Rehearsable:
        with closing(Site(load_config(None, {"specs": self.after}, {}), makes_database=False)) as site:
            return rehearsable(site, WantedRehearsal(observation, most, self.base, clusters))


@pytest.fixture
def specs(tmp_path: Path) -> Iterator[Specs]:
    yield Specs(tmp_path)


def placed(serial: str, cluster: str, number: int = 1) -> MachineView:
    return in_phase(holding(machine(serial), number, cluster), Phase.IN_SERVICE)


def fleet(**more: object) -> Observation:
    free = replace(machine("FREE-STORE"), match=Match(("store",)))
    some = (placed("S1", "swift01"), placed("C1", "cloud01"), placed("T1", "swift02"), placed("T2", "swift02", 2), free)
    return Observation(NOW, some, **more)  # type: ignore[arg-type]


def serials(given: Rehearsable) -> set[str]:
    return {m.serial for m in given.observation.machines}


def test_a_fleet_that_is_small_enough_is_rehearsed_whole(specs: Specs) -> None:
    given = specs.rehearsable(fleet(), 5)
    assert serials(given) == {"S1", "C1", "T1", "T2", "FREE-STORE"}
    assert (given.part.machines, given.part.in_service, given.part.left_out) == (5, 4, ())
    assert (given.part.changes, given.after) == (False, None)


def test_of_a_large_fleet_those_that_the_change_touches_are_rehearsed_and_that_is_said(specs: Specs) -> None:
    specs.write("clusters.yaml", (EXAMPLE / "clusters.yaml").read_text() + ANOTHER.replace("count: 3", "count: 5"))
    given = specs.rehearsable(fleet())
    assert serials(given) == {"T1", "T2"}
    assert (given.part.clusters, given.part.left_out) == (("swift02",), ("cloud01", "swift01"))
    assert "Of 5 machines (more than --most 1), those of clusters are rehearsed that the change touches." in (
        given.part.notes
    )
    tree = given.check(given.before).tree
    assert tree is not None
    assert set(tree.clusters) == {"swift02"}
    assert set(tree.overlays) == {"time-source"}, "the other one is for clusters that are left out"


def test_clusters_that_are_linked_are_rehearsed_together_with_what_may_join_them(specs: Specs) -> None:
    specs.change("clusters.yaml", "region: RegionTwo", "region: RegionFour")
    given = specs.rehearsable(fleet())
    assert given.part.clusters == ("cloud01", "swift01")
    assert serials(given) == {"S1", "C1", "FREE-STORE"}


@pytest.mark.parametrize(
    ("file", "old", "new", "clusters"),
    [
        ("fleet.yaml", "mail.example.com", "smtp.example.com", ("cloud01", "swift01", "swift02")),
        ("fleet.yaml", "ntp.example.com", "time.example.com", ("cloud01", "swift01")),
        ("fleet.yaml", "192.0.2.123", "192.0.2.124", ("cloud01", "swift01", "swift02")),
        ("profiles.yaml", "ThinkSystem SR665", "ThinkSystem SR655", ("cloud01", "swift01")),
        ("profiles.yaml", "max: 140GiB", "max: 130GiB", ("cloud01", "swift01", "swift02")),
    ],
    ids=["fleet", "overlay of clusters", "overlay of all", "profile of a role", "profile of every cluster's role"],
)
def test_what_a_change_touches(specs: Specs, file: str, old: str, new: str, clusters: tuple[str, ...]) -> None:
    specs.change(file, old, new)
    assert specs.rehearsable(fleet()).part.clusters == clusters


@pytest.mark.parametrize(
    ("serial", "spec", "clusters"),
    [
        ("T1", "protected: true", ("swift02",)),
        ("NEW", "cluster: swift02, role: controller", ("swift02",)),
        ("NEW", "protected: true", ("cloud01", "swift01", "swift02")),
    ],
)
def test_a_machines_document_touches_its_cluster(
    specs: Specs, serial: str, spec: str, clusters: tuple[str, ...]
) -> None:
    document = f"---\napiVersion: reconciler/v1\nkind: Machine\nmetadata: {{name: {serial}}}\nspec: {{{spec}}}\n"
    specs.write("machines.yaml", document)
    assert specs.rehearsable(fleet()).part.clusters == clusters


def test_pauses_and_addresses_of_clusters_that_are_left_out_are_left_out(specs: Specs) -> None:
    def pause(scope: str) -> Pause:
        return Pause(scope, "ada", "a test", NOW)

    scopes = ("fleet", "cluster:swift01", "cluster:swift02", "machine:S1", "machine:T1")
    observed = fleet(
        pauses=tuple(map(pause, scopes)),
        vips=(Vip("swift01", "swift01-public", "api", "203.0.113.1"), Vip("swift02", "p", "api", "203.0.113.3")),
        set_up=("swift01", "swift02"),
    )
    given = specs.rehearsable(observed, 1, "swift02")
    assert {each.scope for each in given.observation.pauses} == {"fleet", "cluster:swift02", "machine:T1"}
    assert [vip.cluster for vip in given.observation.vips] == ["swift02"]
    assert given.observation.set_up == ("swift02",)
    assert any(
        note.startswith("What is paused (cluster:swift02, fleet, machine:T1) stays so") for note in given.part.notes
    )


def test_a_certificate_of_an_api_is_not_asked_for_its_key(specs: Specs) -> None:
    specs.change("clusters.yaml", "  region: RegionTwo\n", "  region: RegionTwo\n  api: {certificate: /etc/api.pem}\n")
    given = specs.rehearsable(fleet(), 5)
    assert given.after is not None
    tree = given.check(given.after).tree
    assert tree is not None
    assert tree.clusters["cloud01"].api.certificate == "self-signed"


# ---- what cannot be


@pytest.mark.parametrize(
    ("clusters", "why"),
    [(("swift99",), 'there is no cluster "swift99"'), ((), "the change touches no cluster")],
)
def test_nothing_to_rehearse(specs: Specs, clusters: tuple[str, ...], why: str) -> None:
    with pytest.raises(PermanentError, match=why):
        specs.rehearsable(fleet(), 1, *clusters)


def test_no_machine_was_observed(specs: Specs) -> None:
    with pytest.raises(PermanentError, match="no machine was observed"):
        specs.rehearsable(Observation(NOW, ()), 1)


def test_a_daemon_that_only_looks_knows_too_little(specs: Specs) -> None:
    with pytest.raises(PermanentError, match=r"nothing to rehearse yet\. It only looks"):
        specs.rehearsable(fleet(observing="It only looks."), 5)


@pytest.mark.parametrize("place", ["base", "after"])
def test_errors_of_specs_are_told(specs: Specs, place: str) -> None:
    specs.write("clusters.yaml", "nothing: [", getattr(specs, place))
    with pytest.raises(PermanentError, match="have errors"):
        specs.rehearsable(fleet(), 5)


def test_specs_in_force_that_nobody_knows(specs: Specs) -> None:
    with closing(Site(load_config(None, {"specs": specs.after}, {}), makes_database=False)) as site:
        unknown = rehearsable(site, WantedRehearsal(fleet(), 5))
        elsewhere = rehearsable(site, WantedRehearsal(fleet(base="0123456789abcdef"), 5))
    assert "nobody told which ones are now (--base DIR)" in unknown.part.notes[0]
    assert "those in force, of commit 0123456789ab, are not in the repository" in elsewhere.part.notes[0]
    assert (unknown.after, elsewhere.after) == (None, None)


# ---- when

NIGHTS = Window.model_validate(
    {"allow": "Mon-Fri 22:00-23:00", "timezone": "UTC", "for": ["disruptive", "destructive"]}
)
WEEKEND = Window.model_validate({"allow": "Sat-Sun 00:00-24:00", "timezone": "UTC", "for": ["destructive"]})


@pytest.mark.parametrize(
    ("windows", "begins"),
    [
        ((), NOW),
        ((NIGHTS,), NOW.replace(hour=22)),
        ((WEEKEND,), datetime(2026, 11, 28, tzinfo=UTC)),
    ],
    ids=["none", "tonight", "at the weekend"],
)
def test_histories_begin_when_a_window_opens(windows: tuple[Window, ...], begins: datetime) -> None:
    assert opens(windows, NOW) == begins


def test_a_window_that_is_open_is_waited_for_anew() -> None:
    """As much as can be of it lies ahead: the rest of this one may be over before anything is done."""
    assert opens((NIGHTS,), NOW.replace(hour=22, minute=50)) == datetime(2026, 11, 24, 22, tzinfo=UTC)


def test_every_moment_moves_along() -> None:
    by = timedelta(days=3)
    observed = fleet(pauses=(Pause("fleet", "ada", "a test", NOW),))
    later = moved(observed, by)
    assert later.now == NOW + by
    assert later.pauses[0].at == NOW + by
    before, after = observed.machines[0], later.machines[0]
    assert before.seen is not None and after.seen is not None
    assert after.seen.reported_at - before.seen.reported_at == by
    assert after.seen.hardware is before.seen.hardware
    assert moved(observed, timedelta()) is observed


def test_the_observation_is_moved_to_the_window(specs: Specs) -> None:
    policy = '  policy: {windows: [{allow: "Mon-Fri 22:00-23:00", timezone: UTC, for: [disruptive, destructive]}]}\n'
    specs.change("fleet.yaml", "  settings:", f"{policy}  settings:")
    given = specs.rehearsable(fleet(), 5)
    assert given.observation.now == NOW.replace(hour=22)
    assert given.part.observed == NOW
    assert any("when a window of the policy opens" in note for note in given.part.notes)
