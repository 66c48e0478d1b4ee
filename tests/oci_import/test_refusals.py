"""What an import refuses, or cannot read: it says so in a sentence, and nothing is there that was not before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.oci_import.database import read_database
from reconciler.oci_import.files import OciFiles

from ..reference.clusters import CLUSTERS
from .mariadb import MariaDb
from .takeover import take_over
from .test_database import command


@pytest.fixture(scope="module")
def reader(mariadb: MariaDb) -> Iterator[MariaDb]:
    mariadb.sql(
        "CREATE USER reader@localhost IDENTIFIED BY 'sesame'; GRANT SELECT ON a_swift_only.* TO reader@localhost"
    )
    mariadb.sql("CREATE USER clerk@localhost; GRANT SELECT ON a_swift_only.roles TO clerk@localhost")
    yield mariadb
    mariadb.sql("DROP USER reader@localhost, clerk@localhost")


@pytest.mark.parametrize(
    ("database", "user", "error"),
    [
        ("a_swift_only", "reader:wrong", 'does not know the user "reader", or the password is another one'),
        ("a_swift_only", "nobody:x", 'does not know the user "nobody"'),
        ("c_compute_ceph", "reader:sesame", 'user "reader" may not read the database "c_compute_ceph": GRANT SELECT'),
        ("nowhere", "root", 'the server has no database "nowhere"'),
        ("a_swift_only", "clerk", "or clerk may not read it: there is no table clusters"),
        ("mysql", "root", "this is no database of OCI"),
        ("", "root", "the URL names no database"),
    ],
)
def test_what_stands_in_the_way_is_told_and_nothing_is_written(
    reader: MariaDb,
    database: str,
    user: str,
    error: str,
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "config.yaml").write_text(f"state: {tmp_path}/var\n")
    assert command(reader.url(database, user), config, tmp_path) == 1
    said = capsys.readouterr()
    assert error in said.err
    assert "sesame" not in said.out + said.err
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml", "oci.conf"}


def test_a_user_who_may_only_read_is_enough(reader: MariaDb) -> None:
    assert len(read_database(reader.url("a_swift_only", "reader:sesame"))["machines"]) == 11


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("nonsense", "no database URL"),
        ("sqlite:///x", "OCI's database is MariaDB"),
        ("mysql+pymysql://x:notaport/oci", "no database URL"),
        ("mysql+pymysql://oci:a@hunter2@db/oci", "where its login ends"),
    ],
)
@pytest.mark.waits
def test_a_url_that_is_none_of_ocis_is_refused(url: str, error: str) -> None:
    with pytest.raises(PermanentError, match=error):
        read_database(url)


@pytest.mark.waits
def test_a_server_that_does_not_answer_is_a_passing_problem() -> None:
    with pytest.raises(TemporaryError, match="cannot be read: Can't connect to MySQL server on"):
        read_database("mysql+pymysql://root@127.0.0.1:1/x")


def test_a_database_from_before_what_we_know_is_refused(mariadb: MariaDb) -> None:
    url = mariadb.load("ancient", CLUSTERS["a_swift_only"].sql)
    mariadb.sql("ALTER TABLE machines DROP compute_is_cephosd", "ancient")
    with pytest.raises(PermanentError, match=r"no column machines\.compute_is_cephosd; upgrade OCI first"):
        read_database(url)


def test_an_oci_without_clusters_gives_locations_and_what_was_reported(
    mariadb: MariaDb, given: OciFiles, tmp_path: Path
) -> None:
    url = mariadb.load("fresh", CLUSTERS["a_swift_only"].sql)
    mariadb.sql(
        "DELETE FROM clusters; DELETE FROM networks; DELETE FROM ips; DELETE FROM passwords;"
        "UPDATE machines SET cluster = NULL, role = '', hostname = '', location_id = NULL",
        "fresh",
    )
    found, site = take_over(url, given, tmp_path)
    assert (len(site.snapshot().seen), found.enrolled) == (11, [])
    assert not site.specs.tree().clusters
    assert site.specs.tree().fleet.puppet.module_version is None  # nothing there tells its version
    site.close()


@pytest.mark.parametrize(
    ("option", "text", "error"),
    [
        ("--conf", "[network\n", "openstack-cluster-installer.conf"),
        ("--hardware-profiles", "{", "hardware-profiles.json"),
        ("--hardware-profiles", '{"x": {"role": "compute"}}', 'profile "x" cannot be read'),
        ("--auto-racking", "[]", "auto-racking.json: this is not an object"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    option: str, text: str, error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from reconciler.cli.app import run

    file = tmp_path / "given"
    file.write_text(text)
    database = f"sqlite:///{tmp_path}/db"
    assert run(["--database", database, "import", "oci", option, str(file), "--output", str(tmp_path / "specs")]) == 1
    assert error in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["given"]
