"""The dialogue with a BMC from inside its machine: ``ipmitool`` over SSH in the live system, and its answers.

The dialogue of ``ConfigureBmc``::

    FIND_CHANNEL                     which channel is the network?
    read_lan, read_users             what is set already? That stays untouched
    user_commands                    our name and password, in a user slot that is ours or empty
    enable_over_lan                  what the vendor wants besides, for IPMI over the network
    lan_commands                     source, address, mask, gateway, VLAN: only what differs
    read_lan                         again: did the BMC take it?

``ipmitool lan set`` does what IPMI wants around a change of parameters (set in progress, set complete).
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address

from ..model.actions import ConfigureBmc
from ..model.bmc import PASSWORD_BYTES, Lan, is_nobodys, lan_after
from ..model.files import File, private

LOGIN_FILE = "/run/reconciler/bmc-login"
"""One command of ipmitool's own, in a file that is gone once it was read: a password is on nobody's command line."""

CHANNELS = (1, 2, 3, 8, 4, 5, 6, 7, 9, 10, 11)
"""IPMI 2.0, table 6-1: 1 to 11 are the vendor's to give out. In the order in which the agent asks them."""

FIND_CHANNEL = (
    "modprobe --all ipmi_si ipmi_devintf; "
    f"for channel in {' '.join(map(str, CHANNELS))}; do "
    'echo "channel $channel"; ipmitool channel info "$channel" || true; ipmitool lan print "$channel" || true; done'
)
"""Answer: ``lan_channel``."""

NO_BMC = "Could not open device"
"""How ipmitool begins to say that the machine has no BMC, or its driver found none."""

_EMPTY = frozenset({"", "(empty user)", "empty", "null"})
"""Names of user slots that nobody uses, lower case."""
_LOWEST_SLOT = 2  # 1 is the user without a name (IPMI 2.0, 6.9)
_ADMINISTRATOR = 4

_USER = re.compile(r"(\d+)\s+(.*?)\s*\b(true|false)\s+(true|false)\s+(true|false)\s+\S.*")
_MEDIUM = re.compile(r"\s*Channel Medium Type\s*:\s*(?:802\.3|Other) LAN\s*")  # IPMI 2.0, table 6-3: 4 and 6
_ADDRESS = re.compile(r"IP Address\s*:\s*(\S+)\s*")

OVER_LAN: Mapping[str, str] = {
    "dell": "command -v racadm >/dev/null || exit 0; racadm set iDRAC.IPMILan.Enable Enabled",
    "hpe": "command -v ilorest >/dev/null || exit 0; "
    "ilorest set --selector ManagerNetworkProtocol IPMI/ProtocolEnabled=True --commit",
}
"""By the first word of the manufacturer, lower case: what lets IPMI in from the network where ``lan set access`` is not
enough. Dell and HPE ship it turned off since iDRAC 9 and iLO 5. Their tools may be missing in the live image: then it
stays as it is, and the login that follows tells."""


def lan_channel(text: str) -> int | None:
    """The channel of the BMC's network, of what ``FIND_CHANNEL`` printed; None: there is none.

    The first that has an address: the agent reported that one. Where none has one yet, the first that is a network.
    """
    channel: int | None = None
    networks: list[int | None] = []
    for line in text.splitlines():
        if line.startswith("channel "):
            channel = int(line.split()[1])
        elif (found := _ADDRESS.fullmatch(line)) and not is_nobodys(found[1]):
            return channel
        elif _MEDIUM.fullmatch(line):
            networks.append(channel)
    return next(iter(networks), None)


def read_lan(channel: int) -> str:
    """Answer: ``parse_lan``."""
    return f"ipmitool lan print {channel}"


def parse_lan(text: str) -> Lan:
    """What ``read_lan`` printed.

    Raises:
        ValueError: It says no address.
    """
    said: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(" : ")
        if colon:
            said.setdefault(name.strip(), value.strip())
    if "IP Address" not in said:
        raise ValueError(f"ipmitool says no address: {text[:200]!r}")
    vlan = said.get("802.1q VLAN ID", "Disabled")
    return Lan(
        static=said.get("IP Address Source", "").startswith("Static"),
        address=said["IP Address"],
        netmask=said.get("Subnet Mask", ""),
        gateway=said.get("Default Gateway IP", ""),
        vlan=int(vlan) if vlan.isdigit() and vlan != "0" else None,
    )


def read_users(channel: int) -> str:
    """Answer: ``parse_users``."""
    return f"ipmitool user list {channel}"


def parse_users(text: str) -> dict[int, str]:
    """User names by slot; an empty name: nobody has it.

    Raises:
        ValueError: There is not one slot.
    """
    rows = (_USER.fullmatch(line.strip()) for line in text.splitlines())
    users = {int(row[1]): row[2].strip() for row in rows if row}
    if not users:
        raise ValueError(f"ipmitool lists no users: {text[:200]!r}")
    return {slot: "" if name.lower() in _EMPTY else name for slot, name in users.items()}


def slot_for(users: Mapping[int, str], username: str) -> int | None:
    """The slot that has this name, else the lowest empty one; None: all are taken by others."""
    ours = [slot for slot, name in users.items() if name == username]
    free = [slot for slot, name in users.items() if not name and slot >= _LOWEST_SLOT]
    return min(ours or free, default=None)


def login_file(slot: int, password: str) -> dict[str, File]:
    """What is uploaded before ``user_commands``.

    Raises:
        ValueError: The password is longer than IPMI takes, or has letters that ipmitool would take apart.
    """
    if not re.fullmatch(rf"[A-Za-z0-9._-]{{1,{PASSWORD_BYTES}}}", password):
        raise ValueError(f"a BMC's password has 1 to {PASSWORD_BYTES} letters, digits, dots or dashes")
    return {LOGIN_FILE: private(f"user set password {slot} {password}\n")}


def user_commands(users: Mapping[int, str], slot: int, username: str, channel: int) -> list[str]:
    """Make the slot an administrator's, who may come in over the network. Password before rights."""
    name = [f"ipmitool user set name {slot} {shlex.quote(username)}"] if users[slot] != username else []
    return [
        *name,  # some refuse a name that is there already
        f"ipmitool exec {LOGIN_FILE}; status=$?; rm -f {LOGIN_FILE}; exit $status",
        f"ipmitool channel setaccess {channel} {slot} callin=on ipmi=on link=on privilege={_ADMINISTRATOR}",
        f"ipmitool user priv {slot} {_ADMINISTRATOR} {channel}",
        f"ipmitool user enable {slot}",
    ]


def enable_over_lan(manufacturer: str, channel: int, slot: int) -> list[str]:
    """What may fail: a BMC that is reached without it needs none of it."""
    vendor = manufacturer.lower().split()[0] if manufacturer.split() else ""
    more = [OVER_LAN[vendor]] if vendor in OVER_LAN else []
    return [*more, f"ipmitool lan set {channel} access on", f"ipmitool sol payload enable {channel} {slot}"]


def lan_commands(now: Lan, action: ConfigureBmc, channel: int) -> list[str]:
    """What makes the network as the action wants it; nothing where it is so already."""
    wanted = lan_after(now, action)
    said = [
        (now.vlan == wanted.vlan, f"vlan id {wanted.vlan or 'off'}"),
        (now.static == wanted.static, "ipsrc static"),
        (now.address == wanted.address, f"ipaddr {wanted.address}"),
        (now.netmask == wanted.netmask, f"netmask {wanted.netmask}"),
        (_gateway(now) == _gateway(wanted), f"defgw ipaddr {_gateway(wanted)}"),
    ]
    return [f"ipmitool lan set {channel} {what}" for is_so, what in said if not is_so]


def _gateway(lan: Lan) -> str:
    """As ipmitool says and takes it: 0.0.0.0 is none (IPMI 2.0, table 23-4, parameter 12)."""
    return lan.gateway or str(IPv4Address(0))


def differing(now: Lan, action: ConfigureBmc) -> str:
    """What the BMC has not taken, for operators; empty: all of it."""
    return "; ".join(_words(lan_commands(now, action, 0)))


def _words(commands: Sequence[str]) -> list[str]:
    return [command.removeprefix("ipmitool lan set 0 ") for command in commands]


def is_for_it(command: str) -> bool:
    """Whether a command is one of this dialogue; the simulator asks."""
    return command == FIND_CHANNEL or command.startswith("ipmitool ") or command in OVER_LAN.values()
