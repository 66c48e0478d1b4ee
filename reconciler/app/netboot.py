"""Answers machines that boot from the network: joins what is known of them with what iPXE and GRUB are told.

A machine is known by the serial and the MAC addresses that it reported. OCI goes by the address that the request comes
from; a lease passes to another machine, and then a blank one is sent to its disk, or one in service to the live system.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import structlog

from ..model.boot_choice import BootChoice, BootFrom
from ..model.fillers import is_uuid
from ..model.kinds.base import Subnet
from ..model.machine import MachineView
from ..model.serials import number, spellings
from ..model.tree import SpecTree
from ..planning.netboot import UNKNOWN, boots_from
from ..provisioning.boot import scripts
from ..provisioning.boot.arguments import parse_mac
from ..provisioning.boot.scripts import BootPort
from .boot_nonces import BootNonces

log = structlog.get_logger()


@dataclass(frozen=True)
class Boots:
    """Implements ``server.ports.BootAnswers`` on what one pass found."""

    tree: SpecTree
    machines: tuple[MachineView, ...]
    images: Path
    observing: str | None = None  # why nothing may be begun
    nonces: BootNonces | None = None  # None: nobody gets one

    @property
    def trusted_networks(self) -> Sequence[Subnet]:
        """Who may boot."""
        return self.tree.fleet.provisioning.trusted_networks

    def ipxe(self, mac: str | None, serial: str | None, architecture: str | None) -> str:
        """The machine's script; one that asks again for a machine that does not say who it is."""
        if not mac and not serial:
            return scripts.ipxe_identify(self._live)
        known = parse_mac(mac or "")
        choice = self._told(known, serial)
        port = self._port(known, choice)
        return scripts.ipxe(choice, self._live, port, _DEBIANS.get(architecture or "", "amd64"))

    def grub(self, mac: str) -> str:
        """The machine's menu. GRUB asks three times for it, and boots from one of the answers."""
        known = parse_mac(mac)
        choice = self._told(known, None)
        return scripts.grub(choice, self._live, self._port(known, choice))

    def _port(self, mac: str | None, choice: BootChoice) -> BootPort:
        """The port that a machine boots from. Who is sent to its disk runs no system that could return a nonce."""
        if mac is None or self.nonces is None or choice.boot is BootFrom.DISK:
            return BootPort(mac)
        return BootPort(mac, self.nonces.fresh(mac, choice.serial))

    def _told(self, mac: str | None, serial: str | None) -> BootChoice:
        """The choice, and a line in the log: whether a machine that never reports at least asked."""
        choice = self.choice(mac, serial)
        log.info("boots", mac=mac, serial=choice.serial or serial, boot=choice.boot, because=choice.because)
        return choice

    def choice(self, mac: str | None, serial: str | None) -> BootChoice:
        """What a machine boots from that says this of itself.

        By its serial first, as a network card moves from one machine to another. Firmware may say another serial than
        the agent reports, and GRUB says none: then by its address. Sleds may say their enclosure's serial, by which
        one of them is called: then it may be the one that reported the address, too. Where several may be meant, and
        one of them is to boot from its disk, so is this. While nothing may be begun, everybody boots from its disk.
        """
        if self.observing is not None:  # who asks may be in service, whatever is known of it
            return BootChoice(BootFrom.DISK, self.observing)
        meant = self._meant(mac, serial)
        choices = [boots_from(m, self.tree) for m in meant]
        choice = next(
            (choice for choice in choices if choice.boot is BootFrom.DISK), choices[0] if choices else UNKNOWN
        )
        if len(meant) == 1 or not choices:
            return choice
        names = ", ".join(m.serial for m in meant)
        return replace(choice, because=f"{choice.because}; by its serial and MAC address it may be any of: {names}")

    def _meant(self, mac: str | None, serial: str | None) -> Sequence[MachineView]:
        """The machines that may be asking."""
        called = [self._by_serial[each] for each in _spelled(serial) if each in self._by_serial]
        having = self._by_mac.get(mac or "", [])
        if serial is None or not called:
            return having
        return [m for m in called if m in having] or [*called, *(m for m in having if _may_say(m, serial))]

    @cached_property
    def _live(self) -> scripts.Live:
        given = self.tree.fleet.provisioning
        return scripts.live_of(given.address, given.boot)

    @cached_property
    def _by_serial(self) -> dict[str, MachineView]:
        return {m.serial: m for m in self.machines}

    @cached_property
    def _by_mac(self) -> dict[str, list[MachineView]]:
        return _grouped((mac, m) for m in self.machines if m.seen for mac in m.seen.hardware.macs)


def _spelled(serial: str | None) -> Sequence[str]:
    """What a machine may be called whose iPXE says this serial: as it stands first."""
    return () if serial is None else (serial, *sorted(spellings(serial) - {serial}))


def _may_say(m: MachineView, serial: str) -> bool:
    """Whether a machine's iPXE may say this serial: that of its system, where its reports have one.

    A machine that is called by its UUID, and of which no report has more, may say any.
    """
    reported = m.seen.hardware.dmi.system if m.seen else ""
    of_system = number(reported or m.serial)
    return of_system is None or of_system == number(serial) or (not reported and is_uuid(of_system))


_DEBIANS = {"arm64": "arm64", "aarch64": "arm64"}
"""What iPXE calls its processor. An iPXE for i386 starts BIOS machines, and they are amd64."""


def _grouped(pairs: Iterable[tuple[str, MachineView]]) -> dict[str, list[MachineView]]:
    found: dict[str, list[MachineView]] = {}
    for mac, m in pairs:
        found.setdefault(mac, []).append(m)
    return found
