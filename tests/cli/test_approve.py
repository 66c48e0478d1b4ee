"""``approve``: shows the statement before it asks, and is held to the one that was shown and to who signed it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import STORE, Laid
from .test_decisions import done


@pytest.fixture
def asked(on: Any, laid: Laid) -> str:
    """The serial of a store that is to be released, and waits for an approval."""
    serial = laid.serial(STORE)
    (laid.specs / "machines/store.yaml").write_text(
        f"apiVersion: reconciler/v1\nkind: Machine\nmetadata: {{name: {serial}}}\nspec: {{lifecycle: decommissioned}}\n"
    )
    laid.commit()
    return serial


def step(on: Any, serial: str) -> Any:
    return next(step for step in on("plan", "--format", "json").json["steps"] if step["serial"] == serial)


def test_the_statement_is_shown_and_is_what_the_plan_has(on: Any, asked: str) -> None:
    said = done(on, "approve", STORE, "--why", "CHG-1")
    assert f"waits for approval to release {STORE}: it is decommissioned" in said.err
    for line in ("action: release", f"machine: {asked}", f"node: {STORE}", "generation: 1", "consequence: loses-place"):
        assert f"\n{line}\n" in said.err
    assert said.err.index("consequence:") < said.err.index(f"Approved release of {asked} ({STORE}), as night-shift.")
    assert step(on, asked)["asks"] is None


def test_the_plan_says_what_is_asked_and_what_was_said_to_it(on: Any, asked: str, laid: Laid) -> None:
    asks = step(on, asked)["asks"]
    assert (asks["approvers"], asks["words"]) == (1, [])
    assert {"name": "machine", "values": [asked]} in asks["facts"]
    laid.change("  policy:\n", "  policy:\n    approvals: {approvers: {release: 2}}\n", file="fleet.yaml")
    laid.commit()
    done(on, "approve", STORE, "--why", "CHG-1")
    (word,) = step(on, asked)["asks"]["words"]
    assert (word["who"], word["why"], word["counts"], word["uncounted"]) == ("night-shift", "CHG-1", True, None)
    assert "1 of 2 have approved (night-shift)" in on("plan").out


def test_it_is_printed_to_be_signed_elsewhere_and_nothing_is_approved(on: Any, asked: str) -> None:
    said = done(on, "approve", STORE, "--print")
    assert said.out.startswith("reconciler-approval 1\nfleet: ")
    assert said.out.endswith(f"digest: {step(on, asked)['asks']['digest']}\n")
    assert step(on, asked)["needs_approval"] == "release"


@pytest.mark.parametrize(("answer", "status"), [(b"y\n", 0), (b"n\n", 1), (b"", 1)])
def test_on_a_terminal_it_asks(on: Any, asked: str, answer: bytes, status: int) -> None:
    said = on("approve", STORE, "--why", "CHG-1", stdin=answer, terminal=True)
    assert (said.status, said.out.strip()) == (status, ""), "click ends its question with a blank"
    assert "digest: " in said.err.partition("Approve this?")[0]
    assert (step(on, asked)["needs_approval"] == "release") is bool(status)


def test_who_said_yes_before_is_not_asked(on: Any, asked: str) -> None:
    done(on, "approve", STORE, "--why", "CHG-1", "--yes", terminal=True)


def test_only_what_was_shown_is_approved(on: Any, asked: str) -> None:
    digest = step(on, asked)["asks"]["digest"]
    said = on("approve", STORE, "--why", "CHG-1", "--shown", "0" * 32)
    assert said.status == 1
    assert f"{asked} asks for something else than was shown: {digest}" in said.err
    done(on, "approve", STORE, "--why", "CHG-1", "--shown", digest)


def test_a_reason_is_asked_for(on: Any, asked: str) -> None:
    assert on("approve", STORE).status == 64


def test_signing_twice_is_a_mistake(on: Any, asked: str) -> None:
    both = ("--sign", "a", "--signature", "b")
    assert on("approve", STORE, "--why", "x", *both).status == 64


class TestSigned:
    """Where the daemon's configuration demands signatures."""

    @pytest.fixture
    def keys(self, laid: Laid, tmp_path: Path) -> Path:
        if shutil.which("ssh-keygen") is None:
            pytest.skip("needs ssh-keygen (apt: openssh-client)")
        for name in ("alice", "mallory"):
            made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
            subprocess.run(made, check=True)
        allowed = tmp_path / "allowed_signers"
        allowed.write_text(f"alice@example.com {(tmp_path / 'alice.pub').read_text()}")
        config = laid.folder / "reconciler.yaml"
        config.write_text(config.read_text() + yaml.safe_dump({"approvals": {"allowed_signers": str(allowed)}}))
        return tmp_path

    def test_a_key_of_the_file_approves_and_its_name_is_recorded(self, on: Any, asked: str, keys: Path) -> None:
        said = done(on, "approve", STORE, "--why", "CHG-1", "--sign", keys / "alice")
        assert "as alice@example.com." in said.err
        assert f"release {STORE}" in on("plan").out

    def test_one_that_was_signed_elsewhere_is_as_good(self, on: Any, asked: str, keys: Path) -> None:
        statement = keys / "statement"
        statement.write_text(done(on, "approve", STORE, "--print").out)
        signing = ["ssh-keygen", "-Y", "sign", "-n", "reconciler-approval", "-f", str(keys / "alice"), str(statement)]
        subprocess.run(signing, check=True, capture_output=True)
        done(on, "approve", STORE, "--why", "CHG-1", "--signature", keys / "statement.sig")
        assert f"release {STORE}" in on("plan").out

    def test_without_a_signature_or_by_a_stranger_nothing_is_approved(self, on: Any, asked: str, keys: Path) -> None:
        said = on("approve", STORE, "--why", "CHG-1")
        assert (said.status, "has to be signed here" in said.err) == (1, True)
        said = on("approve", STORE, "--why", "CHG-1", "--sign", keys / "mallory")
        assert (said.status, "it is signed with a key of nobody who may sign" in said.err) == (1, True)
        assert step(on, asked)["asks"]["words"] == []

    def test_what_was_approved_before_is_void_and_the_plan_says_why(
        self, on: Any, asked: str, laid: Laid, keys: Path
    ) -> None:
        config = laid.folder / "reconciler.yaml"
        demanding = config.read_text()
        config.write_text(demanding.partition("approvals:")[0])
        done(on, "approve", STORE, "--why", "CHG-1")
        config.write_text(demanding)
        (word,) = step(on, asked)["asks"]["words"]
        assert (word["counts"], word["uncounted"]) == (False, "void")
        assert "is void: it is not signed, and this site demands that" in on("plan").out


def test_a_site_that_knows_no_keys_takes_no_signature(on: Any, asked: str, tmp_path: Path) -> None:
    (tmp_path / "made.sig").write_text("x")
    said = on("approve", STORE, "--why", "CHG-1", "--signature", tmp_path / "made.sig")
    assert (said.status, "this site knows no keys" in said.err) == (1, True)
