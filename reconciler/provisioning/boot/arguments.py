"""The kernel's command line of the live system, as words that no boot loader takes for anything else."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...model.boot_nonce import ARGUMENT

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,:=/@+~%-]*")
"""What iPXE (which knows no quotes) and GRUB read as one plain word. ``kinds.base.KernelArgument`` is the same."""

_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class KernelArguments:
    """What the live system's kernel is told."""

    image: str  # URL of the squashfs
    consoles: tuple[str, ...] = ()  # the last becomes /dev/console
    boot_mac: str | None = None  # of the NIC that it booted from: live-boot asks for its address there, and only there
    nonce: str | None = None  # of this boot, which our agent returns with its reports
    more: tuple[str, ...] = ()

    def words(self) -> tuple[str, ...]:
        """The arguments in order; live-boot(7) and the kernel's kernel-parameters.rst say what they mean.

        Raises:
            ValueError: One of them would be read as more than one word, or as a command.
        """
        found = (
            "boot=live",
            "components",
            f"fetch={self.image}",
            *((f"BOOTIF=01-{self.boot_mac.replace(':', '-')}",) if self.boot_mac else ()),  # 01: Ethernet
            *((f"{ARGUMENT}={self.nonce}",) if self.nonce else ()),
            *(f"console={console}" for console in self.consoles),
            "consoleblank=0",
            "iomem=relaxed",  # vendors' BMC and firmware tools read /dev/mem
            "systemd.show_status=true",
            "systemd.condition_needs_update=no",  # else each boot rebuilds caches that the image has (25 s and more)
            *self.more,
        )
        return tuple(_checked(found))


def _checked(words: Iterable[str]) -> Iterable[str]:
    for word in words:
        if not _SAFE.fullmatch(word):
            raise ValueError(f"not a kernel argument: {word!r}")
        yield word


def parse_mac(text: str) -> str | None:
    """A MAC address in lower case with colons, however it was written; None when it is none."""
    mac = text.strip().lower().replace("-", ":")
    return mac if _MAC.fullmatch(mac) else None
