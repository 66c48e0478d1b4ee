"""HTTP calls of a simulated server, from its own address: the agent's report, and install-status."""

import http.client
import json
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from ..execution.seam import offload


class Agent:
    """Talks to the provisioning server as the stock agent does: no retry, and no word lost is ever known."""

    def __init__(self, server: str, address: str) -> None:
        """An agent of one machine.

        Args:
            server: URL of the provisioning server, such as ``http://127.0.0.1:8080``.
            address: The machine's own address, from which it calls.
        """
        self.server = server
        self._server = urlsplit(server)
        self.address = address

    async def report(self, body: Mapping[str, object]) -> int | None:
        """Post a hardware report; the HTTP status, or None when nobody answered."""
        return await offload(self.request, "POST", "/oci/report.php", json.dumps(body).encode())

    async def status(self, status: str, serial: str) -> int | None:
        """Call install-status; the HTTP status, or None when nobody answered."""
        query = urlencode({"status": status, "chassis-serial": serial, "ipaddr": self.address})
        return await offload(self.request, "GET", f"/oci/install-status.php?{query}")

    async def boots_live(self, serial: str, mac: str) -> bool | None:
        """The live system, always: nobody is asked."""
        return True

    async def has_classes(self, hostname: str) -> bool:
        """Always: nobody is asked."""
        return True

    def request(self, method: str, path: str, body: bytes | None = None) -> int | None:
        """One request from the server's own address; the HTTP status, or None when nobody answered."""
        connection = http.client.HTTPConnection(
            self._server.hostname or "127.0.0.1", self._server.port, timeout=10, source_address=(self.address, 0)
        )
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
