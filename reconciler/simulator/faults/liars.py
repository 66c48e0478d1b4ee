"""Lies: words in the name of machines, from any address, and BMCs that say what is not so."""

import asyncio
import json
from urllib.parse import urlencode

from ..wires import Request
from .base import Fault

SECONDS = 20.0
"""Between two lies, at the highest dose."""

_STATUSES = ("live", "installing", "installed", "firstboot", "puppet-running", "puppet-success", "puppet-failure")


class ForgedWords(Fault):
    """Somebody in a trusted network who reports in the name of machines, and returns no nonce."""

    async def act(self) -> None:
        while True:
            await asyncio.sleep(self.pause(SECONDS))
            server = self.world.servers[self.chance.choice(sorted(self.world.servers))]
            source = f"{server.address.rpartition('.')[0]}.{self.chance.randrange(200, 204)}"
            if self.chance.random() < 0.5:
                what = self._status(server.serial, source)
            else:
                body = server.placed.report(server.present, server.bmc_address, None, installed=False)
                if self.chance.random() < 0.3:
                    text = json.dumps(body).replace("52:54:00", "52:54:ff")  # of other network interfaces
                else:
                    text = json.dumps(body)
                what = Request("POST", "/oci/report.php", body=text.encode())
            await self.world.wires.request(source, self.world.listens, what)

    async def heal(self) -> None:
        """It leaves nothing that goes on."""

    def _status(self, serial: str, source: str) -> Request:
        said = {"status": self.chance.choice(_STATUSES), "chassis-serial": serial, "ipaddr": source}
        return Request("GET", "/oci/install-status.php", urlencode(said))


class LyingBmcs(Fault):
    """BMCs that say for a while that power is off, say "done" and do nothing, or say nothing."""

    async def act(self) -> None:
        while True:
            await asyncio.sleep(self.pause(SECONDS))
            bmc = self.world.bmcs[self.chance.choice(sorted(self.world.bmcs))]
            kind = self.chance.choice(("seems_off", "is_deaf", "is_silent"))
            setattr(bmc, kind, True)
            self.world.tell(f"bmc {bmc.address} {kind}")
            await asyncio.sleep(self.chance.uniform(5.0, 120.0 * self.dose))
            setattr(bmc, kind, False)

    async def heal(self) -> None:
        for bmc in self.world.bmcs.values():
            bmc.seems_off = bmc.is_deaf = bmc.is_silent = False
