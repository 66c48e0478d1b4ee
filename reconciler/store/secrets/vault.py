"""Keeps secrets unreadable at rest, under a key that is never in the database.

A stolen copy of the database is worth nothing without the key file; a backup of one needs a backup of the other. Each
text is sealed with AES-256-GCM and bound to the secret's name, so a row moved to another name does not open.
"""

import base64
import binascii
import contextlib
import hmac
import os
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ...execution.seam import draw
from ...model.errors import PermanentError
from ...model.machine import SecretRef

KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D, 8.2: 96 bits, drawn anew for each text
FINGERPRINT_DIGITS = 12  # 48 bits of an HMAC: enough to see a change, and no help in guessing without the key


class Sealer:
    """Seals and opens bytes under a key that is made from the secret key for one purpose."""

    def __init__(self, key: bytes, purpose: bytes) -> None:
        self._cipher = AESGCM(_derived(key, purpose))
        self._names = _derived(key, purpose + b" names")

    def seal(self, content: bytes, name: bytes) -> bytes:
        """The content as it may be stored under a name."""
        nonce = draw(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, name)

    def open(self, sealed: bytes, name: bytes) -> bytes:
        """The content again.

        Raises:
            PermanentError: It was sealed under another key or another name, or was altered.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name)
        except (InvalidTag, ValueError) as error:
            raise PermanentError("it does not open: wrong key, or altered on disk") from error

    def name_of(self, content: bytes) -> bytes:
        """A digest: equal for equal content; nobody gets back from it, or can try what the content may be."""
        return hmac.new(self._names, content, sha256).digest()[:16]


class Vault:
    """Seals and opens texts under one key."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise PermanentError(f"the secret key has {len(key)} bytes, not {KEY_BYTES}")
        self._cipher = AESGCM(_derived(key, b"seal"))
        self._fingerprints = _derived(key, b"fingerprint")
        self.check = _derived(key, b"check").hex()[:16]  # tells keys apart, and betrays neither

    def seal(self, ref: SecretRef, text: str) -> bytes:
        """The text as it may be stored under the name of ``ref``."""
        nonce = draw(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), _name(ref))

    def open(self, ref: SecretRef, sealed: bytes) -> str:
        """The text again.

        Raises:
            PermanentError: It was sealed under another key or another name, or was altered.
        """
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, body, _name(ref)).decode()
        except (InvalidTag, ValueError) as error:
            raise PermanentError(f"the secret {ref} does not open: wrong key, or altered in the database") from error

    def fingerprint(self, ref: SecretRef, text: str) -> str:
        """Stands for the text in plans and logs: same secret and text, same fingerprint; nobody gets back from it."""
        said = _name(ref) + b"\0" + text.encode()
        return hmac.new(self._fingerprints, said, sha256).hexdigest()[:FINGERPRINT_DIGITS]


def _name(ref: SecretRef) -> bytes:
    return "\0".join((ref.owner, ref.service, ref.kind)).encode()


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"reconciler secrets: " + purpose).derive(key)


def made_for(key: bytes, purpose: bytes) -> bytes:
    """Another key, made from the secret key for one purpose: it tells nothing of the one that it is made from."""
    return _derived(key, purpose)


def load_or_create_key(path: Path) -> bytes:
    """The key in ``path``; made there, readable by its owner alone, when there is none.

    Two processes that start together end with the same key.

    Raises:
        PermanentError: Others may read the file, or it holds no key.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # mode 0600
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(base64.urlsafe_b64encode(draw(KEY_BYTES)) + b"\n")
                out.flush()
                os.fsync(out.fileno())
            with contextlib.suppress(FileExistsError):  # another process was faster: its key holds
                os.link(fresh, path)  # unlike rename, never replaces
        finally:
            os.unlink(fresh)
    return load_key(path)


def load_key(path: Path) -> bytes:
    """The key in ``path``.

    Raises:
        PermanentError: There is no such file, others may read it, or it holds no key.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(1024)
    except OSError as error:
        raise PermanentError(f"cannot read the secret key {path}: {error.strerror}") from error
    if mode & 0o077:
        raise PermanentError(f"the secret key {path} is open to others (mode {mode:04o}): chmod 600 {path}")
    return _parse_key(text, f"the file {path}")


def _parse_key(text: bytes, source: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise PermanentError(f"{source} holds no secret key: {KEY_BYTES} bytes in base64 (openssl rand -base64 32)")
    return key
