"""Certificates after they were made: their end, their successor, those revoked, and those bought elsewhere."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ...model.errors import PermanentError
from ...model.secret_parts import join_parts, part_of
from . import pki

CRL_LASTS = timedelta(days=7)
"""Until a list of revoked certificates is to be fetched anew."""

_PUBLIC = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def end_of(text: str) -> datetime:
    """When the certificate ends, in UTC.

    Raises:
        PermanentError: It is none.
    """
    return _leaf(text).not_valid_after_utc


def known_end(text: str) -> datetime | None:
    """When a certificate ends; None for a text that cannot be read, which is no reason to stand still."""
    try:
        return end_of(text)
    except PermanentError:
        return None


def number_of(text: str) -> str:
    """The certificate's serial number, in hex; by it it is revoked."""
    return f"{_leaf(text).serial_number:X}"


def is_signed_by(text: str, authority: str) -> bool:
    """Whether this authority issued the certificate; an authority that was renewed is the same one."""
    try:
        _leaf(text).verify_directly_issued_by(_leaf(authority))
    except (ValueError, TypeError, x509.InvalidVersion):
        return False
    except Exception as error:  # cryptography's InvalidSignature has no common base with the others
        if type(error).__name__ == "InvalidSignature":
            return False
        raise
    return True


def renew_root(root: str, at: datetime) -> str:
    """The root with a later end, under the same name and key: what it signed stays good."""
    certificate, key = pki.read_authority(root)
    itself = pki.Issuer(certificate.subject, key)
    fresh = pki.authority(certificate.subject, key.public_key(), itself, at, path_length=1)
    return join_parts("certificate", {"key": part_of(root, "certificate", "key"), "crt": fresh, "chain": fresh})


def renew_authority(authority: str, root: str, at: datetime) -> str:
    """A successor of the authority below the root, whose newest certificate goes into its chain."""
    certificate, key = pki.read_authority(authority)
    above, above_key = pki.read_authority(root)
    issuer = pki.Issuer(above.subject, above_key)
    fresh = pki.authority(certificate.subject, key.public_key(), issuer, at, path_length=0)
    chain = part_of(root, "certificate", "crt") + fresh
    return join_parts("certificate", {"key": part_of(authority, "certificate", "key"), "crt": fresh, "chain": chain})


def revocation_list(authority: str, numbers: Iterable[tuple[str, datetime]], at: datetime) -> str:
    """The authority's list of revoked certificates, PEM: serial numbers in hex, and when each was revoked."""
    certificate, key = pki.read_authority(authority)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(certificate.subject)
        .last_update(at)
        .next_update(at + CRL_LASTS)
        .add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    for number, revoked in sorted(numbers):
        entry = x509.RevokedCertificateBuilder().serial_number(int(number, 16)).revocation_date(revoked)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def bought(pem: str) -> str:
    """A certificate that somebody else issued: its key, itself and what signed it, in one PEM text in any order.

    Raises:
        PermanentError: The key is missing, has a passphrase, or belongs to none of the certificates.
    """
    key = _key_in(pem)
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise PermanentError("it holds no certificate in PEM") from error
    mine = key.public_key().public_bytes(*_PUBLIC)
    leaf = next((one for one in found if one.public_key().public_bytes(*_PUBLIC) == mine), None)
    if leaf is None:
        raise PermanentError("its key is not the one that its certificate is for")
    above = [one for one in found if one is not leaf]
    crt, between = _pem(leaf), "".join(map(_pem, above))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    request = x509.CertificateSigningRequestBuilder().subject_name(leaf.subject).sign(key, hashes.SHA256())
    parts = {
        "key": private,
        "crt": crt + between,  # services send what is in this file, and clients know the root only
        "csr": request.public_bytes(serialization.Encoding.PEM).decode(),
        "pem": crt + between + private,
        "chain": "".join(map(_pem, above[::-1])) or crt,
    }
    return join_parts("certificate", parts)


def _key_in(pem: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    begins = pem.find("-----BEGIN ")
    while begins >= 0 and "PRIVATE KEY" not in pem[begins : pem.find("\n", begins)]:
        begins = pem.find("-----BEGIN ", begins + 1)
    if begins < 0:
        raise PermanentError("it holds no private key")
    try:
        key = serialization.load_pem_private_key(pem[begins:].encode(), None)
    except (ValueError, TypeError) as error:
        raise PermanentError("its private key is not PEM, or has a passphrase") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise PermanentError("its private key is neither RSA nor of an elliptic curve, which is all that services read")
    return key


def _leaf(text: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(part_of(text, "certificate", "crt").encode())[0]
    except (KeyError, ValueError) as error:
        raise PermanentError("the certificate is not PEM") from error


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
