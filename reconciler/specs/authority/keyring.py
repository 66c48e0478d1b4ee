"""The keys of those who may sign commits, of both kinds, and whose key signed one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from . import openpgp, ssh_signatures
from .allowed_signers import SshSigners
from .commits import CommitObject
from .openpgp import PgpCertificate
from .unverified import Unverified, UnverifiedError

NAMESPACE: Final = "git"
"""What git has OpenSSH sign commits for."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys that commits may be signed with."""

    ssh: SshSigners
    openpgp: tuple[PgpCertificate, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """All who have a key. One person may have several."""
        return frozenset({*(one.name for one in self.ssh.allowed), *(one.name for one in self.openpgp)})

    def signer(self, commit: CommitObject, at: datetime) -> str:
        """Who signed a commit.

        Args:
            commit: As it is stored.
            at: When it was seen first: keys must be valid then.

        Raises:
            UnverifiedError: Nobody who has a key here.
        """
        made = commit.signature
        if made is None:
            raise UnverifiedError(Unverified.UNSIGNED)
        if made.startswith(ssh_signatures.BEGIN):
            return ssh_signatures.signer(commit.payload, made, NAMESPACE, self.ssh, at)
        if made.startswith(openpgp.BEGIN):
            if not self.openpgp:
                raise UnverifiedError(Unverified.UNKNOWN_KEY, "an OpenPGP key")
            return openpgp.signer(commit.payload, made, self.openpgp, at)
        if made.startswith(b"-----BEGIN "):
            raise UnverifiedError(Unverified.KIND, made.partition(b"\n")[0].decode("ascii", "replace").strip("-"))
        raise UnverifiedError(Unverified.MALFORMED)
