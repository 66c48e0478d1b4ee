"""HTTP without sockets: the daemon's listening side, and what machines and the Puppet server ask it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from ..server.doors import Doors
from ..server.hot_paths import App
from .agent import nonce_in
from .virtual_loop import this_process
from .wires import Request, Wires


@dataclass
class MemoryListening:
    """Implements ``app.drivers.Listening``."""

    wires: Wires
    app: App
    addresses: Sequence[tuple[str, int]]
    doors: Doors

    async def start(self) -> Sequence[tuple[str, int]]:
        for at in self.addresses:
            self.wires.listen(at, self.app, this_process())
        return self.addresses

    async def stop(self) -> None:
        for at in self.addresses:
            self.wires.close(at, this_process())


@dataclass
class MemoryAgent:
    """Implements ``life.Speaks``."""

    wires: Wires
    at: tuple[str, int]  # where the daemon listens
    puppet_server: str  # its address
    address: str
    is_stock: bool = False  # knows of no nonce
    nonce: str | None = None  # of this boot, as the boot script gave it

    @property
    def server(self) -> str:
        """URL of the provisioning server."""
        return f"http://{self.at[0]}:{self.at[1]}"

    async def report(self, body: Mapping[str, object]) -> int | None:
        """Post a hardware report; the HTTP status, or None when nobody answered."""
        if self.nonce is not None and not self.is_stock:
            body = {**body, "boot_nonce": self.nonce}
        return await self._asked(Request("POST", "/oci/report.php", body=json.dumps(body).encode()))

    async def status(self, status: str, serial: str) -> int | None:
        """Call install-status; the HTTP status, or None when nobody answered."""
        query = urlencode({"status": status, "chassis-serial": serial, "ipaddr": self.address})
        return await self._asked(Request("GET", "/oci/install-status.php", query))

    async def _asked(self, what: Request) -> int | None:
        answer = await self.wires.request(self.address, self.at, what)
        return answer.status if answer is not None else None

    async def boots_live(self, serial: str, mac: str) -> bool | None:
        """What iPXE is told."""
        asked = Request("GET", "/v1/boot/ipxe", urlencode({"mac": mac, "serial": serial, "arch": "x86_64"}))
        answer = await self.wires.request(self.address, self.at, asked)
        if answer is None or answer.status != 200:
            return None
        self.nonce = nonce_in(answer.body.decode(errors="replace"))
        return b"kernel " in answer.body

    async def has_classes(self, hostname: str) -> bool:
        """Whether the Puppet server is given a node's classes."""
        answer = await self.wires.request(self.puppet_server, self.at, Request("GET", f"/v1/enc/{hostname}"))
        return answer is not None and answer.status == 200
