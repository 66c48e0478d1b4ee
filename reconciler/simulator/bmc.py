"""The BMC of a simulated server: real IPMI where ``ipmi_sim`` is installed, else one of our own."""

from pathlib import Path
from typing import Literal

from ..execution.drivers.plain import PlainBmc
from ..execution.ports import BmcAccess
from .fleet import SimBmc
from .ipmi_sim import IpmiSim, is_installed

SimulatedProtocol = Literal["ipmi", "simulated"]
"""What a simulated BMC speaks; the daemon's ``bmc_protocol`` has to be the same."""


def protocol() -> SimulatedProtocol:
    """The most real one that works on this machine."""
    return "ipmi" if is_installed() else "simulated"


def make_bmc(speaking: SimulatedProtocol, access: BmcAccess, serial: str, folder: Path) -> SimBmc:
    """A BMC on a loopback address, of the machine with this serial; ``folder`` is its own."""
    if speaking == "ipmi":
        return IpmiSim(access.address, access.port, folder, access.username, access.password, serial)
    return PlainBmc(access.address, access.port, access.username, access.password, serial)
