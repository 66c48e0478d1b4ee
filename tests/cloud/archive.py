"""The Debian archive: which state of it roots are made from, and a caching copy for nodes that reach nothing else.

``python -m tests.cloud.archive ADDRESS PORT FOLDER DESCRIPTOR`` serves below ``/debian`` and ``/debian-security`` what
this machine's own mirror has. It listens in the cloud's network namespace, and asks from the one of the descriptor.
"""

import ctypes
import hashlib
import http.server
import os
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import ClassVar

from ..debian import mirror
from .places import CACHE

RELEASE = "trixie"

_CLONE_NEWNET = 0x40000000  # of <linux/sched.h>
_FRESH = 3600.0  # seconds for which an index counts as the newest


def security_mirror() -> str:
    """The URL of security updates, beside the archive's."""
    return f"{mirror()}-security"


def state() -> str:
    """A name for the archive's present state: another one after each point release or security update."""
    digest = hashlib.sha256()
    for url in (f"{mirror()}/dists/{RELEASE}/InRelease", f"{security_mirror()}/dists/{RELEASE}-security/InRelease"):
        with urllib.request.urlopen(url, timeout=60) as answer:
            digest.update(answer.read())
    return digest.hexdigest()[:12]


def folder() -> Path:
    """Of roots made from the archive's present state; without the network, from the last one that was seen."""
    try:
        name = state()
    except OSError:
        known = sorted(CACHE.glob("trixie-*"), key=lambda path: path.stat().st_mtime)
        if not known:
            raise
        print(f"The Debian archive does not answer: {known[-1].name} serves.", file=sys.stderr)
        return known[-1]
    found = CACHE / f"{RELEASE}-{name}"
    found.mkdir(parents=True, exist_ok=True)
    return found


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request of a node's apt."""

    protocol_version = "HTTP/1.1"
    upstream: dict[str, str]  # first part of the path -> URL
    kept: Path
    locks: ClassVar[defaultdict[str, threading.Lock]] = defaultdict(threading.Lock)

    def do_GET(self) -> None:
        path = self.path.removeprefix("/")
        first, _, rest = path.partition("/")
        if first not in self.upstream:
            return self._answer_status(404)
        name = self.kept / f"{hashlib.sha256(path.encode()).hexdigest()}-{path.rpartition('/')[2][-80:]}"
        with self.locks[path]:
            try:
                if not self._is_current(path, name):
                    _fetch(f"{self.upstream[first]}/{rest}", name)
            except urllib.error.HTTPError as error:
                return self._answer_status(error.code)
            except OSError as error:
                print(path, error, file=sys.stderr, flush=True)
                if not name.exists():
                    return self._answer_status(502)
        return self._answer(name)

    do_HEAD = do_GET  # noqa: N815  # the name is http.server's

    def _is_current(self, path: str, name: Path) -> bool:
        unchanging = "/pool/" in path or "/by-hash/" in path
        return name.exists() and (unchanging or time.time() - name.stat().st_mtime < _FRESH)

    def _answer_status(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, name: Path) -> None:
        with name.open("rb") as file:
            self.send_response(200)
            self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
            self.end_headers()
            if self.command == "GET":
                shutil.copyfileobj(file, self.wfile)

    def log_message(self, *_: object) -> None:
        """Nothing: a first run asks for thousands of files."""


def _fetch(url: str, name: Path) -> None:
    new = name.with_suffix(".part")
    with urllib.request.urlopen(url, timeout=60) as answer, new.open("wb") as file:
        shutil.copyfileobj(answer, file)
    new.replace(name)


def main(address: str, port: int, kept: Path, outside: int) -> None:
    """Serve until the process is ended."""
    kept.mkdir(parents=True, exist_ok=True)
    _Handler.upstream = {"debian": mirror(), "debian-security": security_mirror()}
    _Handler.kept = kept
    server = http.server.ThreadingHTTPServer((address, port), _Handler)  # its socket stays where it was made
    if ctypes.CDLL(None, use_errno=True).setns(outside, _CLONE_NEWNET):  # os.setns is Python 3.12's
        raise OSError(ctypes.get_errno(), "setns")
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
