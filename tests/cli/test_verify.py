"""``verify``: in a pull request, what the daemon will say of it."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..specs.authority.keys import make_key
from .conftest import Cli


@dataclass(frozen=True)
class Checkout:
    """A work tree of a pull request, and an authority by which alice may change everything and bob docs."""

    folder: Path
    keys: Path

    def git(self, *words: str) -> str:
        who = {f"GIT_{role}_{what}": "op@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env={**os.environ, **who, **quiet}, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def commit(self, path: str, by: str | None) -> str:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{by}\n{file.read_text() if file.exists() else ''}")
        signed = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={self.keys / by}") if by else ()
        self.git("add", "--all")
        self.git(*signed, "commit", "--quiet", "--message", "Change", *(("-S",) if by else ()))
        return self.git("rev-parse", "HEAD")

    @property
    def config(self) -> str:
        return str(self.keys / "authority.yaml")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    if shutil.which("git") is None or shutil.which("ssh-keygen") is None:
        pytest.skip("needs git and ssh-keygen (apt: git openssh-client)")
    made = Checkout(tmp_path / "checkout", tmp_path)
    made.folder.mkdir()
    names = [f"{name} {make_key(tmp_path / name).with_suffix('.pub').read_text()}" for name in ("alice", "bob")]
    (tmp_path / "signers").write_text("".join(names))
    (tmp_path / "authority.yaml").write_text(
        f"authority:\n  allowed_signers: {tmp_path}/signers\n  rules:\n"
        "    - {paths: ['**'], signers: [alice]}\n    - {paths: ['docs/**'], signers: [alice, bob]}\n"
    )
    made.git("init", "--quiet", "--initial-branch=main")
    monkeypatch.chdir(made.folder)
    return made


def test_what_was_ordered_by_who_may_exits_0(cli: Cli, checkout: Checkout) -> None:
    first = checkout.commit("a.yaml", "alice")
    said = cli("--config", checkout.config, "verify")
    assert (said.status, said.out) == (0, f"The one commit up to {first[:12]} was ordered by who may.\n")
    checkout.commit("docs/a.md", "bob")
    newest = checkout.commit("b.yaml", "alice")
    said = cli("--config", checkout.config, "verify", "main", "--base", first)
    assert said.out == f"All 2 commits since {first[:12]} up to {newest[:12]} were ordered by who may.\n"
    said = cli("--config", checkout.config, "verify", "--base", "main")
    assert (said.status, said.out) == (0, f"Nothing is new at {newest[:12]} since {newest[:12]}.\n")


def test_what_was_not_exits_1_and_says_what_to_do(cli: Cli, checkout: Checkout) -> None:
    first = checkout.commit("a.yaml", "alice")
    wrong = checkout.commit("b.yaml", "bob")
    unsigned = checkout.commit("c.yaml", None)
    said = cli("--config", checkout.config, "verify", "--base", first)
    assert said.status == 1
    assert said.out == (
        f"{unsigned[:12]} was not ordered by who may: 2 commits are refused.\n"
        f'{wrong[:12]}: bob signed it, and "b.yaml" may be changed by alice only. Have it sealed by one of them.\n'
        f"{unsigned[:12]}: it is not signed. Sign it anew, or have it sealed.\n"
        "To seal all of it, somebody who may change it signs on top of it: "
        f'git commit -S --allow-empty -m "Seal" -m "Reconciler-Seal: {unsigned}"\n'
    )
    told = cli("--config", checkout.config, "verify", "--base", first, "--format", "json")
    assert told.status == 1
    assert (told.json["base"], told.json["commit"], told.json["commits"]) == (first, unsigned, 2)
    assert [(row["commit"], row["reason"], row["path"]) for row in told.json["refused"]] == [
        (wrong, "not-allowed", "b.yaml"),
        (unsigned, "unverified", None),
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere",), 'there is no commit "nowhere" here'),
        (("--base", "nowhere"), 'there is no commit "nowhere" here'),
        (("--base", "--all"), 'there is no commit "--all" here'),
        (("main~1", "--base", "main"), "main~1 does not descend from main"),
    ],
)
def test_what_cannot_be_judged_exits_1(cli: Cli, checkout: Checkout, words: tuple[str, ...], told: str) -> None:
    checkout.commit("a.yaml", "alice")
    checkout.commit("b.yaml", "alice")
    said = cli("--config", checkout.config, "verify", *words)
    assert (said.status, said.out) == (1, "")
    assert told in said.err


def test_nothing_is_verified_where_nothing_says_who_may(cli: Cli, checkout: Checkout) -> None:
    checkout.commit("a.yaml", "alice")
    said = cli("verify")
    assert (said.status, said.out) == (1, "")
    assert "the configuration has no authority" in said.err


def test_outside_a_repository_nothing_is_verified(
    cli: Cli, checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = cli("--config", checkout.config, "verify")
    assert (said.status, "is in no git repository" in said.err) == (1, True)
