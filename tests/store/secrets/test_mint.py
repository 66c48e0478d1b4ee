import base64
import json
import re
import shutil
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.model.bmc import check_password
from reconciler.model.errors import PermanentError
from reconciler.model.machine import SecretRef
from reconciler.model.secret_parts import part_of
from reconciler.provisioning.bmc import login_file
from reconciler.store.secrets import mint

from ...reference.clusters import CLUSTERS

NOW = datetime(2026, 11, 22, 12, 0, 0, 5000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("hex", r"[0-9a-f]{64}"),
        ("fernet", r"[A-Za-z0-9_-]{43}="),
        ("rndc", r"[A-Za-z0-9+/]{43}="),
        ("cephx", r"AQ[A-Za-z0-9+/]{36}=="),
        ("uuid", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("password16", r"[A-Za-z][A-Za-z0-9_-]{14}[A-Za-z0-9]"),
    ],
)
def test_every_form_looks_as_its_service_wants_it(form: str, pattern: str) -> None:
    ref = SecretRef("cl1", "some", "thing", form)
    made = {mint.mint(ref, NOW) for _ in range(5)}
    assert len(made) == 5
    assert all(re.fullmatch(pattern, text) for text in made)


@pytest.mark.parametrize(
    ("wanted", "there"),
    [("[0-9]", True), ("[A-Z]", True), ("[a-z]", True), ("[_-]", True), (r"(.)\1", False), ("[_-].*[_-]", False)],
)
def test_a_password_of_a_bmc_is_one_that_makers_accept(wanted: str, there: bool) -> None:
    ref = SecretRef("bmc:A", "bmc", "next_password", "password16")
    made = [mint.mint(ref, NOW) for _ in range(500)]
    assert {re.search(wanted, text) is not None for text in made} == {there}
    for text in made:
        check_password(text)
        assert login_file(2, text)


def test_a_cephx_key_says_its_type_time_and_length() -> None:
    raw = base64.b64decode(mint.mint(SecretRef("cl1", "ceph", "admin", "cephx"), NOW))
    kind, seconds, nanoseconds, length = struct.unpack("<HIIH", raw[:12])
    assert (kind, seconds, nanoseconds, length) == (1, int(NOW.timestamp()), 5_000_000, 16)
    assert len(raw) == 28


@pytest.mark.parametrize(("name", "parameter", "form"), [
    ("a_swift_only", "pass_nova_db", "hex"),
    ("a_swift_only", "pass_designate_rndckey", "rndc"),
    ("a_swift_only", "pass_barbican_kek", "fernet"),
    ("a_swift_only", "pass_glance_ssh_pub", "ssh"),
    ("c_compute_ceph", "ceph_admin_key", "cephx"),
    ("c_compute_ceph", "ceph_fsid", "uuid"),
])  # fmt: skip
def test_ours_are_as_long_as_what_oci_gave(name: str, parameter: str, form: str) -> None:
    classes = (one for document in CLUSTERS[name].documents.values() for one in document.values())
    given = next(parameters[parameter] for parameters in classes if parameter in parameters)
    ours = mint.mint(SecretRef("cl1", "some", "thing", form), NOW)
    assert len(part_of(ours, form, "public" if form == "ssh" else None)) == len(given)


def test_a_text_must_be_set_by_an_operator() -> None:
    with pytest.raises(PermanentError, match="an operator must set it"):
        mint.mint(SecretRef("fleet", "apt", "token", "text"), NOW)


def test_a_key_pair_is_one_that_ssh_takes(tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen (apt: openssh-client)")
    pair = mint.mint(SecretRef("cl1", "nova", "ssh", "ssh"), NOW)
    key = tmp_path / "id"
    key.write_text(part_of(pair, "ssh", "private"))
    key.chmod(0o600)
    shown = subprocess.run(["ssh-keygen", "-y", "-f", key], check=True, capture_output=True, text=True).stdout
    assert shown.split()[:2] == part_of(pair, "ssh", "authorized").split()


def test_what_is_set_from_outside_is_looked_at() -> None:
    ref = SecretRef("cl1", "pki", "api", "certificate")
    mint.check_text(SecretRef("cl1", "nova", "db"), "anything")
    mint.check_text(ref, mint.mint(mint.ROOT, NOW))
    other = json.loads(mint.mint(mint.ROOT, NOW))
    mixed = json.dumps(json.loads(mint.mint(mint.ROOT, NOW)) | {"key": other["key"]})
    for text, said in [
        (" ", "may not be empty"),
        ("{", "JSON object"),
        ('["key", "crt"]', "JSON object"),
        ('{"key": 1, "crt": 2}', "JSON object"),
        ('{"key": "k"}', "needs crt"),
        ('{"key": "k", "crt": "c"}', "not PEM"),
        (mixed, "not the one that the certificate is for"),
    ]:
        with pytest.raises(PermanentError, match=said):
            mint.check_text(ref, text)
