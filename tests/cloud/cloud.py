"""What a cloud stands on: its network, the daemon with its git repository, the mirror, the Puppet server, the servers.

The namespaces are the calling process's (``keeper``): what is started here lives in them, and is gone with the process.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..lab.lab import Lab
from . import fleet, network, puppet_server, roots
from .machine import PASSWORD, Image, Machine, live_image
from .places import CACHE, IMAGES_PORT, MIRROR_PORT, SERVER

_CONFIG = """\
source: {{url: {folder}/fleet, branch: main, folder: specs, poll: 2s}}
database: sqlite:///{folder}/reconciler.db
state: {folder}/state
listen: {{address: {server}, port: 80}}
dashboard_networks: [{server}/32]
puppet_poll: 60s
"""
_STARTS = 900.0  # seconds; a Puppet server took 45 on idle processors, and 200 beside a test suite


@dataclass(frozen=True)
class Cloud(Lab):
    """One run. ``folder`` has its git repository, its daemon's files, its servers and its logs."""

    images: Path = Path()  # the roots, as ``roots`` made them
    kind: str = "swift"  # CLOUD=

    def lay_out(self) -> None:
        """A site as an operator has it before the daemon's first start: a configuration and a git repository."""
        (self.folder / "state").mkdir(parents=True)
        self.config.write_text(_CONFIG.format(folder=self.folder, server=SERVER))
        self._git("init", "--quiet", "--initial-branch=main", str(self.folder / "fleet"))
        self.commit("fleet.yaml", fleet.fleet({role: roots.sha256(self.images, role) for role in roots.ROLES}), "Begin")

    @contextlib.contextmanager
    def serving(self, outside: int) -> Iterator[None]:
        """All but the servers, until the block ends.

        Args:
            outside: File descriptor of the network namespace that reaches the Debian archive.
        """
        lldp = str(self.folder / "lldpd.sock")
        dnsmasq = ("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root")
        leases = (f"--interface={network.BRIDGE}", "--bind-interfaces", "--dhcp-range=192.168.100.50,192.168.100.250")
        images = ("-m", "http.server", str(IMAGES_PORT), "--bind", SERVER, "--directory", str(self.images))
        mirror = ("-m", "tests.cloud.archive", SERVER, str(MIRROR_PORT), str(CACHE / "packages"), str(outside))
        with (
            self.process("lldpd", "lldpd", "-d", "-I", "swp*", "-u", lldp),
            self.process("dnsmasq", *dnsmasq, *leases, f"--dhcp-leasefile={self.folder}/leases"),
            self.process("images", sys.executable, *images),
            self._inheriting(outside, "mirror", sys.executable, *mirror),
            puppet_server.running(self.folder / "puppet", self.images / roots.PUPPET),
            self.process("daemon", sys.executable, "-m", "reconciler", "--config", str(self.config), "run"),
        ):
            self._name_switch(lldp)
            self._wait_for_daemon()
            _until(puppet_server.answers, "the Puppet server answers")  # a first boot does not wait for it
            self.reconciler("secrets", "set", "fleet:bmc/password", input=PASSWORD)
            yield

    @contextlib.contextmanager
    def _inheriting(self, descriptor: int, name: str, *command: str) -> Iterator[None]:
        with (self.folder / f"{name}.log").open("wb") as log:
            started = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, pass_fds=[descriptor])
            try:
                yield
            finally:
                started.terminate()
                started.wait(120)

    def _name_switch(self, socket: str) -> None:
        for words in (
            ("configure", "system", "hostname", network.SWITCH),
            ("configure", "lldp", "portidsubtype", "ifname"),
            ("configure", "lldp", "tx-interval", "10"),
            ("resume",),
        ):
            _until(lambda words=words: _succeeds("lldpcli", "-u", socket, *words), "lldpd takes its configuration")

    def _wait_for_daemon(self) -> None:
        _until(lambda: self.get("/healthz") is not None, "the daemon answers")

    @contextlib.asynccontextmanager
    async def servers(self) -> AsyncIterator[list[Machine]]:
        """Blank servers in a rack, powered off, until the block ends."""
        key = self.reconciler("secrets", "show", "fleet:ssh/provisioning", "--part", "authorized")
        with live_image(self.images / f"{roots.LIVE}.squashfs", self.folder / "live", key) as image:
            machines = list(self._machines(image))
            try:
                for machine in machines:
                    await machine.deliver()
                yield machines
            finally:
                for machine in machines:
                    await machine.scrap()

    def _machines(self, image: Image) -> Iterator[Machine]:
        for number, model in enumerate(fleet.models(fleet.KINDS[self.kind]), 1):
            yield Machine(number, model, self.folder / "servers" / f"CLOUD{number}", image)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _STARTS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{_STARTS:.0f} s are over, and not so: {what}")
        time.sleep(0.5)
