"""The BMCs of a site, over what the configuration says."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec

from ..execution.breaker import GuardedBmcs
from ..execution.drivers.detect import EitherBmcs
from ..execution.drivers.ipmi import IpmiBmcs
from ..execution.drivers.pinned_certificates import FilePins
from ..execution.drivers.plain import PlainBmcs
from ..execution.ports import Bmc, BmcAccess, Bmcs, Clock
from ..model.bmc_protocol import BmcProtocol
from ..model.errors import PermanentError
from .config import Config


class SiteBmcs(GuardedBmcs):
    """The BMCs of a site: what each of them speaks, left alone while they keep failing."""

    def __init__(self, config: Config, now: Clock, make: "MakeBmcs | None" = None) -> None:
        """``make``: the BMCs that are guarded; None: what they speak, by the configuration."""
        self._pins = FilePins(config.state / "bmc-certificates.jsonl")
        super().__init__((make or bmcs_of)(config, self._pins), now)

    def read(self) -> None:
        """Take what another process remembered meanwhile."""
        self._pins.read()

    def ask_again(self, address: str, *, same_certificate: bool = False) -> None:
        """A BMC is worth asking, and may show a new certificate."""
        super().ask_again(address)
        if not same_certificate:
            self._pins.forget(address)


MakeBmcs = Callable[[Config, FilePins], Bmcs]
"""Makes the BMCs of a configuration, with the certificates that were pinned."""


def bmcs_of(config: Config, pins: FilePins) -> Bmcs:
    """The BMCs that a configuration says.

    Raises:
        PermanentError: The library for what they speak is not installed.
    """
    if config.bmc_protocol == "simulated":
        return PlainBmcs()
    speaking = {protocol: make(config, pins) for protocol, make in DRIVERS.items() if _is_installed(protocol)}
    if config.bmc_protocol == "auto":
        return EitherBmcs(speaking, config.redfish_port)
    if config.bmc_protocol not in speaking:
        raise PermanentError(
            f"bmc_protocol is {config.bmc_protocol}, and the library for it is not installed: "
            f'pip install "...[{config.bmc_protocol}]"'
        )
    return speaking[config.bmc_protocol]


def _is_installed(protocol: BmcProtocol) -> bool:
    """Whether the library for it is; that for Redfish is an extra of the installation."""
    return protocol is not BmcProtocol.REDFISH or find_spec("sushy") is not None


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


DRIVERS: Mapping[BmcProtocol, Callable[[Config, FilePins], Bmcs]] = {
    BmcProtocol.REDFISH: _RedfishWhenNeeded,
    BmcProtocol.IPMI: lambda _config, _pins: IpmiBmcs(),
}
