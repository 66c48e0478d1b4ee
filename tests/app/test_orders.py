"""Orders: a commit comes into force only where who may order it has signed it, as the configuration says."""

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.config import Config, ConfigError, load_config
from reconciler.app.site import Site
from reconciler.app.spec_source import SpecSource
from reconciler.specs.authority.floor import PolicyFloor

from ..specs.authority.keys import make_key

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
FLEET = "cluster-specs/fleet.yaml"


class Team:
    """A repository, people with keys, and a daemon's configuration that says who may order what."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.repository, self.now = folder, folder / "repository", NOW
        shutil.copytree(ROOT / "cluster-specs", self.repository / "cluster-specs")
        self.git("init", "--quiet", "--initial-branch=main")
        self.keys = {name: make_key(folder / name) for name in ("alice", "bob", "mallory")}
        self.allow("alice", "bob")
        self.everything: dict[str, Any] = {"paths": ["**"], "signers": ["alice", "bob"]}

    def allow(self, *names: str, options: str = "") -> None:
        lines = [f"{name} {options}{self.keys[name].with_suffix('.pub').read_text()}" for name in names]
        (self.folder / "signers").write_text("".join(lines))

    def git(self, *words: str) -> str:
        who = {f"GIT_{role}_{what}": "op@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        done = subprocess.run(
            ["git", *words], cwd=self.repository, env={**os.environ, **who, **quiet}, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def commit(self, by: str | None = "alice", message: str = "Change", **files: str) -> str:
        """A commit that adds a line to the fleet, or has these files, signed with somebody's key."""
        with (self.repository / FLEET).open("a") as fleet:
            fleet.write("" if files or "Seal" in message else "# a line\n")
        for name, content in files.items():
            (self.repository / name).write_text(content)
        signed = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={self.keys[by]}") if by else ()
        self.git("add", "--all")
        self.git(*signed, "commit", "--quiet", "--allow-empty", "--message", message, *(("-S",) if by else ()))
        return self.git("rev-parse", "HEAD")

    def seal(self, by: str) -> str:
        return self.commit(by, f"Seal\n\nReconciler-Seal: {self.git('rev-parse', 'HEAD')}")

    def config(self, **authority: Any) -> Config:
        given = {"allowed_signers": self.folder / "signers", "rules": [self.everything], **authority}
        return Config.model_validate(
            {
                "source": {"url": str(self.repository)},
                "database": f"sqlite:///{self.folder}/reconciler.db",
                "state": str(self.folder / "state"),
                "authority": given,
            }
        )

    def daemon(self, **authority: Any) -> SpecSource:
        """A daemon that was started just now."""
        return Site(self.config(**authority), lambda: self.now).specs


@pytest.fixture
def team(tmp_path: Path) -> Team:
    if shutil.which("git") is None or shutil.which("ssh-keygen") is None:
        pytest.skip("needs git and ssh-keygen (apt: git openssh-client)")
    return Team(tmp_path)


def in_force(specs: SpecSource) -> tuple[str | None, str]:
    looked = specs.look()
    return looked.state.good, looked.state.problem or ""


def test_what_is_signed_comes_into_force_and_what_is_not_does_not(team: Team) -> None:
    specs = team.daemon()
    first = team.commit()
    assert in_force(specs) == (first, "")
    unsigned = team.commit(None)
    good, problem = in_force(specs)
    assert good == first
    assert f"{unsigned[:12]}: it is not signed. Sign it anew, or have it sealed." in problem
    assert f'git commit -S --allow-empty -m "Seal" -m "Reconciler-Seal: {unsigned}"' in problem
    team.commit("bob")
    good, problem = in_force(specs)
    assert (good, f"{unsigned[:12]}: it is not signed" in problem) == (first, True)
    assert in_force(team.daemon())[0] == first
    assert in_force(specs) == in_force(team.daemon())
    sealed = team.seal("bob")
    assert in_force(specs) == (sealed, "")


def test_the_seal_that_a_refusal_asks_for_is_one(team: Team) -> None:
    team.commit(None)
    specs = team.daemon()
    good, problem = in_force(specs)
    assert good is None
    command = problem.rpartition("signs on top of it: ")[2]
    how = f"git -c gpg.format=ssh -c user.signingKey={team.keys['alice']} -c user.name=a -c user.email=a"
    subprocess.run(command.replace("git", how, 1), shell=True, cwd=team.repository, check=True, capture_output=True)
    assert in_force(specs) == (team.git("rev-parse", "HEAD"), "")


def test_two_have_to_sign_where_the_rule_says_so(team: Team) -> None:
    specs = team.daemon(rules=[{**team.everything, "threshold": 2}])
    first = team.commit()
    assert '" needs 2 of alice, bob' in in_force(specs)[1]
    team.seal("alice")
    assert in_force(specs)[0] is None
    second = team.seal("bob")
    assert in_force(specs) == (second, "")
    assert first != second


def test_a_key_that_is_taken_out_orders_nothing_any_more_and_what_is_in_force_stays(team: Team) -> None:
    specs = team.daemon()
    first = team.commit()
    assert in_force(specs) == (first, "")
    team.commit()
    team.allow("bob")
    assert in_force(specs)[0] == first
    assert "a key of nobody who may sign" in in_force(specs)[1]
    team.allow("alice")
    assert in_force(specs) == (team.git("rev-parse", "HEAD"), "")


def test_a_revoked_key_orders_nothing_any_more(team: Team) -> None:
    revoked = team.folder / "revoked"
    revoked.write_text("")
    specs = team.daemon(revoked=revoked)
    first = team.commit()
    assert in_force(specs) == (first, "")
    revoked.write_text(team.keys["alice"].with_suffix(".pub").read_text())
    team.commit()
    assert "the key of alice is revoked" in in_force(specs)[1]


def test_what_counts_is_when_a_commit_was_seen_first_whoever_looks_later(team: Team) -> None:
    team.allow("alice", "bob", options='valid-before="20261124Z" ')
    rules = [{**team.everything, "threshold": 2}]
    team.commit()
    assert '" needs 2 of' in in_force(team.daemon(rules=rules))[1]
    team.now += timedelta(days=3)
    team.allow("alice", options='valid-before="20261124Z" ')
    with (team.folder / "signers").open("a") as signers:
        signers.write(f"bob {team.keys['bob'].with_suffix('.pub').read_text()}")
    sealed = team.seal("bob")
    assert in_force(team.daemon(rules=rules)) == (sealed, "")
    late = team.commit("alice")
    assert "the key of alice had expired" in in_force(team.daemon())[1]
    assert late != sealed


def rewind(team: Team) -> None:
    team.git("reset", "--quiet", "--hard", "HEAD~1")


def fork(team: Team) -> None:
    rewind(team)
    team.commit("bob")


@pytest.mark.parametrize("happens", [rewind, fork])
def test_a_branch_that_was_rewritten_is_refused_although_all_of_it_is_signed(
    team: Team, happens: Callable[[Team], None]
) -> None:
    specs = team.daemon()
    team.commit()
    newest = team.commit()
    assert in_force(specs) == (newest, "")
    happens(team)
    good, problem = in_force(specs)
    assert (good, "The branch was rewritten" in problem) == (newest, True)
    specs.accept(team.git("rev-parse", "HEAD"), who="op", why="we know")
    assert in_force(specs) == (team.git("rev-parse", "HEAD"), "")


def test_who_accepts_a_rewritten_branch_does_not_sign_it(team: Team) -> None:
    specs = team.daemon()
    team.commit()
    newest = team.commit()
    assert in_force(specs) == (newest, "")
    rewind(team)
    unsigned = team.commit("mallory")
    specs.accept(unsigned, who="op", why="we know")
    good, problem = in_force(specs)
    assert (good, "a key of nobody who may sign" in problem) == (newest, True)


def test_neither_a_tag_nor_a_replacement_in_the_repository_is_heard(team: Team) -> None:
    specs = team.daemon()
    first = team.commit()
    assert in_force(specs) == (first, "")
    evil = team.commit("mallory")
    team.git("tag", "main", first)
    team.git("branch", "fine", first)
    team.git("replace", evil, first)
    good, problem = in_force(specs)
    assert good == first
    assert f"{evil[:12]}: it is signed with a key of nobody who may sign" in problem


def test_what_was_in_force_before_anybody_had_to_sign_stays(team: Team) -> None:
    unverified = Site(team.config().model_copy(update={"authority": None}), lambda: NOW).specs
    first = team.commit(None)
    assert in_force(unverified) == (first, "")
    specs = team.daemon()
    assert in_force(specs) == (first, "")
    second = team.commit()
    assert in_force(specs) == (second, "")


def test_a_file_of_keys_that_cannot_be_used_takes_nothing_into_force_and_is_told(team: Team) -> None:
    specs = team.daemon()
    commit = team.commit()
    (team.folder / "signers").write_text("alice\n")
    assert "signers:1: " in in_force(specs)[1]
    (team.folder / "signers").unlink()
    good, problem = in_force(specs)
    assert (good, "signers cannot be read" in problem) == (None, True)
    team.allow("alice")
    assert in_force(specs) == (commit, "")


def test_a_certificate_is_one_persons_and_told_where_it_cannot_be_used(team: Team) -> None:
    pysequoia = pytest.importorskip("pysequoia")
    team.commit()
    file = team.folder / "certificate"
    specs = team.daemon(certificates={"dora": file, "erin": file})
    assert "certificate cannot be read" in in_force(specs)[1]
    file.write_text("junk")
    assert f"{file}: the certificate cannot be read" in in_force(specs)[1]
    made = pysequoia.Tsk.generate(user_id="<dora>", profile=pysequoia.Profile.RFC4880)
    file.write_bytes(bytes(made.extract_certificate()))
    assert "erin has the certificate of dora" in in_force(specs)[1]
    assert in_force(team.daemon(certificates={"dora": file})) == (team.git("rev-parse", "HEAD"), "")


def test_specs_that_are_wrong_are_told_once_they_are_signed(team: Team) -> None:
    specs = team.daemon()
    first = team.commit()
    assert in_force(specs) == (first, "")
    team.commit(None, **{FLEET: "kind: ["})
    assert "error" not in in_force(specs)[1]
    team.seal("alice")
    assert "has 1 error" in in_force(specs)[1]


def test_a_plan_of_the_newest_commit_asks_too(team: Team) -> None:
    first = team.commit()
    team.daemon().look()
    team.commit(None)
    specs = team.daemon()
    assert specs.in_force(newest=True)[0] == first
    assert "it is not signed" in (specs.problem or "")


def test_a_directory_cannot_be_signed(team: Team) -> None:
    config = team.config().model_copy(update={"source": None, "specs": team.repository / "cluster-specs"})
    looked = Site(config, lambda: NOW).specs.look()
    assert looked.loaded is None
    assert "a directory has no commits that anybody could have signed" in (looked.state.problem or "")


@pytest.mark.parametrize(
    ("authority", "told"),
    [
        ("rules: [{paths: ['**'], signers: [alice]}]", "name allowed_signers"),
        ("{allowed_signers: /x, rules: []}", "rules"),
        ("{allowed_signers: x, rules: [{paths: ['**'], signers: [a]}]}", "write the whole path"),
        ("{certificates: {a: x}, rules: [{paths: ['**'], signers: [a]}]}", "write the whole path"),
        ("{allowed_signers: /x, revoked: x, rules: [{paths: ['**'], signers: [a]}]}", "write the whole path"),
        ("{allowed_signers: /x, rules: [{paths: [], signers: [alice]}]}", "paths"),
        ("{allowed_signers: /x, rules: [{paths: ['**'], signers: []}]}", "signers"),
        ("{allowed_signers: /x, rules: [{paths: ['/a'], signers: [a]}]}", "without a slash before it"),
        ("{allowed_signers: /x, rules: [{paths: ['a/'], signers: [a]}]}", "an empty part"),
        ("{allowed_signers: /x, rules: [{paths: ['a**'], signers: [a]}]}", "whole parts"),
        ("{allowed_signers: /x, rules: [{paths: ['a[b]'], signers: [a]}]}", "stand for something else"),
        ("{allowed_signers: /x, rules: [{paths: ['**'], signers: [a, a], threshold: 2}]}", "2 of 1 signers"),
        ("{allowed_signers: /x, rules: [{paths: ['**'], signers: [a]}], extra: 1}", "extra"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(tmp_path: Path, authority: str, told: str) -> None:
    file = tmp_path / "reconciler.yaml"
    inner = authority if authority.startswith("{") else f"{{{authority}}}"
    file.write_text(f"authority: {inner}\n")
    with pytest.raises(ConfigError, match="authority") as refusal:
        load_config(file, {}, {})
    assert told in str(refusal.value)


def test_a_policy_in_git_is_no_looser_than_the_floor(team: Team) -> None:
    path = team.repository / FLEET
    team.commit(**{FLEET: path.read_text().replace("foreign_data: approval", "foreign_data: automatic")})
    floor = {"floor": PolicyFloor.model_validate({"foreign_data": "approval", "max_destructive": 3})}
    specs = Site(team.config().model_copy(update=floor), lambda: NOW).specs
    looked = specs.look()
    assert looked.loaded is not None and looked.loaded.tree is not None
    policy = looked.loaded.tree.fleet.policy
    assert (policy.foreign_data, policy.max_destructive) == ("approval", 3)
    assert "foreign_data is approval (the specs say automatic)" in specs.held_up
    assert specs.tree().fleet.policy == policy
    before = specs.tree_at(looked.state.good or "")
    assert before is not None and before.fleet.policy == policy
    assert team.daemon().tree().fleet.policy.foreign_data == "automatic"
