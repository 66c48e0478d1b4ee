"""A machine for the agent: a PATH with nothing in it but what a live image has, and tools that say what others said."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest

AGENT = Path(str(files("reconciler") / "data/agent/reconciler-agent"))
TOOLS = (
    "awk", "basename", "cat", "cut", "grep", "mktemp", "od", "printf", "readlink", "rm", "sed", "sleep", "test",
    "timeout", "tr", "uname",
)  # fmt: skip
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUyYXcbxrPFPAVVrCBqfHZQ2QdBPSDZ4hRcYhg3pGvB"
_STUB = """#!/bin/sh
line=$*
case $line in */*) line=$(printf '%s' "$line" | tr / %) ;; esac
for file in "{said}$line" "{otherwise}"; do
    if [ -f "$file" ]; then exec cat "$file"; fi
done
echo "{tool}: what?" >&2
exit 1
"""


def needs(tool: str) -> str:
    found = shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"needs {tool}")
    return found


def a_root(folder: Path, tools: Mapping[str, tuple[str, str]], shell: str) -> dict[str, str]:
    """The environment of an agent that finds only these tools, and its files in ``folder``.

    Args:
        folder: Takes them all.
        tools: By name, how the files begin that hold what the tool says, with the command line to follow; and the file
            that answers every other command line. A command line without a file fails.
        shell: Whose programs they are: dash's, which stands for Debian's, or busybox'.
    """
    path = folder / "bin"
    path.mkdir()
    for tool in TOOLS:
        (path / tool).symlink_to(needs("busybox" if shell == "busybox" else tool))
    (path / "jq").symlink_to(needs("jq"))
    (path / "sh").symlink_to(needs(shell))
    for tool, (said, otherwise) in tools.items():
        (path / tool).write_text(_STUB.format(tool=tool, said=said, otherwise=otherwise))
        (path / tool).chmod(0o755)
    (folder / "keys").mkdir()
    (folder / "keys/ssh_host_ed25519_key.pub").write_text(f"{HOST_KEY} root@live\n")
    (folder / "proc").mkdir()
    (folder / "proc/cmdline").write_text("boot=live components fetch=http://192.0.2.1/live.squashfs\n")
    return {
        "PATH": str(path), "SYS": str(folder / "sys"), "PROC": str(folder / "proc"), "KEYS": str(folder / "keys"),
        "SERVER_FILE": str(folder / "server"), "SERIAL_FILE": str(folder / "serial"),
        "DISK_LINKS": str(folder / "links"), "TMPDIR": str(folder),
    }  # fmt: skip


def printed(environment: dict[str, str], *arguments: str) -> str:
    shell = f"{environment['PATH']}/sh"
    ran = subprocess.run(
        [shell, str(AGENT), *(arguments or ("--print",))], env=environment, capture_output=True, text=True, timeout=600
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout
