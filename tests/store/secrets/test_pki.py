"""What OpenSSL itself, which the services on the nodes use, says of the certificates."""

import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.model.errors import PermanentError
from reconciler.model.machine import SecretRef
from reconciler.model.secret_parts import part_of
from reconciler.store.secrets import renewal
from reconciler.store.secrets.mint import AUTHORITY, ROOT, Subjects, mint

NOW = datetime.now(UTC)
API = SecretRef("cl1", "pki", "api", "certificate")
CLIENT = SecretRef("cl1-compute-1.example.com", "pki", "client", "certificate")
LONG = "a-really-long-host-name." * 3 + "example.com"


@pytest.fixture(scope="module")
def authorities() -> Mapping[SecretRef, str]:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl (apt: openssl)")
    root = mint(ROOT, NOW)
    return {ROOT: root, AUTHORITY: mint(AUTHORITY, NOW, authority=root)}


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)


def write(folder: Path, text: str, *parts: str) -> list[Path]:
    paths = [folder / part for part in parts]
    for path in paths:
        path.write_text(part_of(text, "certificate", path.name))
    return paths


def verify(folder: Path, authorities: Mapping[SecretRef, str], text: str, *options: str) -> str:
    (folder / "root").write_text(part_of(authorities[ROOT], "certificate", "crt"))
    (folder / "between").write_text(part_of(authorities[AUTHORITY], "certificate", "crt"))
    write(folder, text, "crt")
    chain = ("-CAfile", folder / "root", "-untrusted", folder / "between")
    said = openssl("verify", "-x509_strict", *options, *chain, folder / "crt")
    return said.stdout + said.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("-purpose", "sslserver", "-verify_hostname", "cl1-api.example.com"),
        ("-purpose", "sslserver", "-verify_ip", "203.0.113.2"),
        ("-purpose", "sslserver", "-verify_ip", "2001:db8::2"),
        ("-purpose", "sslclient"),
    ],
)
def test_the_api_is_known_by_its_name_and_addresses(
    tmp_path: Path, authorities: Mapping[SecretRef, str], options: tuple[str, ...]
) -> None:
    subjects = Subjects(("cl1-api.example.com", "cl1-api.example.com"), ("203.0.113.2", "2001:db8::2"))
    made = mint(API, NOW, authority=authorities[AUTHORITY], subjects=subjects)
    assert verify(tmp_path, authorities, made, *options).endswith(": OK\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-purpose", "sslserver"), "unsuitable certificate purpose"),
        (("-verify_hostname", "cl1-compute-2.example.com"), "hostname mismatch"),
    ],
)
def test_a_client_certificate_serves_nobody_and_is_nobody_elses(
    tmp_path: Path, authorities: Mapping[SecretRef, str], options: tuple[str, ...], said: str
) -> None:
    made = mint(CLIENT, NOW, authority=authorities[AUTHORITY], subjects=Subjects((CLIENT.owner,)))
    assert verify(tmp_path, authorities, made, "-purpose", "sslclient").endswith(": OK\n")
    assert said in verify(tmp_path, authorities, made, *options)


def test_a_name_longer_than_a_common_name_may_be_is_still_known(
    tmp_path: Path, authorities: Mapping[SecretRef, str]
) -> None:
    made = mint(API, NOW, authority=authorities[AUTHORITY], subjects=Subjects((LONG,)))
    assert verify(tmp_path, authorities, made, "-verify_hostname", LONG).endswith(": OK\n")


def test_the_bundle_is_what_a_server_reads(tmp_path: Path, authorities: Mapping[SecretRef, str]) -> None:
    made = mint(API, NOW, authority=authorities[AUTHORITY], subjects=Subjects(("cl1-api.example.com",)))
    crt, key, csr, pem = write(tmp_path, made, "crt", "key", "csr", "pem")
    assert pem.read_text().startswith(crt.read_text())
    assert pem.read_text().endswith(key.read_text())
    public = openssl("x509", "-in", crt, "-noout", "-pubkey").stdout
    assert public == openssl("pkey", "-in", key, "-pubout").stdout
    # Since OpenSSL 3.5 the verdict stands on standard output, before the key.
    assert openssl("req", "-in", csr, "-noout", "-pubkey", "-verify").stdout.endswith(public)
    assert part_of(made, "certificate", "chain").count("BEGIN CERTIFICATE") == 2


def test_a_certificate_for_nobody_is_refused(authorities: Mapping[SecretRef, str]) -> None:
    with pytest.raises(PermanentError, match="at least one host name"):
        mint(API, NOW, authority=authorities[AUTHORITY], subjects=Subjects(()))
    with pytest.raises(PermanentError, match="nobody said which names"):
        mint(API, NOW, authority=authorities[AUTHORITY])
    with pytest.raises(PermanentError, match="needs an authority"):
        mint(API, NOW, subjects=Subjects(("cl1-api.example.com",)))


def test_what_an_authority_signed_stays_good_when_it_is_renewed(
    tmp_path: Path, authorities: Mapping[SecretRef, str]
) -> None:
    made = mint(API, NOW, authority=authorities[AUTHORITY], subjects=Subjects(("cl1-api.example.com",)))
    later = NOW + timedelta(days=19 * 365)
    root = renewal.renew_root(authorities[ROOT], later)
    between = renewal.renew_authority(authorities[AUTHORITY], root, later)
    assert renewal.end_of(between) > renewal.end_of(authorities[AUTHORITY]) + timedelta(days=18 * 365)
    assert verify(tmp_path, {ROOT: root, AUTHORITY: between}, made, "-no_check_time").endswith(": OK\n")
    fresh = mint(API, later, authority=between, subjects=Subjects(("cl1-api.example.com",)))
    at = str(int((NOW + timedelta(days=25 * 365)).timestamp()))
    assert verify(tmp_path, {ROOT: root, AUTHORITY: between}, fresh, "-attime", at).endswith(": OK\n")


def test_a_revoked_certificate_is_believed_no_more(tmp_path: Path, authorities: Mapping[SecretRef, str]) -> None:
    old, new = (mint(CLIENT, NOW, authority=authorities[AUTHORITY], subjects=Subjects((CLIENT.owner,))) for _ in "ab")
    revoked = [(renewal.number_of(old), NOW)]
    (tmp_path / "crl").write_text(
        renewal.revocation_list(authorities[AUTHORITY], revoked, NOW)
        + renewal.revocation_list(authorities[ROOT], (), NOW)
    )
    crl = ("-crl_check_all", "-CRLfile", str(tmp_path / "crl"))
    assert "certificate revoked" in verify(tmp_path, authorities, old, *crl)
    assert verify(tmp_path, authorities, new, *crl).endswith(": OK\n")


def test_a_bought_certificate_is_taken_with_what_is_above_it_in_any_order(
    tmp_path: Path, authorities: Mapping[SecretRef, str]
) -> None:
    made = mint(API, NOW, authority=authorities[AUTHORITY], subjects=Subjects(("cl1-api.example.com",)))
    above = part_of(authorities[AUTHORITY], "certificate", "crt")
    crt, key = (part_of(made, "certificate", part) for part in ("crt", "key"))
    taken = renewal.bought(above + key + crt)
    assert part_of(taken, "certificate", "crt") == crt + above
    assert renewal.end_of(taken) == renewal.end_of(made)
    assert verify(tmp_path, authorities, taken).endswith(": OK\n")
    (csr,) = write(tmp_path, taken, "csr")
    assert openssl("req", "-in", csr, "-noout", "-verify").returncode == 0


@pytest.mark.parametrize(("part", "said"), [("crt", "no private key"), ("key", "no certificate in PEM")])
def test_half_a_certificate_is_refused(authorities: Mapping[SecretRef, str], part: str, said: str) -> None:
    made = mint(API, NOW, authority=authorities[AUTHORITY], subjects=Subjects(("cl1-api.example.com",)))
    with pytest.raises(PermanentError, match=said):
        renewal.bought(part_of(made, "certificate", part))


def test_a_key_of_another_certificate_is_refused(authorities: Mapping[SecretRef, str]) -> None:
    made = mint(API, NOW, authority=authorities[AUTHORITY], subjects=Subjects(("cl1-api.example.com",)))
    other = part_of(authorities[ROOT], "certificate", "crt")
    with pytest.raises(PermanentError, match="not the one that its certificate is for"):
        renewal.bought(other + part_of(made, "certificate", "key"))
