"""SSH signatures: what is accepted is what OpenSSH accepts, and no more."""

import base64
import os
import random
import shutil
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from reconciler.specs.authority.allowed_signers import SshSigners, parse_revoked, parse_signers
from reconciler.specs.authority.ssh_signatures import signer
from reconciler.specs.authority.unverified import Unverified, UnverifiedError

from .keys import ARMOR, Key, OpenSsh, armored, ed25519_key, make_key, sign, wire

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
DAY = timedelta(days=1)
PAYLOAD = b"tree 0\n\nAn order\n"
PAIRS = int(os.environ.get("ORACLE_PAIRS", "200"))
"""Compared with OpenSSH, a process for each. ``make fuzz`` draws 10,000."""


def make_keys() -> dict[str, Key]:
    curves = {"nistp256": ec.SECP256R1(), "nistp384": ec.SECP384R1(), "nistp521": ec.SECP521R1()}
    return {
        "ed25519": ed25519_key(),
        "rsa": Key(rsa.generate_private_key(65537, 2048)),
        **{name: Key(ec.generate_private_key(curve)) for name, curve in curves.items()},
        "sk-ed25519": Key(ed25519_key().private, hardware=True),
        "sk-ecdsa": Key(ec.generate_private_key(ec.SECP256R1()), hardware=True, application=b"ssh:orders"),
    }


KEYS = make_keys()


@pytest.fixture
def openssh(tmp_path: Path) -> OpenSsh:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen (apt: openssh-client)")
    return OpenSsh(tmp_path)


def why_not(
    allowed: str, signature: str, payload: bytes = PAYLOAD, at: datetime = NOW, revoked: str = ""
) -> Unverified | None:
    """Why nobody has signed it; None: somebody has."""
    try:
        signers = SshSigners(parse_signers(allowed, "signers"), parse_revoked(revoked, "revoked"))
        assert signer(payload, signature.encode(), "git", signers, at) == "alice@example.com"
    except UnverifiedError as error:
        assert str(error).isprintable()
        return error.reason
    return None


@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_each_kind_is_verified_as_openssh_does(openssh: OpenSsh, name: str) -> None:
    key = KEYS[name]
    allowed = f"alice@example.com {key.public} Alice's key\n"
    openssh.allow(allowed)
    for hash_name in ("sha256", "sha512"):
        made = key.sign(PAYLOAD, hash_name=hash_name)
        assert openssh.accepts(PAYLOAD, made, "alice@example.com")
        assert why_not(allowed, made) is None
        assert why_not(allowed, made, PAYLOAD + b".") is Unverified.OTHER_CONTENT


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_what_openssh_signs_is_accepted(openssh: OpenSsh, kind: str) -> None:
    path = make_key(openssh.folder / "alice", kind)
    allowed = f"alice@example.com {path.with_suffix('.pub').read_text()}"
    assert why_not(allowed, sign(path, PAYLOAD)) is None
    assert why_not(allowed, sign(path, PAYLOAD, "git", "-Ohashalg=sha256")) is None
    assert why_not(allowed, sign(path, PAYLOAD, "file")) is Unverified.NAMESPACE
    assert why_not(allowed, sign(make_key(openssh.folder / "mallory", kind), PAYLOAD)) is Unverified.UNKNOWN_KEY


GOOD = KEYS["ed25519"].sign(PAYLOAD)
ALICE = f"alice@example.com {KEYS['ed25519'].public}\n"


def inner(hash_name: str = "sha512", version: int = 1, tail: bytes = b"", namespace: bytes = b"git") -> str:
    """A signature with a part of it replaced."""
    key = KEYS["ed25519"]
    head = b"SSHSIG" + struct.pack(">I", version) + wire(key.blob, namespace, b"", hash_name.encode())
    return armored(head + wire(wire(b"ssh-ed25519", bytes(64))) + tail)


@pytest.mark.parametrize(
    ("signature", "why"),
    [
        ("", Unverified.MALFORMED),
        ("no signature", Unverified.MALFORMED),
        (armored(b""), Unverified.MALFORMED),
        (armored(b"SSHSIG"), Unverified.MALFORMED),
        (GOOD + GOOD, Unverified.DOUBLED),
        (GOOD + "something else\n", Unverified.MALFORMED),
        ("something else\n" + GOOD, Unverified.MALFORMED),
        (GOOD.replace(ARMOR.format("END"), ""), Unverified.MALFORMED),
        (GOOD.replace("U1NI", "U1N*"), Unverified.MALFORMED),
        (inner("md5"), Unverified.MALFORMED),
        (inner("sha1"), Unverified.MALFORMED),
        (inner("shake_256"), Unverified.MALFORMED),
        (inner(version=2), Unverified.MALFORMED),
        (inner(tail=b"more"), Unverified.MALFORMED),
        (inner(namespace=b"g\xff"), Unverified.MALFORMED),
        (inner(namespace=b"git\x1b[2J"), Unverified.NAMESPACE),
        (inner(namespace=b""), Unverified.NAMESPACE),
        (inner(), Unverified.OTHER_CONTENT),
    ],
    ids=range(18),
)
def test_what_is_no_such_signature_is_none(signature: str, why: Unverified) -> None:
    assert why_not(ALICE, GOOD) is None
    assert why_not(ALICE, signature) is why


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ('namespaces="git" ', None),
        ('namespaces="file,g*" ', None),
        ('NameSpaces="git",valid-after="20260101Z" ', None),
        ('namespaces="file" ', Unverified.NOT_FOR_THIS),
        ('namespaces="*,!git" ', Unverified.NOT_FOR_THIS),
        ('valid-after="20261123100001Z" ', Unverified.NOT_YET),
        ('valid-after="202611231000Z",valid-before="202611231000UTC01"', "invalid"),
        ('valid-before="20261123095959Z" ', Unverified.EXPIRED),
        ('valid-after="20261123100000Z",valid-before="20261124Z" ', None),
    ],
)
def test_a_key_counts_for_what_and_when_its_line_says(options: str, why: Unverified | str | None) -> None:
    line = f"alice@example.com {options}{KEYS['ed25519'].public}\n"
    if why == "invalid":
        with pytest.raises(ValueError, match="signers:1: "):
            parse_signers(line, "signers")
        return
    assert why_not(line, GOOD) is why


def test_one_line_that_permits_it_is_enough() -> None:
    old = f'alice@example.com valid-before="20200101" {KEYS["ed25519"].public}\n'
    assert why_not(old, GOOD) is Unverified.EXPIRED
    assert why_not(old + ALICE, GOOD) is None
    assert why_not(ALICE + old, GOOD) is None


def test_a_revoked_key_signs_nothing_whenever_it_did() -> None:
    assert why_not(ALICE, GOOD, revoked=f"# lost\n{KEYS['ed25519'].public} lost\n") is Unverified.REVOKED
    assert why_not(ALICE, GOOD, revoked=KEYS["rsa"].public) is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("alice@example.com", "an option|neither a kind|a line is|KIND KEY"),
        (f"*@example.com {KEYS['rsa'].public}", "not the name of one person"),
        (f"alice@example.com,bob@example.com {KEYS['rsa'].public}", "not the name of one person"),
        (f'"" {KEYS["rsa"].public}', "not the name of one person"),
        (f"ca@example.com cert-authority {KEYS['rsa'].public}", "certificates are not taken"),
        (f'ca@example.com namespaces="git",cert-authority {KEYS["rsa"].public}', "certificates are not taken"),
        (f"alice@example.com permit-all {KEYS['rsa'].public}", "neither a kind of key"),
        (f'alice@example.com namespaces="git",namespaces="x" {KEYS["rsa"].public}', "there twice"),
        (f'alice@example.com valid-after="soon" {KEYS["rsa"].public}', '"soon" is no time'),
        (f'alice@example.com valid-after="20261399" {KEYS["rsa"].public}', "is no time"),
        (f'alice@example.com valid-after="20270101",valid-before="20260101" {KEYS["rsa"].public}', "valid-before"),
        ("alice@example.com ssh-dss AAAAB3NzaC1kc3MAAACBAO", "neither a kind of key"),
        ("alice@example.com ssh-ed25519 ***", "is not base64"),
        ("alice@example.com ssh-ed25519 AAAA", "cannot be read"),
        (f"alice@example.com ssh-rsa {KEYS['ed25519'].public.split()[1]}", "of another kind"),
        (f"alice@example.com {Key(rsa.generate_private_key(65537, 1024)).public}\nbob@example.com", "signers:2"),
        (f"{ALICE}bob@example.com {KEYS['ed25519'].public}", "has the key of alice@example.com"),
    ],
    ids=range(17),
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_told_with_its_number(line: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as refusal:
        parse_signers(line, "signers")
    assert str(refusal.value).startswith("signers:")


def test_all_lines_that_are_wrong_are_told() -> None:
    with pytest.raises(ValueError, match=r"(?s)s:2: .*s:4: "):
        parse_signers(f"# people\nalice\n{ALICE}* {KEYS['rsa'].public}\n", "s")


def test_a_certificate_signs_nothing() -> None:
    blob = wire(b"ssh-ed25519-cert-v01@openssh.com") + KEYS["ed25519"].blob[15:]
    made = armored(b"SSHSIG" + struct.pack(">I", 1) + wire(blob, b"git", b"", b"sha512", wire(b"ssh-ed25519", b"x")))
    assert why_not(ALICE, made) is Unverified.UNKNOWN_KEY


@dataclass(frozen=True)
class Pair:
    """A payload, a signature, and what is allowed; it was made valid, or spoilt in one way."""

    key: Key
    payload: bytes
    signature: str
    options: str
    is_revoked: bool = False


def flipped(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) * 8)
    changed = bytearray(content)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


def draw(chance: random.Random) -> Pair:
    key = KEYS[chance.choice(list(KEYS))]
    payload = chance.randbytes(chance.choice([0, 1, 40, 700]))
    made = key.sign(payload, hash_name=chance.choice(["sha256", "sha512"]))
    fine = ["", 'namespaces="git" ', 'namespaces="git,file" ', 'valid-after="20261122Z" ', 'valid-before="20261124Z" ']
    good = Pair(key, payload, made, chance.choice(fine))
    content = base64.b64decode("".join(made.splitlines()[1:-1]))
    spoilt = [
        Pair(key, flipped(payload or b"x", chance), made, good.options),
        Pair(key, payload, armored(flipped(content, chance)), good.options),
        Pair(key, payload, armored(content[: chance.randrange(len(content))]), good.options),
        Pair(key, payload, armored(content + chance.randbytes(1)), good.options),
        Pair(key, payload, key.sign(payload, chance.choice(["file", "", "gi", "git "])), good.options),
        Pair(KEYS[chance.choice(list(KEYS))], payload, ed25519_key().sign(payload), good.options),
        Pair(key, payload, made, chance.choice(['namespaces="file" ', 'valid-before="20261122Z" '])),
        Pair(key, payload, made, 'valid-after="20261124Z" '),
        Pair(key, payload, made, good.options, is_revoked=True),
    ]
    return good if chance.random() < 0.5 else chance.choice(spoilt)


def test_as_many_as_are_drawn_are_judged_as_openssh_judges_them(openssh: OpenSsh) -> None:
    chance = random.Random(20261123)
    accepted = 0
    for number in range(PAIRS):
        pair = draw(chance)
        allowed = f"alice@example.com {pair.options}{pair.key.public}\n"
        openssh.allow(allowed)
        revoked = openssh.folder / "revoked"
        revoked.write_text(f"{pair.key.public}\n" if pair.is_revoked else "")
        how = {"-O": "verify-time=20261123100000Z", **({"-r": str(revoked)} if pair.is_revoked else {})}
        said = openssh.accepts(pair.payload, pair.signature, "alice@example.com", options=how)
        ours = why_not(allowed, pair.signature, pair.payload, revoked=revoked.read_text())
        assert said == (ours is None), (number, pair, ours)
        accepted += said
    assert PAIRS * 0.4 < accepted < PAIRS * 0.6
