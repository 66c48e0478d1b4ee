"""``ipmitool`` on a simulated live system, looking at its BMC: what ``provisioning.bmc`` says, and no more."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..provisioning import bmc as dialogue
from .files import SystemFiles
from .memory_bmc import MemoryBmc

CHANNEL = 1
SLOT = 2
"""Of the one user that such a BMC has."""

InBandAnswer = tuple[int, str, str]
"""Exit status, output and errors."""

_DONE: InBandAnswer = (0, "", "")


@dataclass
class InBand:
    """Implements ``ServerLife.in_band``: the BMC seen from inside its machine, which needs no login."""

    bmc: MemoryBmc
    files: Callable[[], SystemFiles]  # of the live system

    async def __call__(self, command: str) -> InBandAnswer:
        if command == dialogue.FIND_CHANNEL:
            return 0, f"channel {CHANNEL}\n  Channel Medium Type   : 802.3 LAN\n{self._print_lan()[1]}", ""
        if command.startswith(f"ipmitool exec {dialogue.LOGIN_FILE};"):
            return self._set_password()
        for pattern, answer in _ANSWERS:
            if at := re.fullmatch(pattern, command):
                return answer(self, *at.groups())
        return _DONE  # it lets somebody in who is let in already

    def _set_password(self) -> InBandAnswer:
        text = self.files().read(dialogue.LOGIN_FILE) or ""
        self.files().remove(dialogue.LOGIN_FILE)
        given = re.fullmatch(rf"user set password {SLOT} (\S+)\n", text)
        if given is None:
            return 1, "", "no such user"
        self.bmc.password = given[1]
        return _DONE

    def _print_lan(self) -> InBandAnswer:
        netmask, gateway, vlan = self.bmc.network
        said = {
            "IP Address Source": "Static Address" if self.bmc.is_static else "DHCP Address",
            "IP Address": self.bmc.address,
            "Subnet Mask": netmask,
            "Default Gateway IP": gateway,
            "802.1q VLAN ID": "Disabled" if vlan == "0" else vlan,
        }
        return 0, "".join(f"{name:24}: {value}\n" for name, value in said.items()), ""

    def _list_users(self) -> InBandAnswer:
        row = f"{SLOT}   {self.bmc.username:16}  true    true       true       ADMINISTRATOR"
        return 0, f"ID  Name\t     Callin  Link Auth\tIPMI Msg   Channel Priv Limit\n{row}\n", ""

    def _set_name(self, name: str) -> InBandAnswer:
        self.bmc.username = name
        return _DONE

    def _set_lan(self, what: str, value: str) -> InBandAnswer:
        """Change one parameter of its network."""
        netmask, gateway, vlan = self.bmc.network
        match what:
            case "ipsrc":
                self.bmc.is_static = value == "static"
            case "ipaddr":
                self.bmc.moves(value)
            case "netmask":
                self.bmc.network = value, gateway, vlan
            case "defgw ipaddr":
                self.bmc.network = netmask, value, vlan
            case "vlan id":
                self.bmc.network = netmask, gateway, "0" if value == "off" else value
        return _DONE


_ANSWERS: tuple[tuple[str, Callable[..., InBandAnswer]], ...] = (
    (rf"ipmitool lan print {CHANNEL}", InBand._print_lan),
    (rf"ipmitool user list {CHANNEL}", InBand._list_users),
    (rf"ipmitool user set name {SLOT} (\S+)", InBand._set_name),
    (rf"ipmitool lan set {CHANNEL} (ipsrc|ipaddr|netmask|defgw ipaddr|vlan id) (\S+)", InBand._set_lan),
)
"""Commands that ask or change something; all others are done."""
