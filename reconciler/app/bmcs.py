"""The BMCs of a site, over what the configuration says."""

from importlib.util import find_spec

from ..execution.breaker import GuardedBmcs
from ..execution.drivers.bmcs import EitherBmcs
from ..execution.drivers.certificates import FilePins
from ..execution.drivers.ipmi import IpmiBmcs
from ..execution.drivers.plain import PlainBmcs
from ..execution.ports import Bmc, BmcAccess, Bmcs, Clock
from ..model.errors import PermanentError
from .config import Config


class SiteBmcs(GuardedBmcs):
    """The BMCs of a site: what each of them speaks, left alone while they keep failing."""

    def __init__(self, config: Config, now: Clock) -> None:
        self._pins = FilePins(config.state / "bmc-certificates.jsonl")
        super().__init__(_bmcs(config, self._pins), now)

    def read(self) -> None:
        """Take what another process remembered meanwhile."""
        self._pins.read()

    def ask_again(self, address: str, *, same_certificate: bool = False) -> None:
        """A BMC is worth asking, and may show a new certificate."""
        super().ask_again(address)
        if not same_certificate:
            self._pins.forget(address)


def _bmcs(config: Config, pins: FilePins) -> Bmcs:
    if config.bmc_protocol == "simulated":
        return PlainBmcs()
    if config.bmc_protocol == "ipmi":
        return IpmiBmcs()
    if find_spec("sushy") is None:  # an extra of the installation
        if config.bmc_protocol == "redfish":
            raise PermanentError(
                'bmc_protocol is redfish, and the library for it is not installed: pip install "...[redfish]"'
            )
        return EitherBmcs(None, IpmiBmcs())
    over_redfish = _RedfishWhenNeeded(config, pins)
    if config.bmc_protocol == "redfish":
        return over_redfish
    return EitherBmcs(over_redfish, IpmiBmcs(), config.redfish_port)


class _RedfishWhenNeeded:
    """Loads the library for the first BMC that speaks Redfish; a fleet without one is spared its memory."""

    def __init__(self, config: Config, pins: FilePins) -> None:
        self._config, self._pins = config, pins
        self._bmcs: Bmcs | None = None

    async def open(self, access: BmcAccess) -> Bmc:
        if self._bmcs is None:
            from ..execution.drivers.redfish import RedfishBmcs

            self._bmcs = RedfishBmcs(self._pins, self._config.redfish_port, self._config.redfish_authorities)
        return await self._bmcs.open(access)
