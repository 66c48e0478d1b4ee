"""A server that is a container: blank disks, a cable, firmware tables, and a BMC whose power starts and stops it.

What it boots is what a server would: from the network the live image, from its disk what an installer left there.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.provisioning.commands import ROOT_KEYS_FILE
from reconciler.simulator.ipmi_sim import IpmiSim

from .. import loops
from ..lab.lab import run
from . import containers, network, nspawn
from .places import BMCS_GATEWAY
from .smbios import Firmware

USERNAME, PASSWORD = "oci", "factory-login"  # what the BMCs are delivered with

SYSTEM_PARTITION = 3
"""Where the image installer puts the system."""


@dataclass(frozen=True)
class Model:
    """A kind of server: what its firmware calls it, its memory, its disks in GB."""

    product: str
    memory_mib: int
    disks: tuple[int, ...]


CONTROLLER = Model("Cloud Controller", 16384, (20,))
PROXY = Model("Cloud Proxy", 8192, (20,))
STORE = Model("Cloud Store", 8192, (20, 2, 2, 2))


@dataclass(frozen=True)
class Image:
    """What machines boot from the network: the live image as it is mounted, and root's key in it."""

    root: Path
    authorized_key: str


@dataclass
class Machine:
    """One server."""

    number: int  # from 1
    model: Model
    folder: Path
    image: Image
    bmc: IpmiSim = field(init=False)
    disks: dict[str, str] = field(default_factory=dict)  # a server's name for it -> loop device
    _running: "subprocess.Popen[bytes] | None" = None
    _task: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        address = f"{BMCS_GATEWAY.rpartition('.')[0]}.{10 + self.number}"
        self.bmc = IpmiSim(address, 623, self.folder / "bmc", USERNAME, PASSWORD, self.serial)

    @property
    def serial(self) -> str:
        return f"CLOUD{self.number}"

    @property
    def name(self) -> str:
        """Of its network namespace, and of its container on this side."""
        return self.serial.lower()

    @property
    def port(self) -> str:
        """Of the switch."""
        return f"swp{self.number}"

    @property
    def hardware(self) -> Path:
        """What a container sees of it beside its disks."""
        return self.folder / "hardware"

    @property
    def mac(self) -> str:
        return f"52:54:00:c1:0d:{self.number:02x}"

    @property
    def is_on(self) -> bool:
        return self._running is not None

    async def deliver(self) -> None:
        """Rack it: its disks are blank, its cable is plugged in, its BMC answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for index, size in enumerate(self.model.disks):
            name = f"sd{chr(ord('a') + index)}"
            file = self.folder / name
            with file.open("wb") as opened:
                opened.truncate(size * 1000**3)
            self.disks[name] = loops.attach(file, "--partscan")
        self.hardware.mkdir()
        tables = {"smbios_entry_point": self._firmware.entry_point, "DMI": self._firmware.table}
        write_tree(self.hardware / "firmware/dmi/tables", tables)
        write_tree(self.hardware / "sys/class/net" / network.NIC / "device", {})
        write_tree(
            self.hardware / "sys/class/net" / network.NIC, {"address": f"{self.mac}\n".encode(), "speed": b"10000\n"}
        )
        await asyncio.to_thread(run, "ip", "address", "add", f"{self.bmc.address}/32", "dev", network.BRIDGE)
        await self.bmc.start()
        self._task = asyncio.create_task(self._obey())

    async def scrap(self) -> None:
        """Take it out again: nothing of it runs, and its loop devices are free."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.bmc.stop()
        await asyncio.to_thread(self._off)
        loops.detach(*self.disks.values())

    @property
    def _firmware(self) -> Firmware:
        return Firmware(self.serial, self.model.product, self.model.memory_mib)

    async def _obey(self) -> None:
        """Do what the BMC was told since the last look; a machine that turned itself off is off."""
        done = 0
        while True:
            count, on, device = self.bmc.wanted()
            if count > done:
                done = count
                await asyncio.to_thread(self._off)
                if on:
                    await asyncio.to_thread(self._on, device)
            elif self._running is not None and self._running.poll() is not None:
                await asyncio.to_thread(self._off)
                self.bmc.show(on=False)
            await asyncio.sleep(0.2)

    def _on(self, device: str) -> None:
        """Do as firmware does: boot from the network where that was chosen, else from the disk that has a system."""
        system = f"{self.disks['sda']}p{SYSTEM_PARTITION}"
        if device == "network" or not Path(system).exists():
            root, words = self._live_root(), self._live_words()
        else:
            root, words = self._mounted("root", system), self._by_uuid()
        network.plug(self.name, self.port, self.mac)
        self._running = nspawn.start(root, self.name, self.folder / "console.log", *self._hardware(), *words)

    def _off(self) -> None:
        """As a cut of the power: nothing in it is told."""
        if self._running is not None:
            nspawn.cut(self._running)
            self._running = None
            network.unplug(self.name)
        for name in ("live", "root"):
            point = self.folder / name
            if os.path.ismount(point):
                run("umount", "--recursive", str(point))

    def _live_root(self) -> Path:
        """The live image, with an empty memory over it: what was written there is gone with the next boot."""
        memory = self.folder / "memory"
        shutil.rmtree(memory, ignore_errors=True)
        files = containers.live_files() | {ROOT_KEYS_FILE: (self.image.authorized_key, 0o600)}
        for path, (text, mode) in files.items():
            write_tree((memory / "upper" / path.lstrip("/")).parent, {Path(path).name: text.encode()}, mode)
        for folder in list(Path(ROOT_KEYS_FILE).parents)[:2]:  # sshd wants nobody else to write there
            (memory / "upper" / str(folder).lstrip("/")).chmod(0o700)
        (memory / "work").mkdir()
        options = f"lowerdir={self.image.root},upperdir={memory}/upper,workdir={memory}/work"
        return self._mounted("live", "overlay", "-t", "overlay", "-o", options)

    def _mounted(self, name: str, what: str, *options: str) -> Path:
        point = self.folder / name
        point.mkdir(exist_ok=True)
        run("mount", *options, what, str(point))
        return point

    def _live_words(self) -> Iterator[str]:
        """What the kernel's command line would say."""
        (self.hardware / "cmdline").write_text("boot=live\n")
        # What goes below /proc, systemd-nspawn looks for inside the container.
        yield f"--bind-ro={containers.HARDWARE}/cmdline:/proc/cmdline"

    def _by_uuid(self) -> Iterator[str]:
        """The links that udev would make."""
        links = self.hardware / "by-uuid"
        shutil.rmtree(links, ignore_errors=True)
        links.mkdir()
        for name, device in self._devices():
            asked = ["blkid", "--probe", "--match-tag", "UUID", "--output", "value", device]
            uuid = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
            if uuid:
                (links / uuid).symlink_to(f"../../{name}")
        yield f"--bind={links}:/dev/disk/by-uuid"

    def _devices(self) -> Iterator[tuple[str, str]]:
        """Disks and their partitions: a server's name for each, and its device on this side."""
        for name, device in self.disks.items():
            yield name, device
            kernel = Path(device).name
            for part in sorted(Path("/sys/block", kernel).glob(f"{kernel}p*")):
                yield f"{name}{part.name.rpartition('p')[2]}", f"/dev/{part.name}"

    def _hardware(self) -> Iterator[str]:
        """Firmware tables, and disks under the names that a server's have."""
        yield f"--bind-ro={self.hardware}:{containers.HARDWARE}"
        block = self.hardware / "block"
        shutil.rmtree(block, ignore_errors=True)
        block.mkdir()
        for name, device in self.disks.items():
            (block / name).symlink_to(f"/sys/devices/virtual/block/{Path(device).name}")
        for name, device in self._devices():
            yield f"--bind={device}:/dev/{name}"
        yield f"--bind-ro={self.hardware}/firmware:/sys/firmware"


def write_tree(folder: Path, files: Mapping[str, bytes], mode: int = 0o644) -> None:
    """Files by name, in a folder that is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(mode)


@contextlib.contextmanager
def live_image(squashfs: Path, point: Path, authorized_key: str) -> Iterator[Image]:
    """The live image, mounted until the block ends."""
    point.mkdir(parents=True, exist_ok=True)
    run("mount", "-o", "loop,ro", str(squashfs), str(point))
    try:
        yield Image(point, authorized_key)
    finally:
        run("umount", str(point))
