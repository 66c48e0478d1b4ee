"""Commits: what their signatures cover is what git says they cover."""

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.specs.authority.allowed_signers import SshSigners, parse_signers
from reconciler.specs.authority.commits import CommitError, object_name, parse_commit
from reconciler.specs.authority.keyring import Keyring
from reconciler.specs.authority.unverified import Unverified, UnverifiedError

from .keys import Key, ed25519_key, make_key

NOW = datetime.now(UTC)
ALICE = ed25519_key()
SIGNERS = f"alice@example.com {ALICE.public}\n"
HEAD = b"author A <a@example.com> 1790000000 +0000\ncommitter A <a@example.com> 1790000000 +0000\n"
MESSAGE = b"\nOrder\n\ngpgsig is only a word here\n"


class Git:
    """A bare repository, and what git says of commits in it."""

    def __init__(self, path: Path, algorithm: str = "sha1") -> None:
        self.path = path
        path.mkdir()
        self.run("init", "--bare", "--quiet", f"--object-format={algorithm}")
        self.signers = path / "signers"
        self.signers.write_text(SIGNERS)
        self.tree = self.put("tree", b"")

    def run(self, *words: str, given: bytes = b"") -> str:
        return self.tried(*words, given=given, check=True).stdout.decode().strip()

    def tried(self, *words: str, given: bytes = b"", check: bool = False) -> "subprocess.CompletedProcess[bytes]":
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        who = {f"GIT_{role}_{what}": "op@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {**os.environ, **quiet, **who}
        return subprocess.run(
            ["git", *words], cwd=self.path, input=given, env=environment, capture_output=True, check=check
        )

    def put(self, kind: str, content: bytes) -> str:
        return self.run("hash-object", "-t", kind, "-w", "--literally", "--stdin", given=content)

    def raw(self, commit: str) -> bytes:
        return self.tried("cat-file", "commit", commit, check=True).stdout

    def accepts(self, commit: str) -> bool:
        how = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={self.signers}")
        return self.tried(*how, "verify-commit", commit).returncode == 0

    def parents(self, commit: str) -> tuple[str, ...]:
        return tuple(self.run("rev-list", "--parents", "--no-walk", commit).split()[1:])


@pytest.fixture
def git(tmp_path: Path) -> Git:
    if shutil.which("git") is None or shutil.which("ssh-keygen") is None:
        pytest.skip("needs git and ssh-keygen (apt: git openssh-client)")
    return Git(tmp_path / "repository")


def header(name: bytes, value: bytes) -> bytes:
    return name + b" " + value.rstrip(b"\n").replace(b"\n", b"\n ") + b"\n"


def signed(payload: bytes, key: Key = ALICE, name: bytes = b"gpgsig") -> bytes:
    above, _, message = payload.partition(b"\n\n")
    return above + b"\n" + header(name, key.sign(payload).encode()) + b"\n" + message


def why_not(name: str, raw: bytes) -> Unverified | str | None:
    """Why nobody has signed a commit; None: somebody has."""
    keyring = Keyring(SshSigners(parse_signers(SIGNERS, "signers")))
    try:
        assert keyring.signer(parse_commit(name, raw), NOW) == "alice@example.com"
    except CommitError as error:
        return str(error)
    except UnverifiedError as error:
        return error.reason
    return None


def plain(tree: str, *parents: str, more: bytes = b"") -> bytes:
    above = f"tree {tree}\n".encode() + b"".join(f"parent {parent}\n".encode() for parent in parents)
    return above + HEAD + more + MESSAGE


TAG = b"object 1\ntype commit\ntag v1\n\nA tag\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n"
BOTH: list[tuple[str, Callable[[Git], bytes], bool]] = [
    ("signed", lambda git: signed(plain(git.tree)), True),
    ("not signed", lambda git: plain(git.tree), False),
    ("with an encoding", lambda git: signed(plain(git.tree, more=b"encoding ISO-8859-1\n")), True),
    ("with a tag that was merged", lambda git: signed(plain(git.tree, more=header(b"mergetag", TAG))), True),
    ("with a header of another tool", lambda git: signed(plain(git.tree, more=b"change-id xyz\n")), True),
    ("without a message", lambda git: signed(plain(git.tree)[: -len(MESSAGE)] + b"\n"), True),
    ("with a carriage return", lambda git: signed(plain(git.tree).replace(b"only", b"on\rly")), True),
    ("with NUL in the message", lambda git: signed(plain(git.tree).replace(b"only", b"on\0ly")), True),
    ("of another message", lambda git: signed(plain(git.tree)).replace(b"Order", b"Other"), False),
    ("of another author", lambda git: signed(plain(git.tree)).replace(b"author A", b"author B"), False),
    ("of another tree", lambda git: signed(plain(git.put("tree", b""))).replace(b"tree 4", b"tree 5"), False),
    ("by a stranger", lambda git: signed(plain(git.tree), ed25519_key()), False),
    ("with a signature in the message", lambda git: plain(git.tree) + ALICE.sign(plain(git.tree)).encode(), False),
    ("with the signature of the other algorithm", lambda git: signed(plain(git.tree), name=b"gpgsig-sha256"), False),
    ("with a signature that is cut off", lambda git: signed(plain(git.tree)).replace(b" -----END", b" ----END"), False),
]


@pytest.mark.parametrize(("make", "is_good"), [row[1:] for row in BOTH], ids=[row[0] for row in BOTH])
def test_git_and_we_say_the_same(git: Git, make: Callable[[Git], bytes], is_good: bool) -> None:
    raw = make(git)
    name = git.put("commit", raw)
    assert name == object_name("commit", raw, 40)
    assert git.accepts(name) is is_good
    assert (why_not(name, raw) is None) is is_good


def between(raw: bytes, parent: bytes) -> bytes:
    """A commit with its signature in the middle of its parents: git reads the first of them only."""
    at, end = raw.index(b"gpgsig "), raw.index(b"\n\n") + 1
    signature, rest = raw[at:end], raw[:at] + raw[end:]
    return rest.replace(b"parent " + parent, signature + b"parent " + parent)


def test_a_parent_cannot_be_hidden_from_git_behind_a_good_signature(git: Git) -> None:
    one, two = (git.put("commit", signed(plain(git.tree, more=more))) for more in (b"x-a 1\n", b"x-b 1\n"))
    merge = signed(plain(git.tree, one, two))
    assert why_not(object_name("commit", merge, 40), merge) is None
    raw = between(merge, two.encode())
    name = git.put("commit", raw)
    assert git.accepts(name) and git.parents(name) == (one,)  # what was signed has two
    assert why_not(name, raw) == "has its headers in an order that git does not write"


SIGNED = signed(plain("4b825dc642cb6eb9a060e54bf8d69288fbee4904"))
STRICTER = [
    ("two signatures", signed(SIGNED), "has two signatures"),
    ("an unknown kind", SIGNED.replace(b"\n\n", b"\ngpgsigx 1\n\n", 1), "has an unknown kind of signature"),
    ("two trees", signed(plain("4" * 40, more=b"tree " + b"5" * 40 + b"\n")), "has a header twice"),
    ("a parent below", signed(plain("4" * 40, more=b"parent " + b"5" * 40 + b"\n")), "has its headers in an order"),
    ("no author", SIGNED.replace(b"author", b"autor"), "has its headers in an order that git does not write"),
    ("a short parent", signed(plain("4" * 40, "5" * 39)), "has a parent that is not the name of an object"),
    ("a parent of two lines", signed(plain("4" * 40, "5" * 40 + "\n x")), "has a parent that is not the name"),
    ("NUL in a header", signed(plain("4" * 40, more=b"x a\0b\n")), "has a NUL byte in a header"),
    ("no space", signed(plain("4" * 40, more=b"x\n")), "has a line among its headers that is none"),
    ("nothing", b"", "has no message"),
]


@pytest.mark.parametrize(("raw", "told"), [row[1:] for row in STRICTER], ids=[row[0] for row in STRICTER])
def test_what_git_does_not_write_is_refused(raw: bytes, told: str) -> None:
    said = why_not(object_name("commit", raw, 40), raw)
    assert isinstance(said, str) and said.startswith(told)


def test_content_under_another_name_is_refused() -> None:
    assert why_not("0" * 40, SIGNED) == "is stored under a name that is not the hash of its content"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_what_git_signs_is_accepted(tmp_path: Path, algorithm: str) -> None:
    git, key = Git(tmp_path / "repository", algorithm), make_key(tmp_path / "alice")
    allowed = f"alice@example.com {key.with_suffix('.pub').read_text()}"
    git.signers.write_text(allowed)
    how = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}")
    name = git.run(*how, "commit-tree", "-S", "-m", f"Seal\n\nReconciler-Seal: {'0' * len(git.tree)}", git.tree)
    assert git.accepts(name)
    commit = parse_commit(name, git.raw(name))
    assert Keyring(SshSigners(parse_signers(allowed, "signers"))).signer(commit, NOW) == "alice@example.com"
    assert (commit.tree, commit.parents, commit.seals) == (git.tree, (), "0" * len(git.tree))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ("-----BEGIN SIGNED MESSAGE-----\nx\n-----END SIGNED MESSAGE-----\n", Unverified.KIND),
        ("-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n", Unverified.UNKNOWN_KEY),
        ("x", Unverified.MALFORMED),
    ],
)
def test_other_kinds_of_signatures_are_told(made: str, why: Unverified) -> None:
    raw = plain("4" * 40).replace(b"\n\n", b"\n" + header(b"gpgsig", made.encode()) + b"\n", 1)
    assert why_not(object_name("commit", raw, 40), raw) is why


def test_a_message_that_names_two_commits_seals_none() -> None:
    raw = plain("4" * 40) + b"Reconciler-Seal: " + b"1" * 40 + b"\nReconciler-Seal: " + b"2" * 40 + b"\n"
    assert parse_commit(object_name("commit", raw, 40), raw).seals is None
