"""A root as data: each path with its kind, mode, owner and content, and its packages, to compare with another root."""

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_TEXTS = ("etc/", "root/", "boot/grub/", "var/lib/", "var/spool/", "usr/local/", "usr/share/ca-certificates/")
"""Below these folders a text is kept as it is; of any other file its digest says enough."""
_LONGEST = 2**18  # bytes of a text that is kept

Entry = dict[str, str]
"""Of one path: kind, mode, owner, and content or target. All of it is text, to be kept as JSON."""


_INFO = re.compile(r"var/lib/dpkg/info/([^:/]+)(?::[^.]+)?\.([a-z0-9]+)")


class Made(NamedTuple):
    """What an installer made."""

    files: Mapping[str, Entry]  # by path
    packages: Mapping[str, str]  # versions by name

    def owned(self, names: Collection[str]) -> set[str]:
        """Paths that packages brought, as dpkg has them, and what it keeps of these packages itself."""
        found = set()
        for path, entry in self.files.items():
            if (told := _INFO.fullmatch(path)) and told[1] in names:
                found.add(path)
                if told[2] == "list":
                    found |= {line.lstrip("/") for line in entry["content"].splitlines()}
        return found


@dataclass(frozen=True)
class _Names:
    """The names of a root's users or groups by number: numbers go by the order in which packages came."""

    known: dict[int, str]

    @classmethod
    def read(cls, file: Path) -> "_Names":
        fields = (line.split(":") for line in file.read_text().splitlines())
        return cls({int(field[2]): field[0] for field in fields})

    def of(self, number: int) -> str:
        return self.known.get(number, str(number))


def listing(root: Path) -> dict[str, Entry]:
    """Every path below a root, in other file systems none."""
    users, groups = _Names.read(root / "etc/passwd"), _Names.read(root / "etc/group")
    return {
        str(path.relative_to(root)): _entry(path, path.lstat(), str(path.relative_to(root)), users, groups)
        for path in sorted(_walked(root))
    }


def _walked(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            yield Path(folder) / name


def _entry(path: Path, told: os.stat_result, name: str, users: _Names, groups: _Names) -> Entry:
    entry = {
        "kind": _KINDS.get(stat.S_IFMT(told.st_mode), "device"),
        "mode": f"{stat.S_IMODE(told.st_mode):04o}",
        "owner": f"{users.of(told.st_uid)}:{groups.of(told.st_gid)}",
    }
    if entry["kind"] == "link":
        return entry | {"mode": "", "content": os.readlink(path)}
    if entry["kind"] == "file":
        content = path.read_bytes()
        return entry | {"content": _text(name, content) or hashlib.sha256(content).hexdigest()}
    return entry


_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


def _text(name: str, content: bytes) -> str | None:
    if not name.startswith(_TEXTS) or len(content) > _LONGEST:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def packages(root: Path) -> dict[str, str]:
    """Versions of what is installed, by name."""
    status = (root / "var/lib/dpkg/status").read_text()
    found = {}
    for paragraph in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"]] = fields["Version"]
    return found
