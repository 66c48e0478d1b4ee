"""Real databases of OCI, in a real MariaDB: imported, everything is as it was, and nothing is left to do."""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from reconciler.app.config import Config
from reconciler.app.plans import planned
from reconciler.app.site import Site
from reconciler.cli.app import run
from reconciler.hardware.racking import rack
from reconciler.model.diagnostics import Severity
from reconciler.model.hardware import Racked
from reconciler.model.history import Phase
from reconciler.model.kinds import RackingSpec
from reconciler.model.plan import Act, Settled

from ..reference import facts
from ..reference.clusters import CLUSTERS, VERSION, Cluster
from ..reference.compare import compare
from ..reference.database import read_dump
from .conftest import SHAPES
from .mariadb import MariaDb

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


@pytest.fixture(params=SHAPES, scope="module")
def shape(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def recorded(shape: str) -> Cluster:
    return CLUSTERS[shape]


def command(url: str, config: Path, folder: Path, *more: str) -> int:
    conf = (config / "openstack-cluster-installer.conf").read_text()
    conf = conf.replace("http://incoming.example.com", "http://mirror.example.com")  # as it was with OCI's documents
    (folder / "oci.conf").write_text(conf)
    return run(
        [
            "--database", f"sqlite:///{folder}/db", "--config", str(folder / "config.yaml"),
            "import", "oci", "--from", url, "--server-hostname", "vm", "--output", str(folder / "specs"),
            "--conf", str(folder / "oci.conf"),
            "--hardware-profiles", str(config / "hardware-profiles.json"),
            "--auto-racking", str(config / "auto-racking.json"),
            "--repositories", str(config / "repos"), *more,
        ]
    )  # fmt: skip


def site_of(folder: Path) -> Site:
    given = Config(specs=folder / "specs", database=f"sqlite:///{folder}/db", state=folder / "var")
    return Site(given, lambda: NOW)


@pytest.fixture(scope="module")
def imported(
    shape: str, mariadb: MariaDb, config: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, Path]]:
    folder = tmp_path_factory.mktemp(shape)
    (folder / "config.yaml").write_text(f"state: {folder}/var\n")
    before = mariadb.checksums(shape)
    assert command(mariadb.url(shape), config, folder) == 0
    assert mariadb.checksums(shape) == before
    site = site_of(folder)
    yield site, folder
    site.close()


def test_the_database_holds_the_rows_that_were_recorded(mariadb: MariaDb, shape: str, recorded: Cluster) -> None:
    assert read_dump(mariadb.dump(shape)) == recorded.tables


def test_the_tree_is_valid(imported: tuple[Site, Path]) -> None:
    loaded = imported[0].specs.load()
    assert [problem for problem in loaded.problems if problem.severity is Severity.ERROR] == []


def test_there_is_nothing_to_do(imported: tuple[Site, Path]) -> None:
    """Not even without the pause that an import begins with."""
    site = imported[0]
    assert [step for step in planned(site)[0].steps if isinstance(step, Act)] == []
    site.store.resume("fleet", who="test", why="to see the plan without it", at=NOW)
    try:
        assert [step for step in planned(site)[0].steps if isinstance(step, Act)] == []
    finally:
        from reconciler.model.machine import Pause
        from reconciler.oci_import.save import PAUSE

        site.store.pause(Pause("fleet", "test", PAUSE, NOW, oci_in_charge=True))


def test_every_machine_has_its_name_role_address_and_place(imported: tuple[Site, Path], recorded: Cluster) -> None:
    known = imported[0].store.snapshot()
    assert len(recorded.machines) == len(known.allocations)
    for machine in recorded.machines.values():
        held = known.allocations[machine.serial]
        assert (held.hostname, held.role, held.location) == (machine.hostname, machine.role, machine.location)
        assert next(iter(held.addresses.items())) == (machine.network, machine.address)
        assert held.hostname.startswith(f"{held.cluster}-{held.role}-{held.number}.")


def test_what_follows_the_debian_release_here_stands_in_the_tree_as_oci_had_it(
    imported: tuple[Site, Path], shape: str
) -> None:
    tree = imported[0].specs.tree()
    (name,) = tree.clusters
    assert tree.fleet.puppet.module_version == "43.0.45"
    assert tree.clusters[name].settings["rabbitmq_enable_quorum_queues"] is False


def test_machines_are_racked_where_oci_says(imported: tuple[Site, Path], recorded: Cluster) -> None:
    site = imported[0]
    tree, seen = site.specs.tree(), site.store.snapshot().seen
    for machine in recorded.machines.values():
        place = rack(seen[machine.serial].hardware, tree.rackings)
        ours = (place.dc, place.row, place.rack, place.unit) if isinstance(place, Racked) else None
        assert ours == (machine.place and machine.place[:4])


def test_hosts_files_hold_what_those_of_oci_hold(imported: tuple[Site, Path], recorded: Cluster) -> None:
    site = imported[0]
    site.observe()
    assert len(recorded.documents) > 10
    for hostname, classes in recorded.documents.items():
        document = site.documents.get(hostname)
        assert document is not None
        found = re.search(rb"^    etc_hosts: \"?([\w+/=]+)\"?$", document.yaml, re.MULTILINE)
        assert found is not None
        assert names_in(found[1]) == names_in(classes["oci::generic"]["etc_hosts"])


def names_in(hosts: bytes | str) -> set[tuple[str, str]]:
    """Address and name, of all that a hosts file says, which is given in base64."""
    lines = (line.partition("#")[0].split() for line in base64.b64decode(hosts).decode().splitlines())
    return {(address, name) for address, *names in filter(None, lines) for name in names}


def test_every_node_has_a_puppet_document(imported: tuple[Site, Path]) -> None:
    site = imported[0]
    observed = site.observe()
    without = [view.allocation.hostname for view in observed.machines if view.allocation and view.enc_problem]
    assert without == []
    assert all(site.documents.get(view.allocation.hostname) for view in observed.machines if view.allocation)


def test_no_puppet_document_changes(imported: tuple[Site, Path], recorded: Cluster) -> None:
    """OCI's mistakes are pinned."""
    site = imported[0]
    ours = {}
    for view in site.observe().machines:
        document = site.documents.get(view.allocation.hostname) if view.allocation else None
        if document is not None:
            ours[document.hostname] = yaml.load(document.yaml, yaml.CSafeLoader)["classes"]
    compared = compare(recorded.documents, ours, signatures=facts.signatures(VERSION))
    assert compared.differences == ()
    assert compared.equal == compared.total > 1000


def test_the_facts_file_says_the_same(imported: tuple[Site, Path], recorded: Cluster) -> None:
    """B6: the comparison above leaves the drivers out, of which OCI tells every node those of the first machine."""
    site = imported[0]
    site.observe()
    for hostname, classes in recorded.documents.items():
        document = site.documents.get(hostname)
        assert document is not None
        ours = yaml.safe_load(document.yaml)["classes"]["oci::generic"]["oci_facts"]
        assert yaml.safe_load(base64.b64decode(ours)) == yaml.safe_load(
            base64.b64decode(classes["oci::generic"]["oci_facts"])
        )


def test_the_same_import_twice_is_once(
    imported: tuple[Site, Path], mariadb: MariaDb, config: Path, shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site, folder = imported
    before = site.store.export(), site.store.list_secrets()
    files = {path: path.read_bytes() for path in folder.glob("specs/**/*.yaml")}
    assert command(mariadb.url(shape), config, folder) == 0
    assert (site.store.export(), site.store.list_secrets()) == before
    assert {path: path.read_bytes() for path in folder.glob("specs/**/*.yaml")} == files
    assert "0 of them new or changed" in capsys.readouterr().out


def test_a_file_that_somebody_changed_is_not_overwritten_unasked(
    mariadb: MariaDb, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(f"state: {tmp_path}/var\n")
    url = mariadb.url("a_swift_only")
    assert command(url, config, tmp_path) == 0
    edited = tmp_path / "specs/clusters/swift.yaml"
    edited.write_text("# mine\n" + edited.read_text())
    assert command(url, config, tmp_path) == 1
    assert "would be overwritten" in capsys.readouterr().err
    assert edited.read_text().startswith("# mine")
    assert command(url, config, tmp_path, "--overwrite") == 0
    assert not edited.read_text().startswith("# mine")


def test_a_machine_that_oci_installed_is_in_service(mariadb: MariaDb, config: Path, tmp_path: Path) -> None:
    url = mariadb.load("installed", CLUSTERS["a_swift_only"].sql)
    mariadb.sql("UPDATE machines SET installed='yes', status='installed', puppet_status='success'", "installed")
    (tmp_path / "config.yaml").write_text(f"state: {tmp_path}/var\n")
    assert command(url, config, tmp_path) == 0
    site = site_of(tmp_path)
    assert {history.phase for history in site.store.snapshot().histories.values()} == {Phase.IN_SERVICE}
    site.store.resume("fleet", who="test", why="to see the plan without it", at=NOW)
    assert {type(step) for step in planned(site)[0].steps} == {Settled}
    site.close()


def test_switches_stand_where_their_machines_do(imported: tuple[Site, Path]) -> None:
    """One rule in the Racking instead of a Machine document per machine."""
    tree = imported[0].specs.tree()
    assert all(isinstance(racking, RackingSpec) for racking in tree.rackings.values())
    pinned = [serial for serial, machine in tree.machines.items() if machine.location]
    assert len(pinned) <= 1
