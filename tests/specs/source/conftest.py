"""Real repositories, made with the git program."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.specs.source.git import GitSource


class Upstream:
    """A repository as operators have one: a work tree that they commit in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        who = {f"GIT_{role}_{what}": "op@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env={**os.environ, **who, **quiet}, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def commit(self, files: Mapping[str, str | bytes], message: str = "Change") -> str:
        """Write files, commit everything, and return the commit."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    if shutil.which("git") is None:
        pytest.skip("needs git (apt: git)")
    return Upstream(tmp_path / "upstream")


@pytest.fixture
def source(upstream: Upstream, tmp_path: Path) -> GitSource:
    return GitSource(str(upstream.path), "main", "cluster-specs", tmp_path / "cache")
