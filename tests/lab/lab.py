"""A provisioning network in a network namespace of its own, and virtual servers on it.

The namespaces are the calling process's (``unshare --net --pid``): what is started here lives in them, reaches nothing
else, and is gone with the process. The servers are qemu in software emulation, each with an ``ipmi_sim`` for its BMC;
what the BMC is told, this process does to qemu.
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sqlite3
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

from .fleet import BMC_GATEWAY, GATEWAY, IMAGES_PORT, PASSWORD, SERVER, SWITCH, USERNAME, commit, fleet
from .prepare import IMAGES, LAB, SITE, root_sha256

SWITCH_PORTS = 8
_DISKS = {"system": 10, "data": 2}
"""GiB."""

_CONFIG = """\
source: {{url: {folder}/fleet, branch: main, folder: specs, poll: 2s}}
database: sqlite:///{folder}/reconciler.db
state: {folder}/state
secret_key_file: {site}/secret.key
boot: {lab}/boot
listen: {{address: {server}, port: 80}}
dashboard_networks: [{server}/32]
"""

_UEFI = Path("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd")
_VARIABLES = _UEFI.with_name("OVMF_VARS_4M.ms.fd")
"""Of Debian's package ovmf: with Secure Boot on, and Microsoft's keys, which signed Debian's shim."""


def is_alone() -> bool:
    """Whether this process is root in a network namespace that nobody uses."""
    return os.geteuid() == 0 and {name for _, name in socket.if_nameindex()} == {"lo"}


def run(*command: str, **options: Any) -> str:
    """What a command prints; it must succeed."""
    ran: str = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout
    return ran


@dataclass(frozen=True)
class Lab:
    """One run: the folder of its logs, its git repository, its network and its daemon."""

    folder: Path

    @property
    def config(self) -> Path:
        """Of the daemon."""
        return self.folder / "reconciler.yaml"

    @contextlib.contextmanager
    def running(self) -> Iterator["Lab"]:
        """All but servers, until the block ends."""
        self._lay_out()
        lldp = str(self.folder / "lldpd.sock")
        dnsmasq = ("dnsmasq", "-C", str(LAB / "boot/dnsmasq.conf"), "--interface=br0", "--bind-interfaces", "-d")
        images = ("-m", "http.server", str(IMAGES_PORT), "--bind", SERVER, "--directory", str(IMAGES))
        with (
            _network(),
            self.process("lldpd", "lldpd", "-d", "-I", "swp*", "-u", lldp),
            self.process("dnsmasq", *dnsmasq, "--user=root", f"--dhcp-leasefile={self.folder}/leases", "--log-dhcp"),
            self.process("images", sys.executable, *images),
            self.process("puppet", sys.executable, "-m", "tests.lab.puppet_server", str(self.folder), SERVER),
            self.process("daemon", sys.executable, "-m", "reconciler", "--config", str(self.config), "run"),
        ):
            _wait_for(self.folder / "lldpd.log", "should resume operations")  # it pauses while it begins
            for words in (
                ("configure", "system", "hostname", SWITCH),
                ("configure", "lldp", "portidsubtype", "ifname"),
                ("configure", "lldp", "tx-interval", "10"),
                ("resume",),  # should one of these have made it pause again
            ):
                run("lldpcli", "-u", lldp, *words)
            yield self

    def _lay_out(self) -> None:
        """A site as an operator has it: its database with the key in the live image, a git repository, a password."""
        (self.folder / "state").mkdir(parents=True)
        with contextlib.closing(sqlite3.connect(SITE / "reconciler.db")) as prepared:
            prepared.execute("VACUUM INTO ?", (str(self.folder / "reconciler.db"),))
        self.config.write_text(_CONFIG.format(folder=self.folder, site=SITE, lab=LAB, server=SERVER))
        self._git("init", "--quiet", "--initial-branch=main", str(self.folder / "fleet"))
        self.commit("fleet.yaml", fleet(), "Begin")
        self.reconciler("secrets", "set", "fleet:bmc/password", input=PASSWORD)

    def commit(self, name: str, text: str, message: str) -> None:
        """What operators do."""
        path = self.folder / "fleet/specs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        repository = ("-C", str(self.folder / "fleet"))
        self._git(*repository, "add", "--all")
        self._git(*repository, "commit", "--quiet", "--message", message)

    def _git(self, *words: str) -> None:
        run("git", "-c", "user.name=operator", "-c", "user.email=operator@example.com", *words)

    def ask_for(self, servers: "list[VirtualServer]") -> None:
        """The one commit."""
        bmcs = {server.serial: server.bmc.address for server in servers}
        self.commit("lab.yaml", commit(root_sha256(), bmcs), f"Ask for {len(servers)} storage nodes")

    def reconciler(self, *words: str, **options: Any) -> str:
        """What the command line prints."""
        return run(sys.executable, "-m", "reconciler", "--config", str(self.config), *words, **options)

    @contextlib.contextmanager
    def process(self, name: str, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A process that ends with the block; what it says goes into a file named after it."""
        with (self.folder / f"{name}.log").open("wb") as log:
            started = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            try:
                yield started
            finally:
                started.terminate()
                started.wait(120)  # the daemon lets go what it is about

    def machine(self, serial: str) -> dict[str, Any]:
        """What the daemon knows of a machine, as its API says it; empty: nothing yet."""
        text = self.get(f"/v1/machines/{serial}")
        found: dict[str, Any] = json.loads(text) if text else {}
        return found

    def get(self, path: str) -> str | None:
        """What the daemon answers to this machine; None: nothing, or no."""
        try:
            with urllib.request.urlopen(f"http://{SERVER}{path}", timeout=10) as answer:
                text: str = answer.read().decode()
                return text
        except (urllib.error.URLError, OSError):
            return None

    def on_node(self, hostname: str, address: str, command: str) -> str:
        """What a command says on an installed node, which must show a host key that its cluster has signed."""
        key, known = self.folder / "key", self.folder / "known_hosts"
        if not key.exists():
            key.touch(mode=0o600)
            key.write_text(self.reconciler("secrets", "show", "fleet:ssh/provisioning", "--part", "private"))
            authority = self.reconciler("secrets", "show", "lab:sshd/authority", "--part", "authorized")
            known.write_text(f"@cert-authority *.example.com {authority}")
        options = [f"UserKnownHostsFile={known}", f"HostKeyAlias={hostname}", "StrictHostKeyChecking=yes"]
        options += ["BatchMode=yes", "ConnectTimeout=20"]
        ran = subprocess.run(
            ["ssh", "-i", str(key), *(f"-o{option}" for option in options), f"root@{address}", command],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        with (self.folder / "ssh.log").open("a") as log:
            log.write(f"{hostname}: {ran.returncode} {ran.stderr}")
        return ran.stdout if ran.returncode == 0 else ""


@contextlib.contextmanager
def _network() -> Iterator[None]:
    """A switch with its ports, and this machine's addresses on it; gone when the block ends, for the next run."""
    run("ip", "link", "set", "lo", "up")
    made = []
    try:
        run("ip", "link", "add", "br0", "type", "bridge")
        made.append("br0")
        run("ip", "link", "set", "br0", "up")
        for address in (SERVER, GATEWAY, BMC_GATEWAY):
            run("ip", "address", "add", f"{address}/24", "dev", "br0")
        for name in (f"swp{number}" for number in range(1, SWITCH_PORTS + 1)):
            run("ip", "tuntap", "add", name, "mode", "tap")
            made.append(name)
            run("ip", "link", "set", name, "master", "br0", "up")
        yield
    finally:
        for name in made:
            run("ip", "link", "delete", name)


def _wait_for(log: Path, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in log.read_text():
        assert time.monotonic() < deadline, f"{log} does not say that it {words}"
        time.sleep(0.1)


@dataclass
class VirtualServer:
    """A server as it is delivered: two NICs, two blank disks, and a BMC with an address."""

    lab: Lab
    number: int  # from 1
    firmware: str = "bios"  # bios | secure: UEFI with Secure Boot on
    bmc: IpmiSim = field(init=False)
    _qemu: "subprocess.Popen[bytes] | None" = None
    _task: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        address = f"{BMC_GATEWAY.rpartition('.')[0]}.{10 + self.number}"
        self.bmc = IpmiSim(
            address, 623, self.folder / "bmc", USERNAME, PASSWORD, self.serial, inside_port=9000 + self.number
        )
        for name, size in _DISKS.items():
            with (self.folder / name).open("wb") as disk:
                disk.truncate(size * 2**30)

    @property
    def serial(self) -> str:
        return f"LAB{self.number}"

    @property
    def folder(self) -> Path:
        return self.lab.folder / "servers" / self.serial

    @property
    def ports(self) -> tuple[str, str]:
        """Of the switch."""
        return f"swp{2 * self.number - 1}", f"swp{2 * self.number}"

    @property
    def mac(self) -> str:
        """Of the first NIC."""
        return f"52:54:00:1a:b0:{self.number:02x}"

    @property
    def is_on(self) -> bool:
        return self._qemu is not None

    @property
    def console(self) -> str:
        """All that came out of its serial port."""
        log = self.folder / "console.log"
        return log.read_text(errors="replace") if log.exists() else ""

    async def __aenter__(self) -> "VirtualServer":
        await asyncio.to_thread(run, "ip", "address", "add", f"{self.bmc.address}/32", "dev", "br0")
        await self.bmc.start()
        self._task = asyncio.create_task(self._obey())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._off()
        await self.bmc.stop()
        for name in _DISKS:
            (self.folder / name).unlink()

    async def _obey(self) -> None:
        """Do to qemu what the BMC was told since the last look; a machine that turned itself off is off."""
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
        first, second = self.ports
        rom = "" if self.firmware == "bios" else ",romfile="  # UEFI has a driver of its own; BIOS needs the card's iPXE
        machine = {"bios": "q35,graphics=off", "secure": "q35,smm=on"}  # without graphics the BIOS prints there too
        return [
            "qemu-system-x86_64", "-name", self.serial, "-display", "none", "-nodefaults",
            "-machine", machine[self.firmware],
            "-accel", "tcg,thread=multi", "-cpu", "qemu64", "-smp", "2", "-m", "2560",
            "-chardev", f"file,id=console,path={self.folder}/console.log,append=on", "-serial", "chardev:console",
            *self._flash(),
            "-device", "virtio-scsi-pci,id=scsi0",
            "-drive", f"if=none,id=d0,file={self.folder}/system,format=raw,cache=unsafe",
            "-device", f"scsi-hd,drive=d0,bus=scsi0.0,bootindex={disk},serial=S{self.serial},product=LABDISK",
            "-drive", f"if=none,id=d1,file={self.folder}/data,format=raw,cache=unsafe",
            "-device", f"scsi-hd,drive=d1,bus=scsi0.0,serial=D{self.serial},product=LABDISK",
            "-netdev", f"tap,id=n0,ifname={first},script=no,downscript=no",
            "-device", f"virtio-net-pci,netdev=n0,mac={self.mac},bootindex={nic},speed=10000,duplex=full{rom}",
            "-netdev", f"tap,id=n1,ifname={second},script=no,downscript=no",
            "-device", f"e1000,netdev=n1,mac={self.mac.replace('1a', '1b')},romfile=",
            "-device", "virtio-rng-pci",
            "-chardev", f"socket,id=ipmi,host=127.0.0.1,port={self.bmc.inside_port},reconnect=2",
            "-device", "ipmi-bmc-extern,chardev=ipmi,id=bmc", "-device", "isa-ipmi-kcs,bmc=bmc",
            "-smbios", "type=0,vendor=Dell Inc.,version=2.12.2",
            "-smbios", f"type=1,manufacturer=Dell Inc.,product=PowerEdge R640,serial={self.serial}",
            "-smbios", f"type=3,manufacturer=Dell Inc.,serial={self.serial}",
        ]  # fmt: skip

    def _flash(self) -> list[str]:
        if self.firmware == "bios":
            return []
        mine = self.folder / "variables.fd"
        if not mine.exists():
            shutil.copyfile(_VARIABLES, mine)
        return [
            "-global", "driver=cfi.pflash01,property=secure,value=on",
            "-drive", f"if=pflash,format=raw,readonly=on,file={_UEFI}",
            "-drive", f"if=pflash,format=raw,file={mine}",
        ]  # fmt: skip
