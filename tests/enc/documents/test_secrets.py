"""Texts of secrets for the documents: a real store, and one that counts how often it is asked."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.enc.documents.secrets import SecretTexts
from reconciler.model.errors import PermanentError
from reconciler.model.machine import SecretRef
from reconciler.model.observations import Notice
from reconciler.store import Store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HASH = SecretRef("cl1", "swift", "hashpathprefix")


@dataclass
class CountingStore:
    """Implements ``secret_texts.SealedSecrets``."""

    asked: list[str] = field(default_factory=list)

    def list_secrets(self) -> list[tuple[SecretRef, datetime]]:
        self.asked.append("all names")
        return [(HASH, NOW)]

    def secret(self, ref: SecretRef) -> str | None:
        self.asked.append(str(ref))
        return None if ref.kind == "other" else f"text of {ref}"

    def texts(self, refs: Collection[SecretRef]) -> dict[SecretRef, str]:
        self.asked.append("several")
        if any(ref.kind == "altered" for ref in refs):
            raise PermanentError("does not open")
        return {ref: f"text of {ref}" for ref in refs}


def test_a_secret_that_an_operator_sets_anew_has_another_seal_and_text(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/db.sqlite", key=bytes(32)) as store:
        store.set_secret(HASH, "first", NOW, "ada")
        texts = SecretTexts(store)
        texts.refresh(store.snapshot().secrets)
        seal = texts.seals[HASH]
        assert texts.text(HASH) == "first"
        store.set_secret(HASH, "second", NOW + timedelta(seconds=1), "ada")
        texts.refresh(store.snapshot().secrets)
        assert texts.text(HASH) == "second"
        assert texts.seals[HASH] != seal


def test_a_pass_in_which_no_secret_was_written_reads_nothing(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/db.sqlite", key=bytes(32)) as store:
        store.set_secret(HASH, "first", NOW, "ada")
        texts = SecretTexts(store)
        texts.refresh(store.snapshot().secrets)
        before = texts.seals
        store.record((), (Notice(None, NOW, "told", "something else happened"),))
        texts.refresh(store.snapshot().secrets)
        assert texts.seals is before


def test_what_is_expected_is_read_at_once_and_let_go_with_the_next() -> None:
    store = CountingStore()
    texts = SecretTexts(store)
    some = [SecretRef(f"n{n}", "pki", "client") for n in range(3)]
    texts.expect(some)
    assert [texts.text(ref) for ref in some] == [f"text of {ref}" for ref in some]
    assert store.asked == ["several"]
    texts.expect([HASH])
    texts.text(some[0])
    assert store.asked == ["several", "several", "n0:pki/client"]


def test_a_secret_that_does_not_open_keeps_the_others_from_nobody() -> None:
    texts = SecretTexts(CountingStore())
    texts.expect([HASH, SecretRef("n0", "pki", "altered")])
    assert texts.text(HASH) == f"text of {HASH}"


def test_a_secret_that_nobody_made_is_named() -> None:
    with pytest.raises(PermanentError, match="cl1:swift/other has not been made"):
        SecretTexts(CountingStore()).text(SecretRef("cl1", "swift", "other"))
