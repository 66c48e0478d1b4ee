"""A provisioning network in a network namespace of its own, and virtual servers on it.

The namespaces are the test process's (``unshare --net --pid``): what is started here lives in them, reaches nothing
else, and is gone with the process. The servers are qemu in software emulation, each with an ``ipmi_sim`` for its BMC;
what the BMC is told, the test process does to qemu.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.simulator.ipmi_sim import IpmiSim

from .prepare import CONFIG, LAB, SERVER

SWITCH = "tor-lab-1"
PORTS = 4

BOOT_SECTOR = (
    bytes.fromhex("31c0 8ed8 fc be197c ac 84c0 7409 b40e bb0700 cd10 ebf2 f4 ebfd") + b"LAB: booted from its disk\r\n\0"
).ljust(510, b"\0") + b"\x55\xaa"
"""Prints its words with the BIOS and halts: all that is needed to see from where a machine booted."""

_UEFI = {
    "secure": ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd"),
}
"""Firmware and its variables, of Debian's package ovmf; with Microsoft's keys, which signed Debian's shim."""


def run(*command: str) -> None:
    subprocess.run(command, check=True)


@contextlib.contextmanager
def network() -> Iterator[None]:
    """A bridge with the server's address, a port for each NIC, LLDP as a switch sends it, DHCP and TFTP."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "br0", "type", "bridge")
    run("ip", "address", "add", f"{SERVER}/24", "dev", "br0")
    run("ip", "link", "set", "br0", "up")
    for number in range(1, PORTS + 1):
        run("ip", "tuntap", "add", f"swp{number}", "mode", "tap")
        run("ip", "link", "set", f"swp{number}", "master", "br0", "up")
    socket = str(LAB / "lldpd.sock")
    with (
        process("lldpd", "lldpd", "-d", "-I", "swp*", "-u", socket),
        process(
            "dnsmasq", "dnsmasq", "-C", str(LAB / "boot/dnsmasq.conf"), "--interface=br0", "--bind-interfaces", "-d",
            "--user=root", f"--dhcp-leasefile={LAB}/leases", "--log-dhcp",
        ),
    ):  # fmt: skip
        time.sleep(1)
        for words in (
            ("system", "hostname", SWITCH),
            ("lldp", "portidsubtype", "ifname"),
            ("lldp", "tx-interval", "10"),
        ):
            run("lldpcli", "-u", socket, "configure", *words)
        yield


@contextlib.contextmanager
def process(name: str, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that ends with the block; what it says goes into a file named after it."""
    with (LAB / f"{name}.log").open("wb") as log:
        started = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            yield started
        finally:
            started.terminate()
            started.wait(30)


@contextlib.contextmanager
def daemon() -> Iterator["subprocess.Popen[bytes]"]:
    """The real daemon, on the provisioning address."""
    with process("daemon", sys.executable, "-m", "reconciler", "--config", str(CONFIG), "run") as started:
        yield started


def get(path: str) -> str | None:
    """What the daemon answers to this machine; None: nothing, or no."""
    try:
        with urllib.request.urlopen(f"http://{SERVER}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
            return text
    except (urllib.error.URLError, OSError):
        return None


@dataclass
class VirtualServer:
    """A server with two NICs, an empty disk (but for its boot sector), and a BMC."""

    serial: str
    firmware: str  # bios | secure
    run_id: int
    port: int = 1  # of the switch; the second NIC is on the next
    bmc: IpmiSim = field(init=False)
    _qemu: "subprocess.Popen[bytes] | None" = None
    _task: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.bmc = IpmiSim("127.0.0.1", 6230 + self.port, self.folder / "bmc", serial=self.serial)
        with (self.folder / "disk").open("wb") as disk:
            disk.write(BOOT_SECTOR)
            disk.truncate(10 * 2**30)

    @property
    def folder(self) -> Path:
        return LAB / "servers" / self.serial

    @property
    def mac(self) -> str:
        return f"52:54:00:{self.run_id >> 8 & 255:02x}:{self.run_id & 255:02x}:{self.port:02x}"

    @property
    def console(self) -> str:
        """All that came out of its serial port."""
        log = self.folder / "console.log"
        return log.read_text(errors="replace") if log.exists() else ""

    async def __aenter__(self) -> "VirtualServer":
        await self.bmc.start()
        self._task = asyncio.create_task(self._obey())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._off()
        await self.bmc.stop()

    async def _obey(self) -> None:
        """Do to qemu what the BMC was told since the last look."""
        done = 0
        while True:
            count, on, device = self.bmc.wanted()
            if count > done:
                done = count
                self._off()
                if on:
                    self._on(device)
            await asyncio.sleep(0.2)

    def _on(self, device: str) -> None:
        with (self.folder / "qemu.log").open("ab") as log:
            self._qemu = subprocess.Popen(self._command(device), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _off(self) -> None:
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait()
            self._qemu = None

    def _command(self, device: str) -> list[str]:
        nic, disk = (1, 2) if device == "network" else (2, 1)
        secure = self.firmware == "secure"
        flash: list[str] = []
        if secure:
            code, variables = _UEFI[self.firmware]
            mine = self.folder / "variables.fd"
            if not mine.exists():
                mine.write_bytes(Path("/usr/share/OVMF", variables).read_bytes())
            flash = [
                "-global", "driver=cfi.pflash01,property=secure,value=on",
                "-drive", f"if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/{code}",
                "-drive", f"if=pflash,format=raw,file={mine}",
            ]  # fmt: skip
        rom = ",romfile=" if secure else ""  # the firmware has a driver of its own; BIOS boots with the card's iPXE
        return [
            "qemu-system-x86_64", "-name", self.serial, "-display", "none", "-nodefaults",
            "-machine", "q35,smm=on" if secure else "q35,graphics=off",  # without graphics the BIOS prints there too
            "-accel", "tcg,thread=multi", "-cpu", "qemu64", "-smp", "2", "-m", "2560",
            "-chardev", f"file,id=console,path={self.folder}/console.log,append=on", "-serial", "chardev:console",
            *flash,
            "-device", "virtio-scsi-pci,id=scsi0",
            "-drive", f"if=none,id=d0,file={self.folder}/disk,format=raw,cache=unsafe",
            "-device", f"scsi-hd,drive=d0,bus=scsi0.0,bootindex={disk},serial=DISK{self.serial},product=LABDISK",
            "-netdev", f"tap,id=n0,ifname=swp{self.port},script=no,downscript=no",
            "-device", f"virtio-net-pci,netdev=n0,mac={self.mac},bootindex={nic}{rom}",
            "-netdev", f"tap,id=n1,ifname=swp{self.port + 1},script=no,downscript=no",
            "-device", f"e1000,netdev=n1,mac={self.mac[:-2]}f{self.port},romfile=",
            "-device", "virtio-rng-pci",
            "-smbios", "type=0,vendor=Dell Inc.,version=2.12.2",
            "-smbios", f"type=1,manufacturer=Dell Inc.,product=PowerEdge R640,serial={self.serial}",
            "-smbios", f"type=3,manufacturer=Dell Inc.,serial={self.serial}",
        ]  # fmt: skip


@dataclass
class Timeline:
    """When what was seen, in seconds since the power came on; kept beside the server's logs."""

    server: VirtualServer
    began: float = field(default_factory=time.monotonic)
    steps: dict[str, float] = field(default_factory=dict)

    async def until(self, step: str, seen: Any, minutes: float) -> Any:
        """Wait for something, and note when it was there."""
        deadline = time.monotonic() + minutes * 60
        while not (found := await asyncio.to_thread(seen)):
            assert time.monotonic() < deadline, f"not within {minutes} minutes: {step}\n{self.server.console[-2000:]}"
            await asyncio.sleep(1)
        self.steps[step] = round(time.monotonic() - self.began, 1)
        (self.server.folder / "timeline.json").write_text(json.dumps(self.steps, indent=1) + "\n")
        print(f"\n{self.server.serial} {self.steps[step]:7.1f} s  {step}", flush=True)
        return found
