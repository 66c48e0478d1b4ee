"""OpenPGP signatures, and certificates of whoever may make them. Read by Sequoia, through ``pysequoia``.

Sequoia judges a signature for the time that the signature itself names, which whoever has an old key may choose. So the
key has to be good at the time that the caller names, too.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from .unverified import Unverified, UnverifiedError

if TYPE_CHECKING:
    from pysequoia import Cert, Sig
    from pysequoia.packet import Packet

BEGIN: Final = b"-----BEGIN PGP SIGNATURE-----"
_END: Final = b"-----END PGP SIGNATURE-----"
_BLOCK: Final = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"


class CertificateError(ValueError):
    """A certificate that cannot be used. The text completes "the certificate ..."."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of a certificate."""

    expires: datetime | None
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class PgpCertificate:
    """A person's certificate."""

    name: str
    cert: "Cert"
    primary: SigningKey
    subkeys: dict[str, SigningKey]  # by fingerprint

    def why_not(self, signing_key: str, at: datetime) -> Unverified | None:
        """Why one of its keys may not sign at a time; None: it may."""
        keys = self.primary, self.subkeys.get(signing_key, self.primary)
        if any(key.is_revoked for key in keys):
            return Unverified.REVOKED
        return Unverified.EXPIRED if any(key.expires is not None and at >= key.expires for key in keys) else None


def parse_certificates(name: str, content: bytes) -> tuple[PgpCertificate, ...]:
    """The certificates of one person, armored or not: the present one, and those of before whose commits still count.

    Raises:
        CertificateError: There is none, one cannot be read, or Sequoia cannot be had.
    """
    try:
        import pysequoia  # noqa: F401  whether it can be had
    except ImportError:
        raise CertificateError(
            'needs the library pysequoia: pip install "openstack-cluster-reconciler[openpgp]"'
        ) from None
    try:
        with _no_panic():
            found = [one for block in _blocks(content) for one in _certificates(name, block)]
    except RuntimeError:
        raise CertificateError("cannot be read; gpg --armor --export NAME writes one") from None
    if not found:
        raise CertificateError("is not there: the file holds none")
    return tuple(found)


def _certificates(name: str, block: bytes) -> Iterator[PgpCertificate]:
    """Those that one block has.

    Raises:
        CertificateError: It holds a secret key.
    """
    from pysequoia import Cert
    from pysequoia.packet import PacketPile, Tag

    if any(packet.tag == Tag.SecretKey for packet in PacketPile.from_bytes(block)):
        raise CertificateError("holds a secret key: keep that to yourself, and write what gpg --export gives")
    for cert in Cert.split_bytes(block):
        primary = SigningKey(cert.expiration, cert.is_revoked)
        yield PgpCertificate(name, cert, primary, dict(_subkeys(PacketPile.from_bytes(bytes(cert)))))


def _blocks(content: bytes) -> list[bytes]:
    """The parts of a file that each have armor of their own; all of it, where there is none."""
    return [_BLOCK + part for part in content.split(_BLOCK)[1:]] or [content]


def signer(payload: bytes, armored: bytes, certificates: Sequence[PgpCertificate], at: datetime) -> str:
    """Who signed something, by the name that the certificate has here.

    Args:
        payload: What should be signed.
        armored: The signature.
        certificates: Of who may sign.
        at: The time for which keys have to be valid, in addition to the one that the signature names.

    Raises:
        UnverifiedError: Nobody who may.
    """
    signature = _parsed(armored)
    made_by = signature.issuer_fingerprint or signature.issuer_key_id or "an unnamed key"
    known = next((one for one in certificates if _has(one, made_by)), None)
    if known is None:
        raise UnverifiedError(Unverified.UNKNOWN_KEY, f"OpenPGP {made_by}")
    key = _key_that_signed(payload, signature, known)
    if key is None:
        raise UnverifiedError(known.why_not(made_by, at) or Unverified.OTHER_CONTENT, known.name)
    if signature.expiration is not None and at >= signature.expiration:
        raise UnverifiedError(Unverified.EXPIRED, known.name)
    if why := known.why_not(key, at):
        raise UnverifiedError(why, known.name)
    return known.name


def _parsed(armored: bytes) -> "Sig":
    """One signature over bytes, with nothing beside it.

    Raises:
        UnverifiedError: It is none, or more than one.
    """
    from pysequoia import Sig
    from pysequoia.packet import PacketPile, SignatureType, Tag

    if armored.count(BEGIN) > 1:
        raise UnverifiedError(Unverified.DOUBLED)
    if not armored.startswith(BEGIN) or not armored.rstrip().endswith(_END):
        raise UnverifiedError(Unverified.MALFORMED)
    try:
        with _no_panic():
            packets = list(PacketPile.from_bytes(armored))
            if len(packets) > 1:
                raise UnverifiedError(Unverified.DOUBLED)
            if not packets or packets[0].tag != Tag.Signature or packets[0].signature_type != SignatureType.Binary:
                raise UnverifiedError(Unverified.MALFORMED)
            return Sig.from_bytes(armored)
    except RuntimeError:
        raise UnverifiedError(Unverified.MALFORMED) from None


def _key_that_signed(payload: bytes, signature: "Sig", known: PgpCertificate) -> str | None:
    """The fingerprint of the key of a certificate that signed something; None: it did not."""
    from pysequoia import verify

    try:
        with _no_panic():
            good = verify(bytes=payload, store=lambda _: [known.cert], signature=signature).valid_sigs
    except RuntimeError:
        return None
    return str(good[0].signing_key) if len(good) == 1 else None


def _has(certificate: PgpCertificate, made_by: str) -> bool:
    """Whether a key, by its fingerprint or the end of it, is one of a certificate's."""
    return any(key.endswith(made_by) for key in (certificate.cert.fingerprint, *certificate.subkeys))


def _subkeys(packets: Iterable["Packet"]) -> Iterator[tuple[str, SigningKey]]:
    """The keys that a primary key binds, each as its newest binding has it. A revoked one is revoked for all time."""
    from pysequoia.packet import SignatureType, Tag

    key: Packet | None = None
    bindings: list[Packet] = []
    is_revoked = False
    for packet in [*packets, None]:
        if packet is None or packet.tag in (Tag.PublicKey, Tag.PublicSubkey, Tag.UserID, Tag.UserAttribute):
            if key is not None and key.fingerprint is not None:
                yield key.fingerprint, SigningKey(_end(key, bindings), is_revoked)
            key = packet if packet is not None and packet.tag == Tag.PublicSubkey else None
            bindings, is_revoked = [], False
        elif packet.signature_type == SignatureType.SubkeyBinding:
            bindings.append(packet)
        elif packet.signature_type == SignatureType.SubkeyRevocation:
            is_revoked = True


def _end(key: "Packet", bindings: Sequence["Packet"]) -> datetime | None:
    """When a key expires; None: never."""
    dated = [(one.signature_created, one.key_validity_period) for one in bindings if one.signature_created is not None]
    newest = max(dated, key=lambda pair: pair[0], default=(None, None))[1]
    return key.key_created + newest if newest is not None and key.key_created is not None else None


@contextmanager
def _no_panic() -> Iterator[None]:
    """Within it, a panic of the library is an error like any other: it comes from what somebody sent.

    Raises:
        RuntimeError: The library failed, in whatever way.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise RuntimeError("the library failed") from None
