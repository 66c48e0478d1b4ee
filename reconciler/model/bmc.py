"""A BMC's network: as it is, and as it is to be."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

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


def is_nobodys(address: str, server: IPv4Address | None = None) -> bool:
    """Whether an address leads to no BMC of its own: each host has it for itself, or shares it with others.

    So a BMC has 169.254.0.17 on the USB network to its own host, and 0.0.0.0 where DHCP gave it none. Whoever answers
    there from here may be anybody, such as the BMC of this host. The agent leaves out addresses by the same rule.

    Args:
        address: IPv4 or IPv6; a text that is neither is nobody's.
        server: The address of the provisioning server. Loopback addresses are its own host's: they are BMCs only where
            the server itself is at one, as in a demo on one host. None: not known, and loopback is not judged.
    """
    try:
        given = ip_address(address)
    except ValueError:
        return True
    at = getattr(given, "ipv4_mapped", None) or given
    if at.is_loopback:
        return server is not None and not server.is_loopback
    return at.is_link_local or at.is_multicast or at.is_unspecified or (at.version == 4 and _is_no_host(at))


def _is_no_host(at: IPv4Address | IPv6Address) -> bool:
    """Whether an IPv4 address is of "this network" (RFC 1122, 3.2.1.3), of class E, or everybody's."""
    return at.packed[0] == 0 or at.is_reserved


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
    """The network that the action wants: ``now`` where it names none.

    A gateway that it does not name stays, unless it is on another network than the address (RFC 1122, 3.3.1.1).
    """
    if action.address is None or action.network is None:
        return now
    network = IPv4Network(action.network)
    is_reached = is_nobodys(now.gateway) or ip_address(now.gateway) in network  # nobody's: there is none
    gateway = action.gateway or (now.gateway if is_reached else "")
    return Lan(True, action.address, str(network.netmask), gateway, action.vlan)
