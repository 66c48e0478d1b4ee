"""OCI's authority and its certificates come along: nodes are given the same ones, and new ones are signed by it."""

import base64
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.app.site import Site
from reconciler.model.machine import SecretRef
from reconciler.model.secret_parts import part_of
from reconciler.oci_import.certificates import Keys, certificates, login_key

from ..reference.clusters import CLUSTERS
from .mariadb import MariaDb
from .oci_pki import OciPki
from .test_database import command, site_of

NODE, OTHER, API = "swift-swiftstore-1.example.com", "swift-swiftstore-2.example.com", "swift-api.example.com"
PROXY = "swift-swiftproxy-1.example.com"  # that cluster's swift_proxy_hostname


@pytest.fixture(scope="module")
def oci(tmp_path_factory: pytest.TempPathFactory) -> OciPki:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen (apt: openssh-client)")
    made = OciPki(tmp_path_factory.mktemp("oci"))
    made.node(NODE)
    made.node(API, client=False)
    made.node(PROXY, client=False)
    made.node("gone.example.com", client=False)
    private = made.pki.parent / "id_rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", str(private)], check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def imported(
    oci: OciPki, mariadb: MariaDb, config: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, Path]]:
    """First without the folders, then with them: as long as OCI is in charge, its certificates replace ours."""
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "config.yaml").write_text(f"state: {folder}/var\n")
    url = mariadb.url("a_swift_only")
    assert command(url, config, folder) == 0
    assert command(url, config, folder, *options(oci)) == 0
    site = site_of(folder)
    yield site, folder
    site.close()


def options(oci: OciPki) -> tuple[str, ...]:
    key = oci.pki.parent / "id_rsa"
    return ("--pki", str(oci.pki), "--certificates", str(oci.ssl), "--ssh-key", str(key))


def generic(site: Site, hostname: str) -> dict[str, Any]:
    site.observe()
    document = site.documents.get(hostname)
    assert document is not None
    found = yaml.safe_load(document.yaml)["classes"]["oci::generic"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("parameter", "file"),
    [
        ("oci_pki_root_ca", "ca/oci-pki-root-ca.pem"),
        ("oci_pki_oci_ca", "ca/oci-pki-oci-ca.pem"),
        ("oci_pki_oci_ca_chain", "ca/oci-pki-oci-ca-chain.pem"),
        ("oci_pki_api_key", f"slave-nodes/{API}/{API}.key"),
        ("oci_pki_api_crt", f"slave-nodes/{API}/{API}.crt"),
        ("oci_pki_api_csr", f"slave-nodes/{API}/{API}.csr"),
        ("oci_pki_api_pem", f"slave-nodes/{API}/{API}.pem"),
        ("oci_pki_swiftproxy_pem", f"slave-nodes/{PROXY}/{PROXY}.pem"),
        ("ssl_cert_snakeoil_key", f"slave-nodes/{NODE}/{NODE}.key"),
        ("ssl_cert_snakeoil_pem", f"slave-nodes/{NODE}/{NODE}.crt"),
        ("ssl_cert_client_key", f"slave-nodes/{NODE}/{NODE}_client.key"),
        ("ssl_cert_client_crt", f"slave-nodes/{NODE}/{NODE}_client.crt"),
        ("ssl_cert_client_pem", f"slave-nodes/{NODE}/{NODE}_client.pem"),
    ],
)
def test_a_node_is_given_the_very_bytes_that_oci_gave(
    imported: tuple[Site, Path], oci: OciPki, parameter: str, file: str
) -> None:
    assert base64.b64decode(generic(imported[0], NODE)[parameter]).decode() == oci.text(file)


def test_what_oci_had_not_made_yet_is_signed_by_its_authority(
    imported: tuple[Site, Path], oci: OciPki, tmp_path: Path
) -> None:
    site, _ = imported
    ref = SecretRef("swift-swiftstore-9.example.com", "pki", "snakeoil", "certificate")
    from reconciler.store.secrets.pki import Subjects

    site.store.mint([ref], site.now(), lambda _: Subjects((ref.owner,)))
    crt = tmp_path / "crt"
    crt.write_text(part_of(site.store.secret(ref) or "", "certificate", "crt"))
    chain = str(oci.ssl / "ca/oci-pki-oci-ca-chain.pem")
    checked = subprocess.run(
        ["openssl", "verify", "-CAfile", chain, str(crt)], capture_output=True, text=True, check=False
    )
    assert checked.stdout.strip() == f"{crt}: OK", checked.stderr


def test_nodes_are_logged_in_to_with_ocis_key(imported: tuple[Site, Path], oci: OciPki) -> None:
    text = imported[0].store.secret(SecretRef("fleet", "ssh", "provisioning", "ssh"))
    public = (oci.pki.parent / "id_rsa.pub").read_text()
    assert public.startswith(part_of(text or "", "ssh", "authorized"))


def test_the_same_again_changes_nothing_and_tells_what_is_left(
    imported: tuple[Site, Path], oci: OciPki, mariadb: MariaDb, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site, folder = imported
    before = site.store.list_secrets()
    assert command(mariadb.url("a_swift_only"), config, folder, *options(oci)) == 0
    said = capsys.readouterr().out
    assert site.store.list_secrets() == before
    assert "certificates of gone.example.com: no machine and no cluster has that name" in said
    (line,) = [line for line in said.splitlines() if "so that new ones are made" in line]
    assert f"{OTHER}:pki/snakeoil" in line
    assert f"{NODE}:pki/snakeoil" not in line


def test_a_key_that_is_not_its_certificates_is_refused(
    oci: OciPki, mariadb: MariaDb, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(f"state: {tmp_path}/var\n")
    folder = tmp_path / "ssl/slave-nodes" / NODE
    folder.mkdir(parents=True)
    for end in ("key", "crt"):
        (folder / f"{NODE}.{end}").write_text(oci.text(f"slave-nodes/{NODE}/{NODE}{'_client' * (end == 'crt')}.{end}"))
    assert command(mariadb.url("a_swift_only"), config, tmp_path, "--certificates", str(tmp_path / "ssl")) == 1
    assert f"secret {NODE}:pki/snakeoil: the key is not the one" in capsys.readouterr().out


def test_an_authority_whose_key_is_elsewhere_is_told(oci: OciPki) -> None:
    found = certificates(Keys(given_out={"ca/oci-pki-oci-ca.pem": oci.text("ca/oci-pki-oci-ca.pem")}), [], [])
    assert any("fleet:pki/oci_ca has no key" in line for line in found.leftover)
    assert any("fleet:pki/root_ca: there is neither" in line for line in found.leftover)


def test_half_a_key_pair_is_none() -> None:
    with pytest.raises(ValueError, match="not one line"):
        login_key("private", "")


def test_keys_without_the_database_are_nobodys(oci: OciPki, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from reconciler.cli.app import run

    assert run(["import", "oci", "--pki", str(oci.pki), "--output", str(tmp_path / "specs")]) == 64
    assert "need --from" in capsys.readouterr().err
    assert not (tmp_path / "specs").exists()


def test_a_certificate_that_is_not_ours_to_make_is_asked_for(
    oci: OciPki, mariadb: MariaDb, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(f"state: {tmp_path}/var\n")
    url = mariadb.load("bought", CLUSTERS["a_swift_only"].sql)
    mariadb.sql(
        "UPDATE clusters SET self_signed_api_cert = 'no'; DELETE FROM machines WHERE id > 1;"
        "DELETE FROM ips WHERE usefor = 'machine' AND machine > 1",
        "bought",
    )
    assert command(url, config, tmp_path) == 0
    said = capsys.readouterr().out
    assert "cannot read /etc/reconciler/swift-api.pem" in said
    assert "OCI's certificate of the API is not self-signed" in said
    assert command(url, config, tmp_path, *options(oci)) == 0
    assert "cannot read" not in capsys.readouterr().out
