"""The Debian archive that this machine uses."""

import fcntl
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

_ENGLISH = {**os.environ, "LC_ALL": "C"}  # what APT plans is read by programs


CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openstack-cluster-reconciler"
"""Of what tests fetch, for the next run."""


def once(name: str, make: Callable[[Path], None]) -> Path:
    """A folder of the cache that ``make`` has filled: by the first process that asks, while others wait."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            make(folder)
            (folder / "complete").touch()
    return folder


def mirror() -> str:
    """The URL that the machine's own APT fetches Debian from: another one need not be in reach.

    Raises:
        LookupError: APT has none.
    """
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    if not found:
        raise LookupError("APT knows no repository of Debian's: run apt-get update")
    return found[0].rstrip("/")


def own_release() -> str:
    """The codename of the release that this machine runs."""
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "sid")


class Apt:
    """An APT that knows another release of Debian beside the machine's own, and has installed nothing."""

    def __init__(self, folder: Path, release: str) -> None:
        self._folder = folder
        keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
        signed = f"[signed-by={keyring}] " if keyring.exists() else ""
        releases = dict.fromkeys((release, own_release()))
        sources, status = folder / "sources.list", folder / "status"
        sources.write_text("".join(f"deb {signed}{mirror()} {each} main\n" for each in releases))
        status.touch()
        for below in ("lists/partial", "cache/archives/partial"):
            (folder / below).mkdir(parents=True, exist_ok=True)
        self._options = {
            "Dir::Etc::SourceList": sources,
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::State::Lists": folder / "lists",
            "Dir::State::Status": status,
            "Dir::Cache": folder / "cache",
            "APT::Sandbox::User": "root",  # its own user may not write here
        }

    def get(self, *words: str, folder: Path | None = None) -> str:
        """What ``apt-get`` prints."""
        options = [f"--option={name}={value}" for name, value in self._options.items()]
        command = ["apt-get", "--quiet", *options, *words]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=_ENGLISH)
        if ran.returncode != 0:
            raise LookupError(f"apt-get {' '.join(words)}: {ran.stderr.strip()}")
        return ran.stdout

    def download(self, wanted: Iterable[str]) -> list[Path]:
        """Packages as files, in a folder of their own; each is wanted as ``name=version`` or ``name/release``."""
        packages = self._folder / "packages"
        shutil.rmtree(packages, ignore_errors=True)  # of a fetch that was cut off
        packages.mkdir()
        self.get("download", *wanted, folder=packages)
        return sorted(packages.glob("*.deb"))
