"""A BMC's network: as it is, and as it is to be."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from .actions import ChangeBmc, ConfigureBmc
from .errors import PermanentError

PASSWORD_BYTES = 16
"""IPMI 2.0, 22.30: what every BMC takes; some take 20, and some say so and then refuse the login.

Over Redfish more would be fine, but the same user comes in over IPMI too.
"""


def check_password(password: str) -> None:
    """Before a BMC is told a password that IPMI does not take.

    Raises:
        PermanentError: It has no byte, or more than ``PASSWORD_BYTES``.
    """
    if not 1 <= len(password.encode()) <= PASSWORD_BYTES:
        raise PermanentError(f"a BMC's password has 1 to {PASSWORD_BYTES} bytes: IPMI takes no more")


@dataclass(frozen=True, slots=True)
class Lan:
    """What a BMC says of its network; an empty text where it says nothing."""

    static: bool
    address: str
    netmask: str
    gateway: str
    vlan: int | None

    def __str__(self) -> str:
        vlan = f" in VLAN {self.vlan}" if self.vlan else ""
        return f"{self.address}/{self.netmask} via {self.gateway or 'nothing'}{vlan}{'' if self.static else ' by DHCP'}"


def lan_after(now: Lan, action: ConfigureBmc | ChangeBmc) -> Lan:
    """The network that the action wants: ``now`` where it names none. A gateway that it does not name stays."""
    if action.address is None or action.network is None:
        return now
    netmask = str(IPv4Network(action.network).netmask)
    return Lan(True, action.address, netmask, action.gateway or now.gateway, action.vlan)
