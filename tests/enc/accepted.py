"""Whether programs of Debian 13 take the configuration that a node's catalog holds for them."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from .catalogs import Catalog
from .debian_programs import Programs


class _Check(NamedTuple):
    """How a program is asked whether it would start with a file."""

    program: str
    arguments: tuple[str, ...]
    left_out: str = "(?!)"  # lines, as a regular expression
    objects: str = "(?!)"  # what it says of a mistake that it goes on with, as a regular expression
    added: str = ""  # to the end of the file: what the program looks for elsewhere than below the folder


FILE = "FILE"
"""Among the arguments, the file."""

WORDS = "WORDS"
"""Among the arguments, the words of the file: it is a command line."""

_LOGROTATE = _Check("logrotate", ("--debug", "--state", "/dev/null", FILE), objects=r"(?m)^(error|warning: \S+:\d+)")

CHECKS = {
    "/etc/haproxy/haproxy.cfg": _Check("haproxy", ("-c", "-f", FILE), r"  (user|group)  haproxy"),
    "/etc/mysql/my.cnf": _Check("mariadbd", (f"--defaults-file={FILE}", "--help", "--verbose"), "user = mysql"),
    "/etc/bind/named.conf": _Check("named-checkconf", (FILE,)),
    "/etc/ssh/sshd_config": _Check("sshd", ("-G", "-f", FILE)),
    "/etc/apache2/apache2.conf": _Check("apache2", ("-t", "-C", "Define APACHE_PID_FILE /var/run/pid", "-f", FILE)),
    "/etc/corosync/corosync.conf": _Check(
        "corosync", ("-t", "-c", FILE), "  to_stderr: .*",
        added="logging {\n to_stderr: yes\n debug: off\n}\ntotem {\n keyfile: /etc/corosync/authkey\n}\n"
        "nodelist {\n node {\n  ring0_addr: 127.0.0.1\n  nodeid: 1000\n }\n}\n"  # in place of the node itself
        "system {\n state_dir: /var/lib/corosync\n}\n",
    ),
    "/etc/chrony/chrony.conf": _Check("chronyd", ("-p", "-f", FILE)),
    "/etc/memcached.conf": _Check("memcached", (WORDS, "-h")),
    "/etc/logrotate.d/conntrackd": _LOGROTATE,
    "/etc/logrotate.d/haproxy": _LOGROTATE,
    "/etc/logrotate.d/kern-legacy": _LOGROTATE,
}  # fmt: skip
"""By file. Left out is what asks for a user whom only an installed package makes.

Not asked: what has no such mode (Elasticsearch, libvirt, rsync, xinetd, ZooKeeper; RabbitMQ is started instead,
by ``broker.py``), whose mode tells nothing (collectd ends with 0 whatever its plugins are told), or whose files are not
in the catalog but a module's own (rsyslog, most of logrotate).
"""

_WRITTEN_LATER = ("/etc/haproxy/glance.pem",)
"""Certificates that a command of the catalog puts together on the node."""

_CERTIFICATE = "/etc/ssl/private/oci-pki-api.pem"
_KEYS = {"/etc/corosync/authkey": "a certificate of Puppet's\n" * 9}
"""Copies of files that only a node has."""

_OF_PACKAGES = ("/var/cache/bind", "/var/lib/corosync", "/var/log", "/var/run")
"""Folders of packages that are not unpacked."""


def refusals(catalog: Catalog, programs: Programs) -> list[str]:
    """What each program says that would not start with its file; a program whose file is not there is not asked."""
    files = catalog.files()
    with TemporaryDirectory() as folder:  # a short name: HAProxy's sockets are below it
        below = Below(Path(folder), programs)
        below.lay_out(catalog, files)
        return [said for path in CHECKS if path in files and (said := _refusal(below, path))]


def _refusal(below: "Below", path: str) -> str:
    """What the program says of the file; empty where it takes it."""
    check, file = CHECKS[path], below.path(path)
    lines = file.read_text().splitlines(keepends=True)
    kept = "".join(line for line in lines if not re.fullmatch(check.left_out, line.strip("\n")))
    file.write_text(kept + below.text(check.added))
    asked = below.programs.run(check.program, *_arguments(below, check, file))
    refused = asked.returncode or re.search(check.objects, asked.stdout)
    return f"{path}: status {asked.returncode}: {asked.stdout}" if refused else ""


def _arguments(below: "Below", check: _Check, file: Path) -> Iterator[str]:
    for word in check.arguments:
        if word == WORDS:
            yield from shlex.split(file.read_text(), comments=True)
        else:
            yield word.replace(FILE, str(file)) if FILE in word else below.text(word)


class Below:
    """A folder that stands for / in the texts of the files below it, beside the unpacked programs."""

    def __init__(self, folder: Path, programs: Programs) -> None:
        self._folder, self.programs = folder, programs

    def path(self, path: str) -> Path:
        return self._folder / path.lstrip("/")

    def text(self, text: str) -> str:
        """The text with files' names as they are below the folder, and modules' as they are unpacked."""
        text = re.sub(r"(?<![\w/.])/(etc|var)/", rf"{self._folder}/\1/", text)
        return text.replace("/usr/lib/apache2/", f"{self.programs.root}/usr/lib/apache2/")

    def lay_out(self, catalog: Catalog, files: dict[str, str]) -> None:
        """Write the catalog's files, over those that the packages bring."""
        shutil.copytree(self.programs.root / "etc", self._folder / "etc")
        parameters = {one.parameters.get("path", one.title): one.parameters for one in catalog.of_type("File")}
        folders = [path for path, given in parameters.items() if given.get("ensure") == "directory"]
        for path in (*_OF_PACKAGES, *folders):
            self.path(path).mkdir(parents=True, exist_ok=True)
        later = {path: files[_CERTIFICATE] for path in _WRITTEN_LATER if path in files}
        for path, text in (files | later | _KEYS).items():
            self.path(path).parent.mkdir(parents=True, exist_ok=True)
            self.path(path).write_text(self.text(text))
        for path in (path for path, given in parameters.items() if given.get("ensure") == "link"):
            self._link(path, str(parameters[path]["target"]))

    def _link(self, path: str, target: str) -> None:
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).unlink(missing_ok=True)
        self.path(path).symlink_to(self.text(target))
