"""Containers of systemd-nspawn: started from a root, and ended as a cut of the power ends a machine."""

import os
import signal
import subprocess
from pathlib import Path

_NSPAWN = (
    "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--capability=all", "--console=pipe",
    "--system-call-filter=@known", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
)  # fmt: skip
_ENVIRONMENT = (
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1",  # systemd of trixie knows no other
    "SYSTEMD_NSPAWN_LOCK=0",
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network",
)


def command(root: Path, name: str, *words: str) -> list[str]:
    """What boots a container from this root, in the network namespace of its name."""
    inside = (f"--directory={root}", f"--machine={name}", f"--network-namespace-path=/run/netns/{name}")
    return ["env", *_ENVIRONMENT, *_NSPAWN, *inside, *words]


def start(root: Path, name: str, log: Path, *words: str) -> "subprocess.Popen[bytes]":
    """Boot it."""
    with log.open("ab") as said:
        return subprocess.Popen(command(root, name, *words), stdin=subprocess.DEVNULL, stdout=said, stderr=said)


def cut(container: "subprocess.Popen[bytes]") -> None:
    """End a container at once, without a word to what runs in it."""
    children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
    while container.poll() is None:
        # Its first process outlives systemd-nspawn, and the kernel ends all others with that one.
        for process in children.read_text().split() if children.exists() else ():
            os.kill(int(process), signal.SIGKILL)
        try:
            container.wait(1)
        except subprocess.TimeoutExpired:
            continue
