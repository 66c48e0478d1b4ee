"""SSH signatures (OpenSSH's PROTOCOL.sshsig): read strictly, and verified against the keys of a file of signers."""

import base64
import binascii
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from .allowed_signers import AllowedSigner, SshSigners
from .ssh_keys import check_shape
from .ssh_wire import WireError, WireReader
from .unverified import Unverified, UnverifiedError

BEGIN: Final = b"-----BEGIN SSH SIGNATURE-----"
_END: Final = b"-----END SSH SIGNATURE-----"
_MAGIC: Final = b"SSHSIG"
_HASHES: Final = ("sha256", "sha512")


@dataclass(frozen=True, slots=True)
class SshSignature:
    """What an armored signature holds."""

    kind: str  # of the key
    blob: bytes  # the key
    namespace: str
    hash_name: str
    signature: bytes


def parse_signature(armored: bytes) -> SshSignature:
    """What one armored signature holds.

    Raises:
        UnverifiedError: It is none, or more than one.
    """
    if armored.count(BEGIN) > 1:
        raise UnverifiedError(Unverified.DOUBLED)
    try:
        return _parse(WireReader(_dearmored(armored)))
    except (WireError, binascii.Error):
        raise UnverifiedError(Unverified.MALFORMED) from None


def signer(payload: bytes, armored: bytes, namespace: str, signers: SshSigners, at: datetime) -> str:
    """Who signed something, by the name that the file of signers has.

    Args:
        payload: What should be signed.
        armored: The signature.
        namespace: What it has to be for.
        signers: Who may sign, at what time and for what.
        at: The time for which keys have to be valid. What a signature or a commit says of time is no evidence.

    Raises:
        UnverifiedError: Nobody who may.
    """
    found = parse_signature(armored)
    if found.namespace != namespace:
        raise UnverifiedError(Unverified.NAMESPACE, found.namespace)
    known = [entry for entry in signers.allowed if entry.blob == found.blob]
    if not known:
        raise UnverifiedError(Unverified.UNKNOWN_KEY, f"{found.kind} {fingerprint(found.blob)}")
    name = known[0].name
    if not check_shape(found.kind, found.signature):
        raise UnverifiedError(Unverified.MALFORMED)
    if known[0].key.do_verify(found.signature, _signed(found, payload)) is not None:
        raise UnverifiedError(Unverified.OTHER_CONTENT, name)
    if found.blob in signers.revoked:
        raise UnverifiedError(Unverified.REVOKED, name)
    return _permitted(known, namespace, at)


def fingerprint(blob: bytes) -> str:
    """A key's name as ``ssh-keygen -l`` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _permitted(known: Sequence[AllowedSigner], namespace: str, at: datetime) -> str:
    """The name of who may sign for this at that time, of the lines that have one key.

    Raises:
        UnverifiedError: No line of them permits it.
    """
    why = [entry.why_not(namespace, at) for entry in known]
    if None not in why:
        raise UnverifiedError(why[0] or Unverified.UNKNOWN_KEY, known[0].name)
    return known[why.index(None)].name


def _dearmored(armored: bytes) -> bytes:
    """The bytes within the armor, with nothing around it.

    Raises:
        WireError: There is no such armor, or something beside it.
        binascii.Error: What is in it is not base64.
    """
    begin, _, rest = armored.partition(b"\n")
    inner, end, after = rest.rpartition(b"\n" + _END)
    if begin.rstrip(b"\r") != BEGIN or not end or after.strip():
        raise WireError("no armor")
    text = b"".join(inner.split())
    content = base64.b64decode(text, validate=True)
    if base64.b64encode(content) != text:
        raise WireError("bits that belong to nothing")
    return content


def _parse(read: WireReader) -> SshSignature:
    if read.take(len(_MAGIC)) != _MAGIC or read.uint32() != 1:
        raise WireError("another format or version")
    blob = read.string()
    namespace = read.text()
    read.string()  # reserved: to be ignored, as the format has it
    hash_name = read.text()
    signature = read.string()
    read.end()
    if hash_name not in _HASHES:
        raise WireError("a hash that is not used for signatures")
    return SshSignature(WireReader(blob).text(), blob, namespace, hash_name, signature)


def _signed(found: SshSignature, payload: bytes) -> bytes:
    """What a key has signed, for a signature of something."""
    digest = hashlib.new(found.hash_name, payload).digest()
    parts = found.namespace.encode(), b"", found.hash_name.encode(), digest
    return _MAGIC + b"".join(struct.pack(">I", len(part)) + part for part in parts)
