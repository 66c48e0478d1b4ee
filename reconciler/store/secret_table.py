"""Secrets in the database: sealed, made once, shown on request and never without a trace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, bindparam, delete, insert, select

from ..model.errors import PermanentError
from ..model.machine import SecretRef
from ..model.observations import Notice
from .database import Database, Part, Writing
from .journal import write_notices
from .machines import chunks
from .secrets.vault import Vault
from .tables import secret, state

if TYPE_CHECKING:
    from .secrets.pki import Subjects

_KEY_CHECK = "secret-key-check"


class SecretsPart(Part):
    """Secrets by name. Without a key, only the names can be had."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._vault: Vault | None = None
        self._key_is_right = False

    def _unlock(self, key: bytes) -> None:
        self._vault = Vault(key)

    def secret(self, ref: SecretRef) -> str | None:
        """The text of a secret; None when nobody made it yet.

        Raises:
            PermanentError: We have no key, or not the one it was sealed with.
        """
        vault = self._right_vault()
        with self._database.reading() as connection:
            sealed = connection.scalar(_SEALED, {"who": ref.owner, "what": ref.service, "which": ref.kind})
        return None if sealed is None else vault.open(ref, sealed)

    def secrets_of(self, owners: Iterable[str]) -> dict[SecretRef, str]:
        """The texts of all secrets of some owners, in one query: what one node's document may name.

        Raises:
            PermanentError: As ``secret``.
        """
        vault = self._right_vault()
        query = select(secret.c.owner, secret.c.service, secret.c.kind, secret.c.form, secret.c.sealed)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(secret.c.owner.in_(sorted(set(owners))))).all()
        return {ref: vault.open(ref, sealed) for *name, sealed in rows for ref in (SecretRef(*name),)}

    def texts(self, refs: Collection[SecretRef]) -> dict[SecretRef, str]:
        """The texts of those of the secrets that exist, in few queries.

        Raises:
            PermanentError: As ``secret``.
        """
        vault, wanted = self._right_vault(), frozenset(refs)
        kinds, found = sorted({ref.kind for ref in wanted}), dict[SecretRef, str]()
        with self._database.reading() as connection:
            for owners in chunks(sorted({ref.owner for ref in wanted})):
                rows = connection.execute(_TEXTS, {"owners": owners, "kinds": kinds})
                named = ((SecretRef(*name), sealed) for *name, sealed in rows)
                found |= {ref: vault.open(ref, sealed) for ref, sealed in named if ref in wanted}
        return found

    def fingerprint(self, ref: SecretRef) -> str | None:
        """What represents the text in plans and logs; None when there is no such secret yet."""
        text = self.secret(ref)
        return None if text is None else self._right_vault().fingerprint(ref, text)

    def list_secrets(self) -> list[tuple[SecretRef, datetime]]:
        """The names of all secrets, and when each was made or set."""
        query = select(secret.c.owner, secret.c.service, secret.c.kind, secret.c.form, secret.c.at)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(secret.c.owner, secret.c.service, secret.c.kind)).all()
        return [(SecretRef(*name), at) for *name, at in rows]

    def set_secret(self, ref: SecretRef, text: str, at: datetime, who: str) -> None:
        """Make a secret what a human says it is, whatever it was before.

        Raises:
            PermanentError: The text cannot be a secret of this form.
        """
        self.replace_secret(ref, text, Notice(None, at, "secret-set", f"secret {ref} set by hand", who))

    def replace_secret(self, ref: SecretRef, text: str, notice: Notice) -> None:
        """Make a secret another one, whatever it was before; the notice says for the record when and how that came.

        Raises:
            PermanentError: The text cannot be a secret of this form.
        """
        from .secrets.mint import check_text  # as in mint()

        check_text(ref, text)
        vault = self._right_vault()
        with self._database.writing("secret", "journal") as writing:
            self._keep_key_check(writing)
            inserted = writing.insert(secret)
            kept = {name: inserted.excluded[name] for name in ("form", "at", "sealed", "expires_at")}
            writing.connection.execute(
                inserted.on_conflict_do_update(
                    index_elements=[secret.c.owner, secret.c.service, secret.c.kind], set_=kept
                ),
                _row(ref, notice.at, vault, text),
            )
            write_notices(writing, [notice])

    def rename_secret(self, ref: SecretRef, to: SecretRef, at: datetime) -> None:
        """Let a secret take the place of another, in one transaction; nothing happens where it does not exist."""
        vault = self._right_vault()
        if (text := self.secret(ref)) is None:
            return
        with self._database.writing("secret") as writing:
            writing.connection.execute(delete(secret).where(*_named(ref)))
            writing.connection.execute(delete(secret).where(*_named(to)))
            writing.connection.execute(insert(secret).values(_row(to, at, vault, text)))

    def record_shown(self, ref: SecretRef, who: str, at: datetime) -> None:
        """Leave a trace that a human asked to see a secret; before it is shown."""
        with self._database.writing("journal") as writing:
            write_notices(writing, [Notice(None, at, "secret-shown", f"secret {ref} shown", who)])

    def add_secrets(self, made: dict[SecretRef, str], at: datetime) -> None:
        """Keep those of the secrets that do not exist; never changes one that does."""
        vault = self._right_vault()
        rows = [_row(ref, at, vault, text) for ref, text in made.items()]
        if rows:
            with self._database.writing("secret") as writing:
                self._keep_key_check(writing)
                writing.connection.execute(writing.insert(secret).on_conflict_do_nothing(), rows)

    def mint(
        self, secrets: Iterable[SecretRef], at: datetime, subjects: Callable[[SecretRef], Subjects] | None = None
    ) -> None:
        """Make those of the secrets that do not exist, as ``secrets.minting`` does; never changes one that does."""
        from .secrets.minting import make_missing  # loads X.509, which only those who mint need

        make_missing(self, secrets, at, subjects)

    def missing(self, secrets: Iterable[SecretRef]) -> list[SecretRef]:
        """The secrets that nobody made yet.

        Raises:
            PermanentError: One of them exists in another form.
        """
        wanted = list(dict.fromkeys(secrets))
        with self._database.reading() as connection:
            parts = chunks(sorted({ref.owner for ref in wanted}))
            rows = [row for some in parts for row in connection.execute(_NAMES, {"owners": some})]
        existing = {str(ref): ref for ref in (SecretRef(*row) for row in rows)}
        for ref in wanted:
            if existing.get(str(ref), ref).form != ref.form:
                raise PermanentError(f"the secret {ref} exists, as {existing[str(ref)].form} and not as {ref.form}")
        return [ref for ref in wanted if str(ref) not in existing]

    def _right_vault(self) -> Vault:
        if self._vault is None:
            raise PermanentError("secrets are sealed, and no key was given: set RECONCILER_SECRET_KEY_FILE")
        if not self._key_is_right:
            with self._database.reading() as connection:
                check = connection.scalar(select(state.c.text).where(state.c.name == _KEY_CHECK))
            self._compare(self._vault, check)
        return self._vault

    def _keep_key_check(self, writing: Writing) -> None:
        """Let the first secret decide which key is the right one, in the transaction that writes it."""
        assert self._vault is not None
        check = writing.connection.scalar(select(state.c.text).where(state.c.name == _KEY_CHECK))
        if check is None:
            writing.connection.execute(insert(state).values(name=_KEY_CHECK, text=self._vault.check))
        self._compare(self._vault, check)

    def _compare(self, vault: Vault, check: str | None) -> None:
        if check is not None and check != vault.check:
            raise PermanentError("the secret key is not the one that this database's secrets are sealed with")
        self._key_is_right = check is not None


_NAMES = select(secret.c.owner, secret.c.service, secret.c.kind, secret.c.form).where(
    secret.c.owner.in_(bindparam("owners", expanding=True))
)
_TEXTS = select(secret.c.owner, secret.c.service, secret.c.kind, secret.c.form, secret.c.sealed).where(
    secret.c.owner.in_(bindparam("owners", expanding=True)), secret.c.kind.in_(bindparam("kinds", expanding=True))
)
_SEALED = select(secret.c.sealed).where(
    secret.c.owner == bindparam("who"), secret.c.service == bindparam("what"), secret.c.kind == bindparam("which")
)


def _named(ref: SecretRef) -> tuple[ColumnElement[bool], ...]:
    return secret.c.owner == ref.owner, secret.c.service == ref.service, secret.c.kind == ref.kind


def _row(ref: SecretRef, at: datetime, vault: Vault, text: str) -> dict[str, object]:
    from .secrets.renewal import known_end  # as in mint()

    name = {"owner": ref.owner, "service": ref.service, "kind": ref.kind, "form": ref.form}
    end = known_end(text) if ref.form == "certificate" else None
    return {**name, "at": at, "sealed": vault.seal(ref, text), "expires_at": end}
