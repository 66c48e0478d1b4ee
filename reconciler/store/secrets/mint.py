"""Makes new secrets, by form. Who needs which, and where they are kept, is decided elsewhere."""

import base64
import json
import string
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from cryptography.hazmat.primitives import serialization

from ...execution.seam import choose, draw, new_rsa_key, new_uuid
from ...model.errors import PermanentError
from ...model.machine import SecretRef
from ...model.secret_parts import PARTS, join_parts
from . import pki
from .pki import Subjects

ROOT = SecretRef("fleet", "pki", "root_ca", "certificate")
AUTHORITY = SecretRef("fleet", "pki", "oci_ca", "certificate")
CLIENT_ONLY = {"client"}
"""Kinds of certificates that open connections and never answer any."""

KEY_BYTES = 32  # 256 bits; OCI's passwords are as long: 64 hexadecimal digits
SSH_BITS = 3072  # what ssh-keygen makes of "-t rsa", ssh-keygen(1); Puppet's classes say ssh-rsa, so no Ed25519
BMC_CHARACTERS = 16  # IPMI 2.0, 22.30 Set User Password: 16 bytes for those that know no 20; these have over 80 bits
_ALPHANUMERIC = string.ascii_letters + string.digits
_DASHES = "-_"
_CEPH_AES = 1  # Ceph's CEPH_CRYPTO_AES, the only type of cephx key there is
_CEPH_KEY_BYTES = 16


def mint(ref: SecretRef, at: datetime, *, authority: str | None = None, subjects: Subjects | None = None) -> str:
    """A new secret of the form that ``ref`` asks for.

    Args:
        ref: What is wanted.
        at: Now.
        authority: The text of what signs a certificate: of the root for the authority, of the authority for others.
        subjects: For whom a certificate is.

    Raises:
        PermanentError: Nobody can mint this form (``text`` must be set by an operator), or it is unknown.
    """
    if ref.form == "certificate":
        return _certificate(ref, at, authority, subjects)
    if ref.form == "cephx":
        return _cephx(at)
    minter = _MINTERS.get(ref.form)
    if minter is None:
        why = "an operator must set it" if ref.form == "text" else f"there is no form {ref.form}"
        raise PermanentError(f"the secret {ref} cannot be minted: {why}")
    return minter()


def check_text(ref: SecretRef, text: str) -> None:
    """Whether a text brought from outside can be this secret.

    Raises:
        PermanentError: It is empty, or has not the parts of its form, or they do not belong together.
    """
    if not text.strip():
        raise PermanentError(f"the secret {ref} may not be empty")
    if ref.form not in PARTS:
        return
    try:
        parts = json.loads(text)
    except ValueError:
        parts = None
    if not isinstance(parts, dict) or not all(isinstance(part, str) for part in parts.values()):
        raise PermanentError(f"the secret {ref} is a JSON object with the parts {', '.join(PARTS[ref.form])}")
    join_parts(ref.form, parts)
    if ref.form == "certificate" and (parts.get("key") or ref not in (ROOT, AUTHORITY)):
        pki.check_pair(text)


def _certificate(ref: SecretRef, at: datetime, authority: str | None, subjects: Subjects | None) -> str:
    if ref == ROOT:
        return pki.issue_root(at)
    if authority is None:
        raise PermanentError(f"the certificate {ref} needs an authority that signs it")
    if ref == AUTHORITY:
        return pki.issue_authority(authority, at)
    if subjects is None:
        raise PermanentError(f"nobody said which names the certificate {ref} is for")
    return pki.issue(authority, subjects, at, client_only=ref.kind in CLIENT_ONLY)


def _hex() -> str:
    return draw(KEY_BYTES).hex()


def _fernet() -> str:
    return base64.urlsafe_b64encode(draw(KEY_BYTES)).decode()


def _rndc() -> str:
    return base64.b64encode(draw(KEY_BYTES)).decode()


def _cephx(at: datetime) -> str:
    """A key as ``ceph-authtool --gen-print-key`` prints it: type, time made (s, ns), length, all little-endian, key."""
    seconds = int(at.timestamp())
    head = struct.pack("<HIIH", _CEPH_AES, seconds, at.microsecond * 1000, _CEPH_KEY_BYTES)
    return base64.b64encode(head + draw(_CEPH_KEY_BYTES)).decode()


def _ssh() -> str:
    key = new_rsa_key(SSH_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    kind, _, body = public.decode().partition(" ")
    return join_parts("ssh", {"private": private.decode(), "public": body, "type": kind})


def _password16() -> str:
    """A password that BMCs take as makers ship them, whatever chance says.

    Lenovo's XCC wants a digit and letters of both kinds, and no character three times in a row; Huawei's iBMC wants a
    special character, too. Dashes are what all of them, IPMI, and ipmitool's command files take. It begins with a
    letter and ends with a letter or digit: nothing takes it for an option, or cuts off its end.
    """
    inside = [string.ascii_uppercase, string.ascii_lowercase, string.digits, _DASHES]
    inside += [_ALPHANUMERIC] * (BMC_CHARACTERS - 2 - len(inside))
    text = ""
    for kind in (string.ascii_letters, *_shuffled(inside), _ALPHANUMERIC):
        text += choose([each for each in kind if each != text[-1:]])
    return text


def _shuffled(kinds: Sequence[str]) -> Sequence[str]:
    left = list(kinds)
    return [left.pop(choose(range(len(left)))) for _ in kinds]


_MINTERS: Mapping[str, Callable[[], str]] = {
    "hex": _hex,
    "fernet": _fernet,
    "rndc": _rndc,
    "uuid": new_uuid,
    "ssh": _ssh,
    "password16": _password16,
}
