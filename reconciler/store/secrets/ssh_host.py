"""SSH host certificates: a node's host key, vouched for by its cluster, so that nobody has to believe a fingerprint."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_private_key,
    load_ssh_public_key,
)

from ...model.errors import PermanentError
from ...model.secret_parts import part_of

BACKDATED = timedelta(minutes=5)  # nodes boot with clocks that are behind
VALID = timedelta(days=3650)  # as OCI's; a reinstall makes a new one
_NOT_RSA = "SSH host keys and their authority must be RSA"


def host_certificate(authority: str, key: str, names: Sequence[str], at: datetime) -> str:
    """A certificate for a host key, as a line for ``ssh_host_rsa_key-cert.pub``.

    Args:
        authority: The secret that signs, of form ssh.
        key: The host key, of form ssh.
        names: Hostnames and addresses under which the host may be reached, its own hostname first.
        at: Now.

    Raises:
        PermanentError: One of them is no RSA key.
    """
    signer = _signer(part_of(authority, "ssh", "private"))
    public = load_ssh_public_key(part_of(key, "ssh", "authorized").encode())
    if not isinstance(public, rsa.RSAPublicKey):
        raise PermanentError(_NOT_RSA)
    certificate = (
        SSHCertificateBuilder()
        .public_key(public)
        .type(SSHCertificateType.HOST)
        .key_id(f"{names[0]} host key".encode())
        .valid_principals([name.encode() for name in dict.fromkeys(names)])
        .valid_after(int((at - BACKDATED).timestamp()))
        .valid_before(int((at + VALID).timestamp()))
        .sign(signer)
    )
    return certificate.public_bytes().decode()


@lru_cache(maxsize=16)  # one a cluster; checking a key takes longer than signing
def _signer(private: str) -> rsa.RSAPrivateKey:
    key = load_ssh_private_key(private.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise PermanentError(_NOT_RSA)
    return key
