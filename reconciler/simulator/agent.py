"""HTTP calls of a simulated server, from its own address: what it boots, the agent's report, and install-status."""

import asyncio
import http.client
import json
import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from ..execution.seam import offload
from ..model.boot_nonce import ARGUMENT

ASKS_AGAIN = 30
"""How often iPXE asks again after a 503 with ``Retry-After``, before it goes on without an answer; here each second."""

_NONCE = re.compile(rf" {re.escape(ARGUMENT)}=(\S+)")


def nonce_in(script: str) -> str | None:
    """The nonce that a boot script gives to the live system; None: it gives none."""
    found = _NONCE.search(script)
    return found[1] if found else None


class Agent:
    """Talks to the provisioning server as our agent does, or the stock one: no retry, no word lost is ever known."""

    def __init__(self, server: str, address: str) -> None:
        """An agent of one machine.

        Args:
            server: URL of the provisioning server, such as ``http://127.0.0.1:8080``.
            address: The machine's own address, from which it calls.
        """
        self.server = server
        self._server = urlsplit(server)
        self.address = address
        self.is_stock = False  # knows of no nonce
        self.nonce: str | None = None  # of this boot, as the boot script gave it

    async def report(self, body: Mapping[str, object]) -> int | None:
        """Post a hardware report; the HTTP status, or None when nobody answered."""
        if self.nonce is not None and not self.is_stock:
            body = {**body, "boot_nonce": self.nonce}
        return await offload(self.request, "POST", "/oci/report.php", json.dumps(body).encode())

    async def status(self, status: str, serial: str) -> int | None:
        """Call install-status; the HTTP status, or None when nobody answered."""
        query = urlencode({"status": status, "chassis-serial": serial, "ipaddr": self.address})
        return await offload(self.request, "GET", f"/oci/install-status.php?{query}")

    async def boots_live(self, serial: str, mac: str) -> bool | None:
        """The live system, whatever it is told: somebody may have chosen that by hand.

        It asks as iPXE does, which asks again while it is told to come back, and takes the nonce that the live system's
        command line is given, if any.
        """
        query = urlencode({"mac": mac.replace(":", "-"), "serial": serial, "arch": "x86_64"})
        script = await offload(self.ask, "GET", f"/v1/boot/ipxe?{query}")
        for _ in range(ASKS_AGAIN):
            if script is None or script[0] != 503:
                break
            await asyncio.sleep(1.0)
            script = await offload(self.ask, "GET", f"/v1/boot/ipxe?{query}")
        self.nonce = nonce_in(script[1]) if script else None
        return True

    async def has_classes(self, hostname: str) -> bool:
        """Always: nobody is asked."""
        return True

    def request(self, method: str, path: str, body: bytes | None = None) -> int | None:
        """One request from the server's own address; the HTTP status, or None when nobody answered."""
        answered = self.ask(method, path, body)
        return answered[0] if answered else None

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str] | None:
        """One request from the server's own address; HTTP status and text, or None when nobody answered."""
        connection = http.client.HTTPConnection(
            self._server.hostname or "127.0.0.1", self._server.port, timeout=10, source_address=(self.address, 0)
        )
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
