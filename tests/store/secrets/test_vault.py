import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.model.errors import PermanentError
from reconciler.model.machine import SecretRef
from reconciler.store.secrets.vault import Vault, load_key, load_or_create_key

KEY = bytes(range(32))
NOVA = SecretRef("cl1", "nova", "db")


def test_what_was_sealed_opens_again_and_cannot_be_read_before() -> None:
    sealed = Vault(KEY).seal(NOVA, "hünter2")
    assert b"nter2" not in sealed
    assert Vault(KEY).open(NOVA, sealed) == "hünter2"


def test_the_same_text_is_sealed_differently_each_time() -> None:
    vault = Vault(KEY)
    assert vault.seal(NOVA, "x") != vault.seal(NOVA, "x")


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(PermanentError, match="cl1:nova/db does not open: wrong key"):
        Vault(bytes(32)).open(NOVA, Vault(KEY).seal(NOVA, "x"))


def test_a_secret_moved_to_another_name_does_not_open() -> None:
    vault = Vault(KEY)
    with pytest.raises(PermanentError):
        vault.open(SecretRef("cl2", "nova", "db"), vault.seal(NOVA, "x"))


def test_a_fingerprint_tells_texts_apart_and_depends_on_the_key() -> None:
    vault = Vault(KEY)
    assert vault.fingerprint(NOVA, "x") == Vault(KEY).fingerprint(NOVA, "x")
    others = {vault.fingerprint(NOVA, "y"), Vault(bytes(32)).fingerprint(NOVA, "x")}
    others.add(vault.fingerprint(SecretRef("cl2", "nova", "db"), "x"))
    assert len(others) == 3
    assert vault.fingerprint(NOVA, "x") not in others


def test_a_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_or_create_key(path), range(16)))
    assert len(keys) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(path.parent) == ["secret.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret.key"
    load_or_create_key(path)
    path.chmod(mode)
    with pytest.raises(PermanentError, match="open to others"):
        load_or_create_key(path)


def test_a_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text("not a key\n")
    path.chmod(0o600)
    with pytest.raises(PermanentError, match="holds no secret key"):
        load_key(path)


def test_a_key_file_that_was_named_and_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="cannot read"):
        load_key(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []
