"""The fleet's own certificate authority: a root, an intermediate that signs, and what it signs.

::

    root CA (owner "fleet") --> OCI CA (owner "fleet") --> snakeoil, client (each node), api, swiftproxy (each cluster)

Every certificate is a text with the parts of ``model.secret_parts``. Nothing is stored here.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ...execution.seam import new_rsa_key, new_serial_number
from ...model.errors import PermanentError
from ...model.secret_parts import join_parts, part_of

AUTHORITY_YEARS = 20  # outlives the hardware it serves; leaving a root behind means touching every node
CERTIFICATE_YEARS = 10  # as long as OCI's, whose fleets never renewed one: the nodes trust this authority only
BACKDATED = timedelta(hours=1)  # nodes boot with clocks that are behind
AUTHORITY_BITS, LEAF_BITS = (
    3072,
    2048,
)  # NIST SP 800-57: good beyond 2030, and until then; RSA, as every service reads it
COMMON_NAME_LIMIT = 64  # characters; RFC 5280, ub-common-name
_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Subjects:
    """For whom a certificate is: DNS names, the first of which is its common name, and addresses."""

    names: tuple[str, ...]
    addresses: tuple[str, ...] = ()


def issue_root(at: datetime) -> str:
    """A self-signed root, good for one authority below it."""
    key = new_rsa_key(AUTHORITY_BITS)
    name = _authority_name("OpenStack Cluster Reconciler root CA")
    pem = authority(name, key.public_key(), Issuer(name, key), at, path_length=1)
    return join_parts("certificate", {"key": _key_pem(key), "crt": pem, "chain": pem})


def issue_authority(root: str, at: datetime) -> str:
    """The authority that signs everything else."""
    root_certificate, root_key = read_authority(root)
    key = new_rsa_key(AUTHORITY_BITS)
    pem = authority(
        _authority_name("OpenStack Cluster Reconciler OCI CA"),
        key.public_key(),
        Issuer(root_certificate.subject, root_key),
        at,
        path_length=0,
    )
    chain = part_of(root, "certificate", "crt") + pem
    return join_parts("certificate", {"key": _key_pem(key), "crt": pem, "chain": chain})


def issue(signed_by: str, subjects: Subjects, at: datetime, *, client_only: bool = False) -> str:
    """A certificate for ``subjects``: for servers, which are each other's clients too, or for a client only.

    Raises:
        PermanentError: Nobody said for whom it is.
    """
    if not subjects.names:
        raise PermanentError("a certificate needs at least one host name")
    issuer, issuer_key = read_authority(signed_by)
    key = new_rsa_key(LEAF_BITS)
    # The common name is for people; what counts is the list of names, which knows no such limit.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subjects.names[0][:COMMON_NAME_LIMIT])])
    alternatives = x509.SubjectAlternativeName(
        [
            *(x509.DNSName(name) for name in dict.fromkeys(subjects.names)),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in dict.fromkeys(subjects.addresses)),
        ]
    )
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH] if client_only else [
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    ]  # fmt: skip
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(alternatives, critical=False)
    certificate = (
        _builder(subject, issuer.subject, key.public_key(), at, min(at + CERTIFICATE_YEARS * _YEAR, _end(issuer)))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, key_encipherment=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(_identifier_of(issuer), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    crt, key_text = _pem(certificate), _key_pem(key)
    return join_parts(
        "certificate",
        {
            "key": key_text,
            "crt": crt,
            "csr": request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode(),
            "pem": crt + part_of(signed_by, "certificate", "crt") + key_text,
            "chain": part_of(signed_by, "certificate", "chain"),
        },
    )


def check_pair(text: str) -> None:
    """Whether key and certificate read as PEM and belong together; for those brought from outside.

    Raises:
        PermanentError: They do not.
    """
    try:
        key = serialization.load_pem_private_key(part_of(text, "certificate", "key").encode(), None)
        certificates: Sequence[x509.Certificate] = x509.load_pem_x509_certificates(
            part_of(text, "certificate", "crt").encode()
        )
    except (ValueError, TypeError) as error:
        raise PermanentError("the certificate or its key is not PEM, or the key has a passphrase") from error
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificates[0].public_key().public_bytes(*form):
        raise PermanentError("the key is not the one that the certificate is for")


@lru_cache(maxsize=4)  # a fleet's root and what it signs with; checking a key takes longer than signing
def read_authority(text: str) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """Certificate and key of an authority.

    Raises:
        PermanentError: Its key is not RSA.
    """
    try:
        key_text = part_of(text, "certificate", "key")
    except PermanentError:
        raise PermanentError("the key of this certificate authority is kept elsewhere: nothing can be signed") from None
    key = serialization.load_pem_private_key(key_text.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise PermanentError("the key of a certificate authority must be RSA")
    return x509.load_pem_x509_certificate(part_of(text, "certificate", "crt").encode()), key


class Issuer(NamedTuple):
    """Who signs a certificate."""

    name: x509.Name
    key: rsa.RSAPrivateKey


def authority(name: x509.Name, public: rsa.RSAPublicKey, issuer: Issuer, at: datetime, *, path_length: int) -> str:
    """An authority's certificate for a key, signed by its issuer, as PEM."""
    return _pem(
        _builder(name, issuer.name, public, at, at + AUTHORITY_YEARS * _YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: rsa.RSAPublicKey, at: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(new_serial_number())
        .not_valid_before(at - BACKDATED)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(**allowed: bool) -> x509.KeyUsage:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in every})


def _identifier_of(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:  # an authority brought from outside
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(_rsa(issuer))
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _rsa(certificate: x509.Certificate) -> rsa.RSAPublicKey:
    public = certificate.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise PermanentError("the key of a certificate authority must be RSA")
    return public


def _end(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_after_utc


def _authority_name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
