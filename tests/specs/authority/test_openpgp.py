"""OpenPGP signatures: made by GnuPG, and judged as gpgv judges them, or more strictly."""

import base64
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from reconciler.specs.authority.openpgp import CertificateError, PgpCertificate, parse_certificates, signer
from reconciler.specs.authority.unverified import Unverified, UnverifiedError

PAYLOAD = b"tree 0\n\nAn order\n"
NOW = datetime.now(UTC)
THEN = "20200601T120000"


class Gnupg:
    """Keys of people, in a folder of GnuPG's."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.chmod(0o700)
        self.make("alice")
        self.make("bob")

    def run(self, *words: str, given: bytes = b"") -> bytes:
        command = ["gpg", "--batch", "--quiet", "--no-tty", "--passphrase", "", "--pinentry-mode", "loopback", *words]
        environment = {**os.environ, "GNUPGHOME": str(self.home)}
        return subprocess.run(command, input=given, env=environment, capture_output=True, check=True).stdout

    def make(self, name: str, *, lasts: str = "never", at: str | None = None) -> str:
        """A key, made at a time; its fingerprint."""
        faked = ("--faked-system-time", at) if at else ()
        self.run(*faked, "--quick-generate-key", f"{name}@example.com", "ed25519", "sign", lasts)
        return self.fingerprint(name)

    def fingerprint(self, name: str) -> str:
        told = self.run("--with-colons", "--list-keys", f"{name}@example.com").decode()
        return next(line.split(":")[9] for line in told.splitlines() if line.startswith("fpr"))

    def certificate(self, name: str) -> PgpCertificate:
        exported = self.run("--armor", "--export", f"{name}@example.com")
        (found,) = parse_certificates(f"{name}@example.com", exported)
        return found

    def sign(self, by: str, payload: bytes = PAYLOAD, at: str | None = None, *options: str) -> bytes:
        faked = ("--faked-system-time", f"{at}!") if at else ()
        return self.run(*faked, *options, "--local-user", by, "--armor", "--detach-sign", given=payload)

    def accepts(self, name: str, signature: bytes, payload: bytes = PAYLOAD) -> bool:
        """Whether gpgv says that somebody signed it."""
        for file, content in (("ring", self.run("--export", name)), ("sig", signature), ("payload", payload)):
            (self.home / file).write_bytes(content)
        command = ["gpgv", "--keyring", str(self.home / "ring"), str(self.home / "sig"), str(self.home / "payload")]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def gnupg() -> Iterator[Gnupg]:
    if shutil.which("gpg") is None or shutil.which("gpgv") is None:
        pytest.skip("needs gpg and gpgv (apt: gnupg, gpgv)")
    pytest.importorskip("pysequoia")
    with TemporaryDirectory(prefix="gpg-") as home:  # its agent's socket wants a short path
        found = Gnupg(Path(home))
        yield found
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)


def why_not(
    certificate: PgpCertificate, signature: bytes, payload: bytes = PAYLOAD, at: datetime | None = None
) -> Unverified | None:
    """Why nobody has signed it; None: somebody has."""
    try:
        assert signer(payload, signature, (certificate,), at or datetime.now(UTC)) == certificate.name
    except UnverifiedError as error:
        return error.reason
    return None


def test_who_signed_is_known_by_the_certificate(gnupg: Gnupg) -> None:
    alice, made = gnupg.certificate("alice"), gnupg.sign("alice")
    assert gnupg.accepts("alice", made)
    assert why_not(alice, made) is None
    assert why_not(alice, made, PAYLOAD + b".") is Unverified.OTHER_CONTENT
    assert why_not(gnupg.certificate("bob"), made) is Unverified.UNKNOWN_KEY
    assert signer(PAYLOAD, made, (gnupg.certificate("bob"), alice), NOW + timedelta(hours=1)) == "alice@example.com"


def test_what_is_no_single_signature_is_none(gnupg: Gnupg) -> None:
    alice, made = gnupg.certificate("alice"), gnupg.sign("alice")
    both = gnupg.run("--local-user", "alice", "--local-user", "bob", "--armor", "--detach-sign", given=PAYLOAD)
    text = gnupg.sign("alice", PAYLOAD, None, "--textmode")
    clear = gnupg.run("--local-user", "alice", "--clearsign", given=PAYLOAD)
    assert why_not(alice, made + made) is Unverified.DOUBLED
    assert why_not(alice, both) is Unverified.DOUBLED
    for odd in (text, clear, b"", b"junk", made[:100], made + b"junk", b"junk" + made, gnupg.run("--export", "alice")):
        assert why_not(alice, odd) is Unverified.MALFORMED


def test_a_key_counts_only_while_it_is_valid_whatever_the_signature_says(gnupg: Gnupg) -> None:
    gnupg.make("old", lasts="1y", at="20200101T120000")
    made = gnupg.sign("old", PAYLOAD, THEN)
    certificate = gnupg.certificate("old")
    assert not gnupg.accepts("old", made) or certificate.why_not(gnupg.fingerprint("old").lower(), NOW)
    assert why_not(certificate, made, at=datetime(2020, 6, 2, tzinfo=UTC)) is None
    assert why_not(certificate, made) is Unverified.EXPIRED
    gnupg.make("soon", lasts="2d")
    made = gnupg.sign("soon")
    assert why_not(gnupg.certificate("soon"), made) is None
    assert why_not(gnupg.certificate("soon"), made, at=NOW + timedelta(days=3)) is Unverified.EXPIRED


def test_an_expired_subkey_signs_nothing_although_its_certificate_is_valid(gnupg: Gnupg) -> None:
    key = gnupg.make("carol", at="20200101T120000")
    gnupg.run("--faked-system-time", "20200101T130000", "--quick-add-key", key, "ed25519", "sign", "1y")
    made = gnupg.sign("carol", PAYLOAD, THEN)
    certificate = gnupg.certificate("carol")
    (subkey,) = certificate.subkeys
    assert why_not(certificate, made, at=datetime(2020, 6, 2, tzinfo=UTC)) is None
    assert why_not(certificate, made) is Unverified.EXPIRED
    assert certificate.subkeys[subkey].expires == datetime(2020, 12, 31, 13, tzinfo=UTC)


def test_a_subkey_that_is_valid_signs(gnupg: Gnupg) -> None:
    gnupg.run("--quick-add-key", gnupg.make("dora"), "ed25519", "sign", "never")
    made = gnupg.sign("dora")
    assert gnupg.accepts("dora", made)
    assert why_not(gnupg.certificate("dora"), made) is None


def test_a_revoked_certificate_signs_nothing(gnupg: Gnupg) -> None:
    key = gnupg.make("eve")
    made = gnupg.sign("eve")
    assert why_not(gnupg.certificate("eve"), made) is None
    written = (gnupg.home / f"openpgp-revocs.d/{key}.rev").read_text()
    gnupg.run("--import", given=written.replace(":-----BEGIN", "-----BEGIN").encode())
    assert not gnupg.accepts("eve", made) or gnupg.certificate("eve").primary.is_revoked
    assert why_not(gnupg.certificate("eve"), made) is Unverified.REVOKED


def test_a_certificate_that_cannot_be_used_says_why(gnupg: Gnupg) -> None:
    secret = gnupg.run("--armor", "--export-secret-keys", "alice@example.com")
    for content, told in ((b"", "read|is not there"), (b"junk", "read"), (secret, "secret key")):
        with pytest.raises(CertificateError, match=told):
            parse_certificates("alice@example.com", content)


@pytest.mark.parametrize("options", [("--export",), ("--armor", "--export")])
def test_a_person_may_have_several_certificates_in_one_file(gnupg: Gnupg, options: tuple[str, ...]) -> None:
    names = ("alice@example.com", "bob@example.com")
    together = gnupg.run(*options, *names)
    apart = b"".join(gnupg.run("--armor", "--export", name) for name in names)
    for content in (together, apart):
        found = parse_certificates("ada", content)
        assert [signer(PAYLOAD, gnupg.sign(name), found, datetime.now(UTC)) for name in names] == ["ada", "ada"]


def content_of(made: bytes) -> bytes:
    return base64.b64decode(b"".join(made.partition(b"\n\n")[2].split(b"\n")[:-2]))


def covered(made: bytes) -> tuple[bytes, bytes]:
    """A signature but for its unhashed part (RFC 9580, 5.2.3), which names keys and proves nothing."""
    packet = content_of(made)
    unhashed = 8 + int.from_bytes(packet[6:8], "big")
    rest = unhashed + 2 + int.from_bytes(packet[unhashed : unhashed + 2], "big") + 2
    return packet[:unhashed], packet[rest:]


def test_no_spoilt_signature_counts_and_none_ends_the_program(gnupg: Gnupg) -> None:
    alice, made = gnupg.certificate("alice"), gnupg.sign("alice")
    chance = random.Random(20261123)
    begin, end = made.index(b"\n\n") + 2, made.index(b"\n=")
    made = made[:end] + made[end + 6 :]  # without the checksum, which nobody has to mind
    refused = 0
    for _ in range(300):
        at = chance.randrange(begin, end)
        spoilt = made[:at] + bytes([chance.choice(b"ABCXYZabcxyz0189+/")]) + made[at + 1 :]
        if why_not(alice, spoilt) is None:
            assert covered(spoilt) == covered(made)
        else:
            refused += 1
    assert refused > 200
