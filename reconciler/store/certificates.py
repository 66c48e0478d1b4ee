"""Ends and revocations of certificates: plain data beside the sealed texts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select, update

from ..model.machine import Certificate, SecretRef
from ..model.observations import Notice
from .journal import write_notices
from .secret_table import SecretsPart
from .tables import revocation, secret


@dataclass(frozen=True, slots=True)
class Revocation:
    """A certificate that is to be believed no more."""

    number: str  # serial number, hex
    name: str  # of the secret that it was
    expires_at: datetime
    who: str
    why: str
    at: datetime


class CertificatesPart(SecretsPart):
    """Certificates, without their texts."""

    def certificates(self) -> list[Certificate]:
        """Every certificate, the one that ends first at the beginning."""
        query = select(secret.c.owner, secret.c.service, secret.c.kind, secret.c.form, secret.c.expires_at)
        known = query.where(secret.c.expires_at.is_not(None)).order_by(secret.c.expires_at, secret.c.owner)
        with self._database.reading() as connection:
            return [Certificate(SecretRef(*name), end) for *name, end in connection.execute(known)]

    def note_ends(self) -> None:
        """Look up when those certificates end that were kept before anybody wrote it down."""
        from .secrets.renewal import known_end

        named = select(secret.c.owner, secret.c.service, secret.c.kind, secret.c.form)
        unknown = named.where(secret.c.form == "certificate", secret.c.expires_at.is_(None))
        with self._database.reading() as connection:
            refs = [SecretRef(*row) for row in connection.execute(unknown)]
        found = {ref: known_end(self.secret(ref) or "{}") for ref in refs}
        ends = {ref: end for ref, end in found.items() if end is not None}
        if not ends:
            return
        with self._database.writing("secret") as writing:
            for ref, end in ends.items():
                mine = (secret.c.owner == ref.owner, secret.c.service == ref.service, secret.c.kind == ref.kind)
                writing.connection.execute(update(secret).where(*mine).values(expires_at=end))

    def revoke_certificate(self, revoked: Revocation) -> None:
        """Note that a certificate is revoked. Idempotent."""
        with self._database.writing("secret", "journal") as writing:
            new = (
                writing.insert(revocation)
                .values(**asdict(revoked))
                .on_conflict_do_nothing()
                .returning(revocation.c.number)
            )
            if writing.connection.scalar(new) is not None:
                text = f"certificate {revoked.name} (serial number {revoked.number}) revoked: {revoked.why}"
                write_notices(writing, [Notice(None, revoked.at, "certificate-revoked", text, revoked.who)])

    def revocations(self) -> list[Revocation]:
        """All of them, by serial number."""
        columns = (revocation.c[name] for name in ("number", "name", "expires_at", "who", "why", "at"))
        with self._database.reading() as connection:
            return [Revocation(*row) for row in connection.execute(select(*columns).order_by(revocation.c.number))]
