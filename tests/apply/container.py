"""A node in a container: the root of an installed system, real systemd, and a cable to the others."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from reconciler.execution.ports import Ran
from reconciler.model.files import File
from reconciler.provisioning import puppet_runs

from ..cloud import network, nspawn, overlay
from ..cloud.places import NODES_GATEWAY
from ..enc.puppet_modules import Modules
from ..lab.lab import run
from ..waiting import until
from .nodes import Node

_DOCUMENT, _ENC = "/etc/reconciler/document.yaml", "/usr/local/sbin/enc"

_AGENT = "puppet agent --onetime --no-daemonize --no-usecacheonfailure --no-use_cached_catalog"
_OWN = ("puppet.service", "oci-first-boot.service")
"""Units that run Puppet by themselves, for which there is no server here."""

_ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
"""What a login gives."""

_UP = ("running", "degraded")

BOOTS = 300.0
"""Seconds; systemd took 4 on an idle machine."""


class Container:
    """One node. It has power from ``start`` to ``stop``, and is a ``Shell`` of execution's ports."""

    def __init__(self, node: Node, number: int, folder: Path, modules: Modules) -> None:
        self.node, self.folder = node, folder
        self._number, self._modules = number, modules
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> Path:
        """Its files, as they are seen from here."""
        return self.folder / "root"

    @property
    def log(self) -> Path:
        """Of its console."""
        return self.folder / "console.log"

    def start(self, system: Path) -> None:
        """Lay the node's files over the system, plug its cable in, and boot it.

        Args:
            system: Of what every node has; nothing is written there.
        """
        overlay.lay(system, self.folder)
        self._write_files()
        name = self.node.role
        network.plug(name, f"swp{self._number}", f"52:54:00:a9:91:{self._number:02x}")
        for words in (
            ("address", "add", f"{self.node.address}/24", "dev", network.NIC),
            ("link", "set", network.NIC, "up"),
            ("route", "add", "default", "via", NODES_GATEWAY),
        ):
            run("ip", "-netns", name, *words)
        modules = self._modules.folder.parent
        self._process = nspawn.start(self.root, name, self.log, f"--bind-ro={modules}")

    def _write_files(self) -> None:
        enc = File(f"#!/bin/sh\nexec cat {_DOCUMENT}\n".encode(), 0o755)
        own = {_DOCUMENT: File(self.node.document, 0o600), _ENC: enc}
        for path, file in {**self.node.files, **own}.items():
            self._write(path, file)
        self._write("/etc/hostname", File(f"{self.node.hostname}\n".encode(), 0o644))
        self._write("/etc/resolv.conf", File(b"# nobody is asked: names are in /etc/hosts\n", 0o644))
        for unit in _OWN:
            (self.root / "etc/systemd/system" / unit).symlink_to("/dev/null")

    def _write(self, path: str, file: File) -> None:
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)

    def wait_until_up(self) -> None:
        """Return once systemd has started what it starts at boot, or has failed to."""
        until("its first process runs", lambda: self._first_process() is not None, BOOTS)
        until("it is up", lambda: self.say("systemctl is-system-running", BOOTS).stdout.strip() in _UP, BOOTS)

    def stop(self) -> None:
        """Cut its power, and forget what it wrote."""
        if self._process is not None:
            nspawn.cut(self._process)
        if os.path.ismount(self.root):
            run("umount", "--recursive", str(self.root))
        for name in overlay.LAYERS:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _first_process(self) -> int | None:
        """systemd's, as it is called here; None: not yet."""
        assert self._process is not None
        assert self._process.poll() is None, f"the container ended: {self.log.read_text(errors='replace')[-3000:]}"
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return next((int(child) for child in children if _name(child) == "systemd"), None)

    def say(self, command: str, timeout: float) -> Ran:
        """What a shell in it makes of a command, as root."""
        process = self._first_process()
        assert process is not None, "it has no power"
        into = ["nsenter", f"--target={process}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--wdns=/"]
        ran = subprocess.run(
            [*into, "/bin/sh", "-c", command], env=_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=timeout, check=False,
        )  # fmt: skip
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    @property
    def puppet(self) -> str:
        """The daemon's command for a Puppet run, but that the catalog is compiled here, of the node's document."""
        assert _AGENT in puppet_runs.RUN_PUPPET
        classes = f"--node_terminus exec --external_nodes {_ENC} --basemodulepath {self._modules.folder}"
        text = puppet_runs.RUN_PUPPET.replace(_AGENT, f"puppet apply {classes} --write_catalog_summary")
        return f"{text.removesuffix(' $wait')} --execute '# classes come from the document'"

    async def run(self, command: str, *, timeout: float) -> Ran:
        return self.say(command, timeout)

    async def put(self, files: Mapping[str, File]) -> None:
        for path, file in files.items():
            self._write(path, file)

    async def close(self) -> None:
        """Nothing was opened."""


def _name(process: str) -> str:
    """What a process runs; empty: it has ended."""
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""
