"""Files on the TFTP server, and the Debian package that each program is from."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ...model.kinds import FleetSpec
from . import dhcp, scripts

TFTP = "tftp"
"""The TFTP server's root, below the folder that everything for booting lies in."""


IMAGES = "live"
"""Below it: the live systems, ``<architecture>/<file>``; for GRUB over TFTP, for all others over HTTP."""


@dataclass(frozen=True, slots=True)
class Program:
    """A boot program as Debian has it."""

    name: str  # at the TFTP server's root
    source: str  # where its package puts it
    package: str
    machines: str  # who cannot boot without it: firmware and architecture


PROGRAMS = (
    Program(dhcp.BIOS_PROGRAM, "/usr/lib/ipxe/undionly.kpxe", "ipxe", "BIOS"),
    Program("shimx64.efi", "/usr/lib/shim/shimx64.efi.signed", "shim-signed", "UEFI amd64"),
    Program(
        "grubx64.efi", "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed", "grub-efi-amd64-signed", "UEFI amd64"
    ),
    Program("shimaa64.efi", "/usr/lib/shim/shimaa64.efi.signed", "shim-signed:arm64", "UEFI arm64"),
    Program(
        "grubaa64.efi",
        "/usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed",
        "grub-efi-arm64-signed:arm64",
        "UEFI arm64",
    ),
)

SPEAKS_HTTP = b"HTTP/1."
"""In a GRUB image that has the http module built in. Secure Boot lets it load none."""


def written(fleet: FleetSpec, folder: str, deaf: Collection[str] = ()) -> Mapping[str, str]:
    """The texts that belong into ``folder``, by their path in it. ``deaf``: architectures whose GRUB knows no HTTP.

    Raises:
        ValueError: It is not clear on which networks machines boot; the text says what to write.
    """
    server = fleet.provisioning.address
    networks = dhcp.pools(fleet)
    return {
        "dnsmasq.conf": dhcp.dnsmasq(server, networks, f"{folder}/{TFTP}"),
        "dhcpd.conf": dhcp.dhcpd(server, networks),
        f"{TFTP}/grub/grub.cfg": scripts.grub_entry(scripts.live_of(server, fleet.provisioning.boot), deaf),
    }
