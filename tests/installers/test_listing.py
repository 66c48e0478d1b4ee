"""What is kept of a root, of a root that a test lays out."""

import hashlib
import os
from pathlib import Path

import pytest

from .listing import Made, listing, packages

STATUS = """\
Package: frr
Status: install ok installed
Version: 1.0

Package: gone
Status: deinstall ok config-files
Version: 2.0
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    texts = {
        "etc/passwd": f"me:x:{os.getuid()}:0::/:\n",
        "etc/group": f"mine:x:{os.getgid()}:\n",
        "usr/bin/frr": "a program",
        "var/lib/dpkg/status": STATUS,
        "var/lib/dpkg/info/frr:amd64.list": "/.\n/usr/bin/frr\n",
        "var/lib/dpkg/info/frr-tools.list": "/usr/bin/other\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "etc/passwd").chmod(0o640)
    (tmp_path / "etc/link").symlink_to("passwd")
    return tmp_path


def test_a_path_has_its_kind_mode_owner_and_content(root: Path) -> None:
    found = listing(root)
    text = (root / "etc/passwd").read_text()
    assert found["etc/passwd"] == {"kind": "file", "mode": "0640", "owner": "me:mine", "content": text}
    assert found["etc/link"] == {"kind": "link", "mode": "", "owner": "me:mine", "content": "passwd"}
    assert found["etc"]["kind"] == "folder"
    assert found["usr/bin/frr"]["content"] == hashlib.sha256(b"a program").hexdigest()


def test_packages_are_those_that_are_installed(root: Path) -> None:
    assert packages(root) == {"frr": "1.0"}


def test_a_package_owns_what_it_brought_and_no_more(root: Path) -> None:
    owned = Made(listing(root), packages(root)).owned({"frr"})
    assert owned == {".", "usr/bin/frr", "var/lib/dpkg/info/frr:amd64.list"}
