"""Redfish or IPMI: what a BMC answers is what is spoken to it."""

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from ...model.bmc_protocol import BmcProtocol
from ...model.errors import PermanentError, TemporaryError
from ..ports import Bmc, BmcAccess, Bmcs, SeveralSystemsError
from ..seam import offload_to

log = structlog.get_logger()

PROBE_SECONDS = 3.0
"""A service root is static text: BMCs give it within one second, also those that are busy."""

PROBES = 32
"""BMCs asked at the same time."""

Probe = Callable[[str, int], bool]


@dataclass
class EitherBmcs:
    """Opens a session over Redfish where the BMC has a Redfish service root, else over IPMI.

    What was found is remembered for as long as it works; after a failure that may pass, the BMC is asked again. A
    BMC whose certificate is not the pinned one has failed for good: it is not spoken to over IPMI instead. One that let
    us in and shows several systems, of which none can be told to be the machine, is: IPMI knows only the machine.
    """

    speaking: Mapping[BmcProtocol, Bmcs]  # what this installation speaks; IPMI needs no extra
    redfish_port: int = 443
    probe: Probe = field(default_factory=lambda: has_redfish)
    _found: dict[str, BmcProtocol] = field(default_factory=dict)  # by address
    # Threads of its own: where a firewall swallows the question, each is held for seconds, and reports would wait.
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(PROBES, "redfish-probe"))

    async def open(self, access: BmcAccess) -> Bmc:
        protocol = access.protocol or self._found.get(access.address) or await self._look(access.address)
        if protocol not in self.speaking:
            raise PermanentError(
                f"the BMC at {access.address} is to be spoken to over {protocol}, "
                f"and this installation speaks only {', '.join(sorted(self.speaking))}: "
                f'install the library for it, pip install "...[{protocol}]", or pin another in its Machine document'
            )
        try:
            session = await self.speaking[protocol].open(access)
        except SeveralSystemsError as error:
            if access.protocol is not None:
                raise
            session, protocol = await self._over_ipmi(access, error), BmcProtocol.IPMI
        except TemporaryError:
            self._found.pop(access.address, None)
            raise
        self._found[access.address] = protocol
        return session

    async def _over_ipmi(self, access: BmcAccess, instead_of: SeveralSystemsError) -> Bmc:
        """A session over IPMI; where there is none either, both reasons."""
        log.info("speaks IPMI, as nothing tells which system it is", bmc=access.address, why=str(instead_of))
        try:
            return await self.speaking[BmcProtocol.IPMI].open(access)
        except (PermanentError, TemporaryError) as error:
            raise type(error)(f"{instead_of}. IPMI was tried instead: {error}") from error

    async def _look(self, address: str) -> BmcProtocol:
        if BmcProtocol.REDFISH not in self.speaking:
            return BmcProtocol.IPMI
        asked = offload_to(self._threads, self.probe, address, self.redfish_port)
        if not await asked:
            return BmcProtocol.IPMI
        log.info("speaks Redfish", bmc=address)
        return BmcProtocol.REDFISH


def has_redfish(address: str, port: int) -> bool:
    """Whether a Redfish service root answers there. It says so to anybody (DSP0266, 6.4), and is told nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # who it is, its driver verifies
    connection = http.client.HTTPSConnection(address, port, timeout=PROBE_SECONDS, context=context)
    try:
        connection.request("GET", "/redfish/v1/", headers={"Accept": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        root = json.loads(answer.read(65536)) if answer.status == 200 else {}
        return isinstance(root, dict) and "RedfishVersion" in root
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
