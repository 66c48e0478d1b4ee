"""Histories in a real repository, whose objects are written here, as git is slow at making hundreds of them."""

import os
import subprocess
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from reconciler.specs.authority.allowed_signers import SshSigners, parse_revoked, parse_signers
from reconciler.specs.authority.commits import object_name
from reconciler.specs.authority.keyring import Keyring
from reconciler.specs.authority.openpgp import parse_certificates
from reconciler.specs.authority.rules import Authority, OrderRule
from reconciler.specs.source.git import GitSource
from reconciler.specs.source.lineage import RangeVerdict, judge_range
from reconciler.specs.source.run_git import Git

from .keys import Key, ed25519_key

FLEET, CL1, PROD = "cluster-specs/fleet.yaml", "cluster-specs/cl1/nodes.yaml", "cluster-specs/prod/nodes.yaml"
START = {FLEET: "1\n", CL1: "1\n2\n3\n4\n5\n6\n7\n", PROD: "1\n", "README.md": "1\n"}
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
Files = Mapping[str, str | None]


class PgpKey:
    """A private OpenPGP key."""

    def __init__(self, name: str) -> None:
        from pysequoia import Profile, Tsk

        self.secret = Tsk.generate(user_id=f"<{name}>", profile=Profile.RFC4880)
        self.public = bytes(self.secret.extract_certificate())

    def sign(self, payload: bytes) -> str:
        from pysequoia import SignatureMode, sign

        return sign(self.secret.signer(), payload, mode=SignatureMode.DETACHED).decode()


Signer = Key | PgpKey


@dataclass(frozen=True)
class People:
    """Keys of those who may order something, and of those who may not."""

    keys: Mapping[str, Signer] = field(
        default_factory=lambda: {
            **{name: ed25519_key() for name in ("alice", "alice-2", "bob", "carol", "dave", "web", "mallory")},
            **{name: ed25519_key() for name in ("expired", "not-yet", "revoked", "filer", "ending")},
            "rsa": Key(rsa.generate_private_key(65537, 2048)),
            "ecdsa": Key(ec.generate_private_key(ec.SECP256R1())),
            "hardware": Key(ed25519_key().private, hardware=True),
            "pgp": PgpKey("pgp@example.com"),
            "pgp-stranger": PgpKey("alice@example.com"),
        }
    )

    def __getitem__(self, name: str) -> Signer:
        return self.keys[name]

    @property
    def authority(self) -> Authority:
        """All may be changed by alice and bob, cl1 by carol too, prod by two of them. The rest is each for one case."""
        options = {
            "expired": 'valid-before="20260101Z" ',
            "not-yet": 'valid-after="20270101Z" ',
            "ending": 'valid-before="20261201Z" ',
            "filer": 'namespaces="file" ',
        }
        names = {"alice-2": "alice", "rsa": "bob", "ecdsa": "bob", "hardware": "bob"}
        ssh = [name for name, key in self.keys.items() if isinstance(key, Key) and name != "mallory"]
        lines = [f"{names.get(name, name)} {options.get(name, '')}{self.keys[name].public}" for name in ssh]
        signers = parse_signers("\n".join(lines), "signers")
        revoked = parse_revoked(self.keys["revoked"].public, "revoked")
        pgp = self.keys["pgp"]
        assert isinstance(pgp, PgpKey)
        everything = frozenset({"alice", "bob", "pgp", "expired", "not-yet", "revoked", "filer", "ending"})
        return Authority(
            Keyring(SshSigners(signers, revoked), parse_certificates("pgp", pgp.public)),
            (
                OrderRule(("**",), everything),
                OrderRule(("cluster-specs/cl1/**",), everything | {"carol"}),
                OrderRule(("cluster-specs/prod/**",), frozenset({"alice", "bob", "carol"}), 2),
            ),
            merges=frozenset({"web"}),
        )


@dataclass(frozen=True)
class Order:
    """A commit to be made."""

    change: Files = field(default_factory=dict)  # None: the file goes
    by: str | None = "alice"  # whose key signs; None: nobody's
    message: str = "Change"
    modes: Mapping[str, str] = field(default_factory=dict)  # of files that are no plain ones
    more: bytes = b""  # headers
    signature: str | None = None  # in place of one that is made
    namespace: str = "git"


class Repository:
    """A bare repository with all histories that are made in it."""

    def __init__(self, path: Path, people: People) -> None:
        self.path, self.people = path, people
        quiet = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        subprocess.run(["git", "init", "--bare", "--quiet", path], check=True, env=quiet)
        self.held: dict[str, dict[str, tuple[str, str]]] = {}  # the files of each commit: mode and content
        self.start = self.commit(Order(START))

    def write(self, kind: str, content: bytes) -> str:
        name = object_name(kind, content, 40)
        path = self.path / "objects" / name[:2] / name[2:]
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(zlib.compress(f"{kind} {len(content)}\0".encode() + content, 1))
        return name

    def tree(self, files: Mapping[str, tuple[str, str]]) -> str:
        """A tree of files by their path, each with mode and content."""
        below: dict[str, dict[str, tuple[str, str]]] = {}
        rows = []
        for path, (mode, content) in files.items():
            first, _, rest = path.partition("/")
            if rest:
                below.setdefault(first, {})[rest] = mode, content
            else:
                rows.append((first, mode, content if mode == "160000" else self.write("blob", content.encode())))
        rows += [(name, "40000", self.tree(inner)) for name, inner in below.items()]
        rows.sort(key=lambda row: f"{row[0]}/" if row[1] == "40000" else row[0])
        return self.write(
            "tree", b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(sha) for name, mode, sha in rows)
        )

    def commit(self, order: Order, *parents: str) -> str:
        """A commit on top of others, with the files of the first of them and what is changed."""
        files = dict(self.held[parents[0]]) if parents else {}
        for path, content in order.change.items():
            if content is None:
                del files[path]
            else:
                files[path] = order.modes.get(path, files.get(path, ("100644", ""))[0]), content
        return self.with_files(order, files, *parents)

    def with_files(self, order: Order, files: dict[str, tuple[str, str]], *parents: str) -> str:
        above = f"tree {self.tree(files)}\n" + "".join(f"parent {parent}\n" for parent in parents)
        who = "A <a@example.com> 1790000000 +0000"
        payload = f"{above}author {who}\ncommitter {who}\n".encode() + order.more + f"\n{order.message}\n".encode()
        raw = payload
        if order.by is not None or order.signature is not None:
            raw = self.with_signature(payload, order.signature or self.signature(payload, order))
        name = self.write("commit", raw)
        self.held[name] = files
        return name

    def signature(self, payload: bytes, order: Order) -> str:
        key = self.people[order.by or ""]
        return key.sign(payload, order.namespace) if isinstance(key, Key) else key.sign(payload)

    @staticmethod
    def with_signature(payload: bytes, signature: str, header: bytes = b"gpgsig") -> bytes:
        above, _, message = payload.partition(b"\n\n")
        return above + b"\n" + header + b" " + signature.strip().replace("\n", "\n ").encode() + b"\n\n" + message

    def merge(self, order: Order, *parents: str) -> str:
        """What git gives where it merges without help, with what is changed beside that."""
        base = self.held[self.run("merge-base", *parents).decode().strip()]
        files = dict(self.held[parents[0]])
        for parent in parents[1:]:
            for path in base.keys() | self.held[parent].keys():
                theirs = self.held[parent].get(path)
                if theirs == base.get(path):
                    continue
                if theirs is None:
                    files.pop(path, None)
                else:
                    files[path] = theirs
        for path, content in order.change.items():
            files[path] = "100644", content or ""
        return self.with_files(replace(order, message="Merge"), files, *parents)

    def seal(self, commit: str, by: str | None = "alice", **other: Any) -> str:
        return self.commit(Order(by=by, message=f"Seal\n\nReconciler-Seal: {commit}", **other), commit)

    def raw(self, commit: str) -> bytes:
        return self.run("cat-file", "commit", commit)

    def run(self, *words: str) -> bytes:
        return subprocess.run(["git", *words], cwd=self.path, check=True, capture_output=True).stdout

    def copy(self, path: Path, *options: str) -> "Repository":
        """A clone with all branches."""
        self.run("clone", "--quiet", "--bare", *options, f"file://{self.path}", str(path))
        made = Repository.__new__(Repository)
        made.path, made.people, made.held = path, self.people, {}
        return made

    @property
    def git(self) -> Git:
        """Git as the daemon has it, in this repository as if it were the mirror."""
        source = GitSource(str(self.path), "main", "cluster-specs", self.path.parent)
        source._mirror = self.path
        return source.ask

    def judge(self, good: str | None, target: str, seen: Mapping[str, datetime] | None = None) -> RangeVerdict:
        return judge_range(self.git, good, target, self.people.authority, lambda name: (seen or {}).get(name, NOW))
