"""Signed approvals: made and verified by OpenSSH itself."""

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.app.config import ApprovalsConfig
from reconciler.app.signatures import SshSignatures, sign
from reconciler.model.errors import PermanentError
from reconciler.model.machine import Approval
from reconciler.model.statements import Fact, Statement

pytestmark = pytest.mark.waits

FLEET = "b1c0ffee-0000-4000-8000-000000000001"
STATEMENT = Statement((Fact("action", ("install_os",)), Fact("machine", ("2S2JGM2",)), Fact("turn", ("0",))))
OTHER = Statement((Fact("action", ("install_os",)), Fact("machine", ("2S2JGM2",)), Fact("turn", ("1",))))
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Keys of alice, bob and a stranger; the first two may sign."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen (apt: openssh-client)")
    for name in ("alice", "bob", "mallory"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", tmp_path / name], check=True
        )  # fmt: skip
    allow(tmp_path, "alice", "bob")
    return tmp_path


def allow(folder: Path, *names: str, options: str = "") -> None:
    lines = [f"{name}@example.com {options}{(folder / f'{name}.pub').read_text()}" for name in names]
    (folder / "allowed_signers").write_text("".join(lines))


def signatures(keys: Path, *signed: str) -> SshSignatures:
    given = {"allowed_signers": keys / "allowed_signers", **({"signed": signed} if signed else {})}
    return SshSignatures(ApprovalsConfig.model_validate(given))


def word(keys: Path | None, by: str = "alice", statement: Statement = STATEMENT, fleet: str = FLEET) -> Approval:
    signature = sign(statement.text(fleet), keys / by) if keys else None
    who = f"{by}@example.com"
    return Approval("A", "install_os", 1, who, "fine", NOW, STATEMENT.digest, STATEMENT, signature=signature)


def void(found: SshSignatures, given: Approval) -> str | None:
    (judged,) = found.judged((given,), FLEET)
    return judged.void


def test_who_signed_is_known_by_the_name_that_the_file_of_signers_has(keys: Path) -> None:
    found = signatures(keys)
    for name in ("alice", "bob"):
        made = sign(STATEMENT.text(FLEET), keys / name)
        assert found.signer(STATEMENT, made, FLEET) == f"{name}@example.com"
        assert void(found, word(keys, name)) is None


@pytest.mark.parametrize(
    ("by", "statement", "fleet", "told"),
    [
        ("mallory", STATEMENT, FLEET, "signed with a key of nobody who may sign"),
        ("alice", OTHER, FLEET, "its signature, with a key of alice@example.com, is of something else"),
        ("alice", STATEMENT, "another fleet", "its signature, with a key of alice@example.com, is of something else"),
    ],
    ids=["a stranger", "another statement", "another fleet"],
)
def test_nothing_else_is_approved_by_it(keys: Path, by: str, statement: Statement, fleet: str, told: str) -> None:
    made = sign(statement.text(fleet), keys / by)
    with pytest.raises(PermanentError, match=told):
        signatures(keys).signer(STATEMENT, made, FLEET)
    assert void(signatures(keys), word(keys, by, statement, fleet)) is not None


ARMOR = "-----{} SSH SIGNATURE-----\n"


@pytest.mark.parametrize("made", ["", "no signature", f"{ARMOR.format('BEGIN')}AAAA\n{ARMOR.format('END')}"])
def test_what_is_no_signature_is_none(keys: Path, made: str) -> None:
    with pytest.raises(PermanentError):
        signatures(keys).signer(STATEMENT, made, FLEET)


def test_a_signature_for_another_purpose_is_none(keys: Path) -> None:
    ran = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", keys / "alice"],
        input=STATEMENT.text(FLEET), capture_output=True, text=True, check=True,
    )  # fmt: skip
    with pytest.raises(PermanentError, match="another purpose"):
        signatures(keys).signer(STATEMENT, ran.stdout, FLEET)


def test_one_that_is_not_signed_is_void_where_that_is_demanded(keys: Path) -> None:
    assert void(signatures(keys), word(None)) == "it is not signed, and this site demands that"
    assert void(signatures(keys, "release"), word(None)) is None


def test_nobody_signs_in_anothers_name(keys: Path) -> None:
    given = word(keys, "bob")
    assert void(signatures(keys), replace(given, who="alice@example.com")) == "bob@example.com signed it"


def test_a_key_that_is_taken_away_approves_nothing_any_more(keys: Path) -> None:
    found, given = signatures(keys), word(keys, "alice")
    assert void(found, given) is None
    allow(keys, "bob")
    assert "nobody who may sign" in (void(found, given) or "")
    allow(keys, "alice", options='valid-before="20200101" ')
    assert "expired" in (void(found, given) or "")
    (keys / "allowed_signers").unlink()
    assert "cannot be read" in (void(found, given) or "")


def test_each_is_verified_once_as_long_as_the_file_stays(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, given = signatures(keys), word(keys, "alice")
    assert void(found, given) is None
    monkeypatch.setattr("reconciler.app.signatures.signer", None)
    assert void(found, given) is None


def test_a_file_of_signers_that_cannot_be_used_approves_nothing_and_says_why(keys: Path) -> None:
    found, given = signatures(keys), word(keys, "alice")
    allow(keys, "alice", options="cert-authority ")
    assert "allowed_signers:1: certificates are not taken" in (void(found, given) or "")
    (keys / "allowed_signers").write_bytes(b"\xff")
    assert "not text in UTF-8" in (void(found, given) or "")


def test_a_key_that_is_none_cannot_sign(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PermanentError, match="cannot sign"):
        sign("text", keys / "nowhere")
    monkeypatch.setattr("reconciler.app.signatures.PROGRAM", "/nowhere/ssh-keygen")
    with pytest.raises(PermanentError, match="apt install openssh-client"):
        sign("text", keys / "alice")
