"""DHCP for the networks on which machines boot: fragments for dnsmasq and for ISC dhcpd.

One program per kind of firmware, told by option 93 (RFC 4578, 2.1 and IANA's list of processor architecture types);
iPXE, which says so in option 77 and has an option 175 of its own, gets the address of our script.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address

from ...model.boot_pools import BootPool, pools
from .scripts import SCRIPT

__all__ = ["BootPool", "dhcpd", "dnsmasq", "pools"]

BIOS_PROGRAM = "undionly.kpxe"
"""iPXE on top of the firmware's own network driver."""

EFI_PROGRAMS = {"efi-amd64": "shimx64.efi", "efi-arm64": "shimaa64.efi"}
"""Debian's shim, which loads Debian's signed GRUB from beside it."""

EFI_TYPES = {7: "efi-amd64", 9: "efi-amd64", 11: "efi-arm64"}
"""Option 93. x64 firmware says 7 or 9: RFC 4578 named the two the wrong way round, and both are in use."""

LEASE = 3600
"""Seconds. Machines stay in the live system as long as their install takes."""


def dnsmasq(server: IPv4Address, networks: Sequence[BootPool], tftp_root: str) -> str:
    """A file for ``/etc/dnsmasq.d``. It makes dnsmasq a DHCP and TFTP server, and no name server."""
    return "\n".join((*_DNSMASQ_HEAD, f"tftp-root={tftp_root}", *_dnsmasq(server, networks), ""))


_DNSMASQ_HEAD = (
    "# Written by reconciler boot-files.",
    "port=0",
    "dhcp-authoritative",
    "# Firmware, iPXE and Linux each have another client identifier, and shall have one address.",
    "dhcp-ignore-clid",
    "enable-tftp",
)


def _dnsmasq(server: IPv4Address, networks: Sequence[BootPool]) -> Iterator[str]:
    """Lines for dnsmasq: a program for each kind of firmware, our script for iPXE, and each network's pool."""
    yield f"dhcp-lease-max={sum(int(pool.last) - int(pool.first) + 1 for pool in networks)}"  # the default is 1000
    yield "dhcp-match=set:ipxe,175"
    for number, kind in EFI_TYPES.items():
        yield f"dhcp-match=set:{kind},option:client-arch,{number}"
    yield f"dhcp-boot=tag:ipxe,http://{server}{SCRIPT}"
    for kind, program in EFI_PROGRAMS.items():
        yield f"dhcp-boot=tag:!ipxe,tag:{kind},{program},,{server}"
    others = ",".join(f"tag:!{kind}" for kind in EFI_PROGRAMS)
    yield f"dhcp-boot=tag:!ipxe,{others},{BIOS_PROGRAM},,{server}"
    for number, pool in enumerate(networks):
        name = f"boot{number}"
        yield f"dhcp-range=set:{name},{pool.first},{pool.last},{pool.subnet.netmask},{LEASE}"
        yield f"dhcp-option=tag:{name},option:router,{pool.gateway}"
        if pool.dns:
            yield f"dhcp-option=tag:{name},option:dns-server,{','.join(map(str, pool.dns))}"


def dhcpd(server: IPv4Address, networks: Iterable[BootPool]) -> str:
    """A file for dhcpd.conf to include. ISC's server does DHCP only; TFTP is another program's."""
    return "".join((_DHCPD_HEAD, *(_subnet(server, pool) for pool in networks)))


_DHCPD_HEAD = f"""\
# Written by reconciler boot-files.
allow booting;
allow bootp;
authoritative;
ddns-update-style none;
# Firmware, iPXE and Linux each have another client identifier, and shall have one address.
ignore-client-uids true;
default-lease-time {LEASE};
max-lease-time {LEASE};
"""


def _subnet(server: IPv4Address, pool: BootPool) -> str:
    """The block of one network for ISC dhcpd, which begins with an empty line."""
    programs = "".join(
        f"  }} elsif exists pxe-system-type and option pxe-system-type = 00:{number:02x} {{\n"
        f'    filename "{EFI_PROGRAMS[kind]}";\n'
        for number, kind in EFI_TYPES.items()
    )
    dns = f"  option domain-name-servers {', '.join(map(str, pool.dns))};\n" if pool.dns else ""
    return f"""\

subnet {pool.subnet.network_address} netmask {pool.subnet.netmask} {{
  range {pool.first} {pool.last};
  option subnet-mask {pool.subnet.netmask};
  option broadcast-address {pool.subnet.broadcast_address};
  option routers {pool.gateway};
{dns}  next-server {server};
  if exists user-class and option user-class = "iPXE" {{
    filename "http://{server}{SCRIPT}";
{programs}  }} else {{
    filename "{BIOS_PROGRAM}";
  }}
}}
"""
