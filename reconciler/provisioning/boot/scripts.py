"""Scripts for iPXE and GRUB, as text.

iPXE has no quotes: words end at blanks, ``${}`` is looked up wherever it stands. So nothing from outside comes into a
script as it came: addresses are parsed, arguments checked, and the reason, which may hold what a machine said of
itself, stands in a comment that holds letters and digits only.

GRUB as Debian signs it can fetch over HTTP since 2.12 (trixie). Before that it can only use TFTP, where nobody can
decide per machine: it then offers the live system to everybody.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address
from textwrap import indent

from ...model.boot_choice import BootChoice, BootFrom
from ...model.kinds import NetworkBoot
from .arguments import KernelArguments

ARCHITECTURES = ("amd64", "arm64")
"""Debian's names of what machines may be."""

SCRIPT = "/v1/boot/ipxe"

IMAGES = "/v1/boot/images"
"""Below this address of the server lie the live systems: ``<architecture>/<file>``."""

KERNEL, INITRD, SQUASHFS = "vmlinuz", "initrd.img", "filesystem.squashfs"

_EFI_LOADERS = {
    "amd64": ("debian/shimx64.efi", "debian/grubx64.efi", "boot/bootx64.efi"),
    "arm64": ("debian/shimaa64.efi", "debian/grubaa64.efi", "boot/bootaa64.efi"),
}
"""What an installed system has below ``/EFI`` of its disk, the best first."""


_BIOS_DRIVES = (0x80, 0x81, 0x82, 0x83)
"""The BIOS's disks that iPXE tries, which reads no file system: it takes the first that has a boot sector."""


@dataclass(frozen=True, slots=True)
class BootPort:
    """The port that a machine boots from, and what its live system is given for it."""

    mac: str | None = None  # None: nobody knows
    nonce: str | None = None  # of this boot; None: it gets none


NOBODY = BootPort()
"""For a menu that every machine gets."""


@dataclass(frozen=True, slots=True)
class Live:
    """Where the live system comes from, and what its kernel is told."""

    server: IPv4Address
    images: str  # URL, without a slash at its end
    consoles: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    def arguments(self, architecture: str, port: BootPort) -> str:
        """The kernel's command line."""
        image = f"{self.images}/{architecture}/{SQUASHFS}"
        return " ".join(KernelArguments(image, self.consoles, port.mac, port.nonce, self.more).words())


def live_of(server: IPv4Address, boot: NetworkBoot) -> Live:
    """The live system as the fleet's specs have it."""
    return Live(server, boot.images or f"http://{server}{IMAGES}", boot.consoles, boot.kernel_arguments)


def ipxe_identify(live: Live) -> str:
    """Asks again, with what iPXE knows of the machine. For addresses that DHCP configurations hold.

    The MAC address has hyphens: iPXE 1.0 takes what is before the first colon for the scheme of a URI.
    """
    question = "mac=${netX/mac:hexhyp}&serial=${serial:uristring}&arch=${buildarch}"
    return f"#!ipxe\nchain --replace http://{live.server}{SCRIPT}?{question} || exit 1\n"


def ipxe(choice: BootChoice, live: Live, port: BootPort, architecture: str = "amd64") -> str:
    """The machine's script for iPXE."""
    head = f"#!ipxe\n# {_comment(choice)}\n"
    if choice.boot is BootFrom.DISK:
        return head + (
            "iseq ${platform} efi && exit 0 ||\n"  # the firmware goes on with the next entry of its boot order
            f"{' || '.join(f'sanboot --no-describe --drive {drive:#x}' for drive in _BIOS_DRIVES)} || exit 1\n"
        )
    files = f"{live.images}/{architecture}"
    return head + (
        f"kernel {files}/{KERNEL} initrd={INITRD} {live.arguments(architecture, port)} || exit 1\n"
        f"initrd --name {INITRD} {files}/{INITRD} || exit 1\n"
        "boot || exit 1\n"
    )


def grub_entry(live: Live, deaf: Collection[str] = ()) -> str:
    """The menu on the TFTP server, the same for every machine: it asks the server over HTTP what this one boots.

    Args:
        live: The live system.
        deaf: Architectures whose GRUB cannot ask; it offers the live system to all. GRUB itself cannot tell:
            ``insmod http`` says that there is no such module, and succeeds.
    """
    entries = (
        _grub_entry(live, architecture) if architecture in deaf else _grub_ask(live) for architecture in ARCHITECTURES
    )
    return f"# Written by reconciler boot-files.\n{_GRUB_CONSOLES}{_by_processor(*entries)}"


def _grub_ask(live: Live) -> str:
    return (
        f"  configfile (http,{live.server})/v1/boot/grub/$net_default_mac\n"
        "  echo The server does not answer: going on with the next boot device.\n"
        "  sleep 5\n"
        "  exit\n"
    )


def grub(choice: BootChoice, live: Live, port: BootPort) -> str:
    """The machine's menu for GRUB."""
    menu = _grub_disk() if choice.boot is BootFrom.DISK else _grub_live(live, port)
    return f"# {_comment(choice)}\n{_GRUB_CONSOLES}{menu}"


_GRUB_CONSOLES = """\
if serial --unit=0 --speed=115200; then
  terminal_output console serial
fi
set timeout=3
"""


def _grub_live(live: Live, port: BootPort) -> str:
    """Kernel and initrd over TFTP, which every GRUB can; shim's GRUB checks the kernel's signature there too."""
    return _by_processor(*(_grub_entry(live, architecture, port) for architecture in ARCHITECTURES))


def _grub_entry(live: Live, architecture: str, port: BootPort = NOBODY) -> str:
    files = f"(tftp,{live.server})/live/{architecture}"  # tree.IMAGES
    return (
        f"  menuentry 'Live system ({architecture})' {{\n"
        f"    linux {files}/{KERNEL} {live.arguments(architecture, port)}\n"
        f"    initrd {files}/{INITRD}\n"
        "  }\n"
    )


_ITS_OWN_MENU = """\
for menu in /boot/grub/grub.cfg /grub/grub.cfg; do
  if [ -f ($system)$menu ]; then
    set root=$system
    configfile ($system)$menu
  fi
done
"""
"""Of the system on ``$system``, which is on no disk of its own."""


_GRUB_BIOS_DISK = f"""\
  if [ $grub_platform = pc ]; then
    for module in part_gpt part_msdos ext2 xfs btrfs mdraid09 mdraid1x lvm regexp; do
      insmod $module
    done
    for known in /etc/reconciler/install.json /boot/grub/i386-pc/core.img /grub/i386-pc/core.img; do
      if search --no-floppy --file --set=system $known; then
        if regexp --set=1:disk '^(hd[0-9]+)' $system; then
          set root=$disk
          if chainloader +1; then
            boot
          fi
        fi
{indent(_ITS_OWN_MENU, 8 * " ")}      fi
    done
    for disk in hd0 hd1 hd2 hd3; do
      set root=$disk
      if chainloader +1; then
        boot
      fi
    done
  fi
"""
"""With BIOS: the boot sector of the disk that has our record of the install, or GRUB's own files; the firmware's first
disk may be any other one. A system in software RAID or LVM is on no disk of its own, so its menu is read. Last comes
whatever disk has a boot sector, for a file system that this GRUB does not know. ``chainloader`` fails where a disk has
none. A module that is missing is told, and nothing else comes of it."""


_GRUB_EFI_DISK = f"""\
    for module in part_gpt part_msdos fat ext2 xfs btrfs mdraid09 mdraid1x lvm regexp; do
      insmod $module
    done
    if search --no-floppy --file --set=system /etc/reconciler/install.json; then
      set disk=
      if regexp --set=1:disk '^(hd[0-9]+)' $system; then
        for loader in LOADERS; do
          for part in gpt1 gpt2 gpt3 gpt4 msdos1 msdos2 msdos3 msdos4; do
            set esp=$disk,$part
            if chainloader ($esp)/EFI/$loader; then
              boot
            fi
          done
        done
      fi
{indent(_ITS_OWN_MENU, 6 * " ")}      if [ -n "$disk" ]; then
        exit
      fi
    fi
    for loader in LOADERS; do
      if search --no-floppy --file --set=esp /EFI/$loader; then
        chainloader ($esp)/EFI/$loader
        boot
      fi
    done
"""
"""With UEFI: a loader on the disk that has our record of the install, as a disk that is left alone may have another
Debian's, below the same path. A system in software RAID or LVM is on no disk of its own, so its menu is read. Whatever
disk has a loader comes last: where no file system with our record can be read, or it is on no disk and has no menu."""


def _grub_disk() -> str:
    """The disk, or the loader on it, of the installed system; where there is none, what the firmware has next."""
    loaders = [
        _GRUB_EFI_DISK.replace("LOADERS", " ".join(_EFI_LOADERS[architecture])) for architecture in ARCHITECTURES
    ]
    return f"menuentry 'Local disk' {{\n{_GRUB_BIOS_DISK}{_by_processor(*loaders)}  exit\n}}\n"


def _by_processor(amd64: str, arm64: str) -> str:
    """GRUB for BIOS says i386, and means amd64. GRUB's language has no ``||``."""
    return f"if [ $grub_cpu = arm64 ]; then\n{arm64}else\n{amd64}fi\n"


def _comment(choice: BootChoice) -> str:
    """One line of letters and digits: what a machine says of itself can do nothing there."""
    text = f"{choice.serial or 'unknown machine'} - {choice.boot} - {choice.because}"
    return re.sub(r"[^A-Za-z0-9 .,:_-]", "_", text)[:200]
