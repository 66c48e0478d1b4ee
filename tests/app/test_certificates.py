"""Certificates of a site with a real database: from a file, renewed, revoked, and what ``reconciler pki`` says."""

import json
import os
import shutil
import sqlite3
import subprocess
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.app.certificates import api_certificate
from reconciler.app.config import load_config
from reconciler.app.site import Site
from reconciler.cli.app import run
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.plan import PlanningInput, Timings
from reconciler.model.secret_parts import part_of
from reconciler.planning.planner import plan
from reconciler.specs.named_files import MOST_BYTES
from reconciler.store import database
from reconciler.store.secrets.mint import AUTHORITY, ROOT
from reconciler.store.secrets.renewal import end_of

SPECS = """\
apiVersion: reconciler/v1
kind: Fleet
metadata: {{name: f}}
spec: {{provisioning: {{address: 192.0.2.1, trusted_networks: [192.0.2.0/24]}}}}
---
apiVersion: reconciler/v1
kind: Cluster
metadata: {{name: cl1}}
spec: {{domain: example.com, api: {{certificate: {certificate}}}}}
"""
API = api_certificate("cl1")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl (apt: openssl)")
    (tmp_path / "specs").mkdir()
    write(tmp_path, "self-signed")
    found = {"specs": str(tmp_path / "specs"), "database": f"sqlite:///{tmp_path}/db", "state": str(tmp_path)}
    (tmp_path / "config.yaml").write_text(json.dumps(found))
    with closing(Site(load_config(tmp_path / "config.yaml", {}, {}))) as site:
        site.certificates.mint((API,))
        yield site


def write(folder: Path, certificate: str | Path) -> None:
    (folder / "specs/all.yaml").write_text(SPECS.format(certificate=certificate))


def buy(path: Path, days: int) -> None:
    """A certificate as somebody else would sell it, written to one file."""
    out = ("-keyout", f"{path}.key", "-out", f"{path}.crt", "-subj", "/CN=cl1-api.example.com", "-days", str(days))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *out], check=True, capture_output=True)
    path.write_text(Path(f"{path}.crt").read_text() + Path(f"{path}.key").read_text())


def told(site: Site, kind: str) -> list[str]:
    return [event.text for event in site.store.last_events() if event.kind == kind]


def test_an_api_certificate_is_taken_from_its_file_whenever_that_changes(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "api.pem"
    write(tmp_path, path)
    for _ in "ab":
        site.certificates.heed_files(site.specs.tree())
    assert told(site, "certificate-refused") == [
        f"certificate cl1:pki/api: cannot read {path}: No such file or directory. "
        "Put a file there with a certificate and its key in PEM"
    ]
    before = site.store.secret(API)
    assert before is not None
    for days in (20, 90):
        buy(path, days)
        site.certificates.heed_files(site.specs.tree())
        text = site.store.secret(API)
        assert text is not None
        assert part_of(text, "certificate", "crt") == Path(f"{path}.crt").read_text()
        assert (end_of(text) - site.now()).days in (days - 1, days)
    assert len(told(site, "certificate-taken")) == 2
    with pytest.raises(PermanentError, match="put a new one there"):
        site.certificates.renew(API, who="ann", why="it ends")


def shown(site: Site) -> tuple[bool, str]:
    """Whether the API shows one from a file, and what the plan says of it."""
    site.certificates.heed_files(site.specs.tree())
    tree = site.specs.tree()
    notes = plan(PlanningInput(None, tree, site.observe(tree), Timings())).notes
    assert not site.certificates.heed_files(tree), "that is no news twice"
    return site.store.shown()["cl1"].from_file, notes.get("API certificate of cl1", "")


def test_a_file_that_is_refused_changes_nothing_and_the_plan_says_why(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "api.pem"
    assert shown(site) == (False, "")
    write(tmp_path, path)
    from_file, said = shown(site)
    assert (from_file, f"cannot read {path}" in said) == (False, True)
    assert "until that is mended it stays one of the fleet's own authority" in said
    buy(path, 90)
    assert shown(site) == (True, "")
    bought = site.store.secret(API)
    path.write_text("garbage")
    from_file, said = shown(site)
    assert (from_file, "it stays the last one that was taken" in said) == (True, True)
    assert site.store.secret(API) == bought
    with closing(Site(site.config)) as again:
        assert shown(again) == (from_file, said)
    assert len(told(site, "certificate-refused")) == 2, "once each"
    buy(path, 60)
    assert shown(site) == (True, "")


def test_a_file_that_could_not_be_opened_for_a_while_is_taken(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "api.pem"
    buy(path, 90)
    write(tmp_path, path)
    tree = site.specs.tree()
    _ = site.store.shown()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("reconciler.app.certificates.read_named", _too_many_files)
        site.certificates.heed_files(tree)
    assert "Too many open files" in (site.store.shown()["cl1"].problem or "")
    assert shown(site) == (True, "")


def _too_many_files(path: Path, wanted: str) -> str:
    raise PermanentError(f"cannot read {path}: Too many open files. Put a file there with {wanted}")


def test_one_from_a_file_stays_until_it_is_renewed_where_the_specs_name_none_any_more(
    site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "api.pem"
    buy(path, 90)
    write(tmp_path, path)
    assert shown(site) == (True, "")
    write(tmp_path, "self-signed")
    from_file, said = shown(site)
    assert (from_file, '"reconciler pki renew cl1:pki/api"' in said) == (True, True)
    site.certificates.renew(API, who="ann", why="ours again")
    assert shown(site) == (False, "")


def test_one_that_was_taken_before_anybody_wrote_that_down_is_known_by_its_issuer(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "api.pem"
    buy(path, 90)
    write(tmp_path, path)
    assert shown(site) == (True, "")
    site.store.keep_shown({})
    path.unlink()
    with closing(Site(site.config)) as upgraded:
        from_file, said = shown(upgraded)
    assert (from_file, "it stays the last one that was taken" in said) == (True, True)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _long(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(50 * MOST_BYTES)


def _folder(path: Path) -> None:
    path.mkdir()


def _no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\0")


@pytest.mark.parametrize(
    ("put", "said"),
    [
        (_pipe, "{} is a named pipe. Put a regular file there with a certificate and its key in PEM"),
        (_endless, "{} is a character device. Put a regular file there with a certificate and its key in PEM"),
        (_folder, "{} is a folder. Put a regular file there with a certificate and its key in PEM"),
        (_long, f"{{}} is longer than {MOST_BYTES} bytes. Put a file there with a certificate and its key in PEM only"),
        (_no_text, "{} is no text. Put a file there with a certificate and its key in PEM"),
    ],
)
def test_what_is_no_file_of_a_certificate_is_refused_at_once(
    site: Site, tmp_path: Path, put: Callable[[Path], None], said: str
) -> None:
    path = tmp_path / "api.pem"
    put(path)
    write(tmp_path, path)
    tracemalloc.start()
    try:
        site.certificates.heed_files(site.specs.tree())
        assert tracemalloc.get_traced_memory()[1] < 20 * MOST_BYTES
    finally:
        tracemalloc.stop()
    assert told(site, "certificate-refused") == [f"certificate cl1:pki/api: {said.format(path)}"]
    with pytest.raises(PermanentError, match="certificate and its key"):
        site.certificates.renew(API, who="ada", why="it was asked for")


def test_a_certificate_is_taken_once_the_database_is_back(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "api.pem"
    buy(path, 20)
    write(tmp_path, path)
    tree = site.specs.tree()
    with monkeypatch.context() as away, closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as other:
        away.setattr(database, "BUSY_SECONDS", 0.1)
        other.execute("BEGIN IMMEDIATE")
        with closing(Site(site.config)) as late:
            with pytest.raises(TemporaryError):
                late.certificates.heed_files(tree)
            other.execute("ROLLBACK")
            late.certificates.heed_files(tree)
    text = site.store.secret(API)
    assert text is not None
    assert part_of(text, "certificate", "crt") == Path(f"{path}.crt").read_text()


def test_a_renewal_is_not_done_twice(site: Site) -> None:
    ends = next(one.expires_at for one in site.store.certificates() if one.ref == API)
    site.certificates.renew(API, who="reconciler", why="it ends", ends=ends - timedelta(days=1))
    assert told(site, "certificate-renewed") == []
    site.certificates.renew(API, who="reconciler", why="it ends", ends=ends)
    assert told(site, "certificate-renewed") == ["certificate cl1:pki/api renewed: it ends"]


def test_a_renewed_root_brings_the_authority_below_it_along(site: Site) -> None:
    api = site.store.secret(API)
    site.certificates.renew(ROOT, who="ann", why="early")
    between = site.store.secret(AUTHORITY)
    root = site.store.secret(ROOT)
    assert between is not None and root is not None
    assert part_of(between, "certificate", "chain").startswith(part_of(root, "certificate", "crt"))
    assert site.store.secret(API) == api


def test_the_command_shows_revokes_and_prints_the_list(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = site.store.secret(API)
    config = ("--config", str(tmp_path / "config.yaml"))
    assert run([*config, "pki", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["state"]) for row in shown] == [
        ("cl1:pki/api", "good"), ("fleet:pki/root_ca", "good"), ("fleet:pki/oci_ca", "good"),
    ]  # fmt: skip
    assert run([*config, "pki", "revoke", "cl1:pki/api", "--why", "the key leaked"]) == 0
    assert run([*config, "pki", "revoke", "fleet:pki/oci_ca", "--why", "no"]) == 1
    capsys.readouterr()
    assert run([*config, "pki", "crl"]) == 0
    new, between, root = (site.store.secret(ref) for ref in (API, AUTHORITY, ROOT))
    assert old and new and between and root
    files = {"crl": capsys.readouterr().out, "root": root, "between": between, "old": old, "new": new}
    for name, text in files.items():
        (tmp_path / name).write_text(text if name == "crl" else part_of(text, "certificate", "crt"))
    chain = ("-CAfile", "root", "-untrusted", "between", "-crl_check_all", "-CRLfile", "crl")
    said = [
        subprocess.run(["openssl", "verify", *chain, name], cwd=tmp_path, capture_output=True, text=True, check=False)
        for name in ("old", "new")
    ]
    assert "certificate revoked" in said[0].stderr
    assert said[1].stdout == "new: OK\n"
    (event,) = (event for event in site.store.last_events() if event.kind == "certificate-revoked")
    assert event.who and "the key leaked" in event.text
