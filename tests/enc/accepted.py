"""Whether programs of Debian 13 take the configuration that a node's catalog holds for them."""

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from .catalogs import Catalog
from .debian_programs import Programs


class _Check(NamedTuple):
    """How a program is asked whether it would start with a file."""

    program: str
    arguments: tuple[str, ...]  # with FILE
    left_out: str = "(?!)"  # lines, as a regular expression


FILE = "FILE"

CHECKS = {
    "/etc/haproxy/haproxy.cfg": _Check("haproxy", ("-c", "-f", FILE), r"  (user|group)  haproxy"),
    "/etc/mysql/my.cnf": _Check("mariadbd", (f"--defaults-file={FILE}", "--help", "--verbose"), "user = mysql"),
    "/etc/bind/named.conf": _Check("named-checkconf", (FILE,)),
    "/etc/ssh/sshd_config": _Check("sshd", ("-G", "-f", FILE)),
}
"""By file. Left out is what asks for a user whom only an installed package makes."""

_WRITTEN_LATER = ("/etc/haproxy/glance.pem",)
"""Certificates that a command of the catalog puts together on the node."""

_CERTIFICATE = "/etc/ssl/private/oci-pki-api.pem"
_OF_PACKAGES = ("/var/cache/bind",)
"""Folders of packages that are not unpacked."""


def refusals(catalog: Catalog, programs: Programs) -> list[str]:
    """What each program says that would not start with its file; a program whose file is not there is not asked."""
    files = catalog.files()
    with TemporaryDirectory() as folder:  # a short name: HAProxy's sockets are below it
        shutil.copytree(programs.root / "etc", Path(folder) / "etc")
        _lay_out(catalog, files, Path(folder))
        return [said for path in CHECKS if path in files and (said := _refusal(Path(folder), path, programs))]


def _refusal(folder: Path, path: str, programs: Programs) -> str:
    """What the program says of the file; empty where it takes it."""
    check, file = CHECKS[path], folder / path.lstrip("/")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not re.fullmatch(check.left_out, line.strip("\n"))))
    asked = programs.run(check.program, *(word.replace(FILE, str(file)) for word in check.arguments))
    return f"{path}: status {asked.returncode}: {asked.stdout}" if asked.returncode else ""


def _lay_out(catalog: Catalog, files: dict[str, str], folder: Path) -> None:
    """Write the catalog's files below a folder, which stands for / in their texts."""
    folders = [one.parameters.get("path", one.title) for one in catalog.of_type("File")
               if one.parameters.get("ensure") == "directory"]  # fmt: skip
    for path in (*_OF_PACKAGES, *folders):
        (folder / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
    later = {path: files[_CERTIFICATE] for path in _WRITTEN_LATER if path in files}
    for path, text in (files | later).items():
        file = folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(re.sub(r"(?<![\w/.])/(etc|var)/", rf"{folder}/\1/", text))
