"""The shell that puts ring files into force, really run in a folder of its own."""

import os
import subprocess
from pathlib import Path

import pytest

from reconciler.model.rings import RingFile, md5_of
from reconciler.provisioning import ring_files


class Node:
    """A node's folders, and a shell on it."""

    def __init__(self, root: Path) -> None:
        self.rings, self.new = root / "etc/swift", root / "run/rings"
        self.bin = root / "bin"
        for folder in (self.rings, self.new, self.bin):
            folder.mkdir(parents=True)
        chown = self.bin / "chown"
        chown.write_text(f'#!/bin/sh\necho "$@" >> {root}/owned\n')
        chown.chmod(0o755)
        self.owned = root / "owned"

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        text = command.replace(ring_files.NEW_RINGS_FOLDER, str(self.new))
        text = text.replace(ring_files.RINGS_FOLDER, str(self.rings))
        path = f"{self.bin}:{os.environ['PATH']}"
        return subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True, env={"PATH": path})

    def give(self, **files: bytes) -> None:
        for ring, content in files.items():
            (self.new / f"{ring}.ring.gz").write_bytes(content)
        ran = self.run(ring_files.PLACE_RINGS)
        assert ran.returncode == 0, ran.stderr

    def read(self) -> tuple[RingFile, ...]:
        return ring_files.parse_rings(self.run(ring_files.READ_RINGS).stdout)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_rings_are_put_into_force_and_read_back(node: Node) -> None:
    assert node.read() == ()
    node.give(account=b"a1", object=b"o1")
    assert node.read() == (RingFile("account", md5_of(b"a1")), RingFile("object", md5_of(b"o1")))
    assert node.owned.read_text().splitlines() == [
        "swift:swift .account.ring.gz.new",
        "swift:swift .object.ring.gz.new",
    ]
    assert (node.rings / "object.ring.gz").stat().st_mode & 0o777 == 0o644
    assert list(node.new.iterdir()) == []


def test_the_two_before_stay_beside(node: Node) -> None:
    for content in (b"o1", b"o2", b"o3", b"o3", b"o4"):
        node.give(object=content)
    kept = {file.name: file.read_bytes() for file in (node.rings / "backups").iterdir()}
    assert kept == {"object.ring.gz.1": b"o3", "object.ring.gz.2": b"o2"}
    assert sorted(file.name for file in node.rings.iterdir()) == ["backups", "object.ring.gz"]


def test_a_node_without_swift_has_no_rings(node: Node) -> None:
    node.rings.rmdir()
    ran = node.run(ring_files.READ_RINGS)
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.parametrize("text", ["cat: no\n", f"{'0' * 32}  ../x.ring.gz\n", f"{'0' * 31}  object.ring.gz\n"])
def test_what_is_no_md5_of_a_ring_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no md5sum of a ring file"):
        ring_files.parse_rings(text)
