"""Public SSH keys, and whether one of them made a signature.

The library ``sshsig`` has RSA and Ed25519. ECDSA, and keys that live in hardware, are beside them here, as kinds of its
``PublicKey``: whoever holds a hardware key should be able to order with it.
"""

import base64
import hashlib
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from sshsig import PublicKey

from .ssh_wire import WireError, WireReader

MIN_RSA_BITS: Final = 1024
"""As OpenSSH's SSH_RSA_MINIMUM_MODULUS_SIZE (sshkey.h)."""

_CURVES: Final[dict[str, hashes.HashAlgorithm]] = {
    "ecdsa-sha2-nistp256": hashes.SHA256(),
    "ecdsa-sha2-nistp384": hashes.SHA384(),
    "ecdsa-sha2-nistp521": hashes.SHA512(),
}
"""The hash that each curve goes with (RFC 5656, 6.2.1)."""
_RSA_SIGNATURES: Final = ("rsa-sha2-256", "rsa-sha2-512")
_SK_ED25519: Final = "sk-ssh-ed25519@openssh.com"
_SK_ECDSA: Final = "sk-ecdsa-sha2-nistp256@openssh.com"
KINDS: Final = ("ssh-ed25519", "ssh-rsa", *_CURVES, _SK_ED25519, _SK_ECDSA)


class SshKeyError(ValueError):
    """A key that cannot be used. The text completes "the key ..."."""


def read_key(kind: str, blob: bytes) -> PublicKey:
    """A public key, of its blob as OpenSSH writes it.

    Args:
        kind: That stands before it, such as ``ssh-ed25519``.
        blob: The key, which begins with its kind again.

    Raises:
        SshKeyError: It is none, or of a kind that nobody may sign with.
    """
    if kind not in KINDS:
        raise SshKeyError(f'is of the kind "{kind}", which is not verified here; use one of {", ".join(KINDS)}')
    try:
        is_of_kind = WireReader(blob).text() == kind
        key = load_ssh_public_key(_line(kind, blob)) if is_of_kind else None  # which is strict about what it reads
    except (ValueError, UnsupportedAlgorithm):
        raise SshKeyError("cannot be read") from None
    if not is_of_kind:
        raise SshKeyError("is of another kind than stands before it")
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise SshKeyError(f"has {key.key_size} bits; RSA needs {MIN_RSA_BITS}")
    return _MADE.get(kind, _of_library)(kind, blob)


def check_shape(kind: str, signature: bytes) -> bool:
    """Whether a signature blob is one that a key of a kind makes, and nothing more."""
    try:
        read = WireReader(signature)
        made_by = read.text()
        raw = read.string()
        if kind.startswith("sk-"):
            read.take(5)  # flags and counter
        read.end()
    except WireError:
        return False
    return bool(raw) and (made_by in _RSA_SIGNATURES if kind == "ssh-rsa" else made_by == kind)


class _EcdsaKey(PublicKey):
    """An ECDSA key."""

    def __init__(self, kind: str, blob: bytes) -> None:
        key = load_ssh_public_key(_line(kind, blob))
        assert isinstance(key, EllipticCurvePublicKey)
        self._kind, self._blob, self._key = kind, blob, key

    @property
    def algo_name(self) -> str:
        return self._kind

    def openssh_str(self) -> str:
        return _line(self._kind, self._blob).decode()

    def do_verify(self, signature: bytes, message: bytes) -> Exception | None:
        read = WireReader(signature)
        read.text()
        try:
            self._key.verify(_der(read.string()), message, ECDSA(_CURVES[self._kind]))
        except (InvalidSignature, WireError) as error:
            return error
        return None


class _HardwareKey(PublicKey):
    """A key in a security key (OpenSSH's PROTOCOL.u2f): it signs what it was asked to, and how it was asked."""

    def __init__(self, kind: str, blob: bytes) -> None:
        key = load_ssh_public_key(_line(kind, blob))
        assert isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey)
        self._kind, self._blob, self._key = kind, blob, key
        read = WireReader(blob)
        while read.left:
            self._application = read.string()  # its last part

    @property
    def algo_name(self) -> str:
        return self._kind

    def openssh_str(self) -> str:
        return _line(self._kind, self._blob).decode()

    def do_verify(self, signature: bytes, message: bytes) -> Exception | None:
        read = WireReader(signature)
        read.text()
        raw = read.string()
        asked = hashlib.sha256(self._application).digest() + read.take(5) + hashlib.sha256(message).digest()
        try:
            if isinstance(self._key, Ed25519PublicKey):
                self._key.verify(raw, asked)
            else:
                self._key.verify(_der(raw), asked, ECDSA(hashes.SHA256()))
        except (InvalidSignature, WireError) as error:
            return error
        return None


def _of_library(kind: str, blob: bytes) -> PublicKey:
    return PublicKey.from_openssh_str(_line(kind, blob).decode())


_MADE: Final[dict[str, Callable[[str, bytes], PublicKey]]] = {
    **dict.fromkeys(_CURVES, _EcdsaKey),
    _SK_ED25519: _HardwareKey,
    _SK_ECDSA: _HardwareKey,
}


def _der(raw: bytes) -> bytes:
    """An ECDSA signature as the library wants it.

    Raises:
        WireError: It is none.
    """
    read = WireReader(raw)
    r, s = read.number(), read.number()
    read.end()
    return encode_dss_signature(r, s)


def _line(kind: str, blob: bytes) -> bytes:
    return kind.encode() + b" " + base64.b64encode(blob)
