"""A BMC as a process: OpenIPMI's ``ipmi_sim`` with a chassis that is a folder.

The folder holds ``power`` (0 or 1), ``boot`` (the device chosen for the next boot, in ipmi_sim's words) and
``commands``, to which every power command that changed something adds a line, with the device chosen at that moment.
A choice is used up by the power-on that follows it, as firmware does. ``ipmi_sim`` runs the chassis program
and waits for it, and clients ask again after a second: so the program is a few lines of shell, does nothing slow, and
does nothing twice.
"""

import asyncio
import contextlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from pyghmi.exceptions import IpmiException
from pyghmi.ipmi.command import Command

from ..execution.seam import offload
from .children import run_to_end, uninterrupted

PROGRAM = "ipmi_sim"
PACKAGE = "openipmi"
"""The Debian package that has it."""

START_SECONDS = 60.0  # measured: 100 processes answer within 0.5 s on two cores; busy machines are slower

_DEVICES = {"pxe": "network", "bios": "setup", "cdrom": "optical"}
"""From ipmi_sim's words to pyghmi's. It says ``default`` for the disk and ``none`` for no choice."""

_CHASSIS = """\
#!/bin/sh
# ipmi_sim calls: get PARAMETER... | set PARAMETER VALUE...
cd "{folder}" || exit 1
operation=$1
shift

power() {{
    device=$(cat boot)
    echo "$1" > power.new && mv power.new power && echo "power $1 $device" >> commands
    [ "$1" = 0 ] || echo none > boot
}}

case $operation in
get)
    for parameter in "$@"; do
        case $parameter in
        power) echo "power:$(cat power)" ;;
        boot) echo "boot:$(cat boot)" ;;
        esac
    done
    ;;
set)
    while [ $# -gt 1 ]; do
        case $1 in
        power) [ "$(cat power)" = "$2" ] || power "$2" ;;
        shutdown) [ "$(cat power)" = 0 ] || power 0 ;;
        reset) [ "$(cat power)" = 0 ] || power 1 ;;
        boot) echo "$2" > boot ;;
        esac
        shift 2
    done
    ;;
esac
exit 0
"""

_LAN = """\
name "bmc"
set_working_mc 0x20
  startlan 1
    addr {address} {port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa1234567{port:08x}
    lan_config_program "{folder}/lan"
  endlan
  chassis_control "{folder}/chassis"
{inside}  user 1 false "" "" user 10 none md2 md5 straight
{users}
"""

_INSIDE_PORT = "  serial 15 127.0.0.1 {} codec VM\n"
"""Where qemu's ``ipmi-bmc-extern`` connects: the virtual machine then has this BMC behind /dev/ipmi0."""

_USER = '  user {slot} true "{name}" "{password}" admin 10 none md2 md5 straight'

_LAN_PROGRAM = """\
#!/bin/sh
# ipmi_sim calls: get PARAMETER... | set PARAMETER VALUE... Each parameter is a file.
cd "{folder}/network" || exit 1
operation=$1
shift
case $operation in
get) for parameter in "$@"; do echo "$parameter:$(cat "$parameter")"; done ;;
set) while [ $# -gt 1 ]; do echo "$2" > "$1"; shift 2; done ;;
esac
exit 0
"""

_FACTORY = {
    "ip_addr_src": "dhcp", "subnet_mask": "255.0.0.0", "mac_addr": "52:54:00:bc:00:01",
    "default_gw_ip_addr": "127.0.0.1", "default_gw_mac_addr": "00:00:00:00:00:00",
    "backup_gw_ip_addr": "127.0.0.1", "backup_gw_mac_addr": "00:00:00:00:00:00",
}  # fmt: skip
"""The network of a BMC that nobody has set up, in ipmi_sim's words; its address is the one that it listens on."""

_INSIDE = (15, "inside", "inside")
"""Slot, name and password of the user that stands in for the machine's own side, which needs no login."""

_TOOLS = {
    "modprobe": "#!/bin/sh\n",
    "ipmitool": """\
#!/bin/sh
exec {tool} -I lanplus -C 3 -H {address} -p {port} -U {inside[1]} -P {inside[2]} "$@"
""",
}
"""What a live system runs, looking at this BMC. ``-C 3``: ipmi_sim knows no newer cipher suite."""

_BMC = """\
mc_setbmc 0x20
mc_add 0x20 0 has-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_add_fru_data 0x20 0 {fru_bytes} file 0 "{folder}/fru.bin"
mc_enable 0x20
"""

_FRU_BYTES = 256
_LATIN = 0xC0  # type of a field in IPMI's FRU format: eight-bit text, its length in the lower bits


def is_installed() -> bool:
    """Whether this machine has ipmi_sim."""
    return shutil.which(PROGRAM) is not None


@dataclass
class IpmiSim:
    """One BMC, on one UDP address. Start it, and it listens.

    A password longer than 16 bytes cannot be used: ipmi_sim takes it, then refuses the login. An address that it is
    given from outside it says, and does not move there.
    """

    address: str
    port: int
    folder: Path
    username: str = "oci"
    password: str = "simulated"  # noqa: S105  # of a BMC on a loopback address
    serial: str = ""  # of the machine, in its inventory; empty: the factory forgot it
    inside_port: int | None = None  # of TCP, for a virtual machine that has this BMC; None: none has it
    in_band_log: list[str] = field(default_factory=list)  # commands run from inside the machine
    _users: dict[int, tuple[str, str]] = field(default_factory=dict)  # name and password, as set from inside
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start the process, and return once it answers.

        Raises:
            RuntimeError: It ended, or does not answer.
        """
        self._write()
        self._process = await asyncio.create_subprocess_exec(
            PROGRAM, "-n", "-p", "-c", self.folder / "lan.conf", "-f", self.folder / "bmc.emu", "-s", self.folder,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._until_it_answers(self._process)
        except TimeoutError as error:
            await self.stop()
            raise RuntimeError(f"{PROGRAM} on {self.address}:{self.port} does not answer") from error

    async def _until_it_answers(self, process: asyncio.subprocess.Process) -> None:
        while not await offload(self._answers):
            if process.returncode is not None:
                raise RuntimeError(f"{PROGRAM} ended with {process.returncode}")

    async def stop(self) -> None:
        """End the process."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            await self._process.wait()

    async def _start_again(self) -> None:
        await self.stop()
        await self.start()

    async def in_band(self, command: str, root: Path) -> tuple[int, str, str]:
        """Run a command as the machine's live system would, with real ipmitool: exit status, output, errors.

        A new address is taken before this returns: the BMC is started again there, with the users that it has.

        Args:
            command: In shell words.
            root: Where the live system's files lie.
        """
        self.in_band_log.append(command)
        self._remember_login(command, root)
        bin_ = self._write_tools()
        env = os.environ | {"PATH": f"{bin_}:{os.environ.get('PATH', '/usr/bin:/bin')}"}
        status, out, err = await run_to_end("/bin/sh", "-c", command.replace("/run/", f"{root}/run/"), env=env)
        if (address := (self.folder / "network" / "ip_addr").read_text().strip()) != self.address:
            self.address = address
            await uninterrupted(self._start_again())
        return status, out, err

    def wanted(self) -> tuple[int, bool, str]:
        """How many power commands there were, whether power should be on, and the device of the last power-on."""
        commands = self._commands()  # from one file, so that all three are of the same moment
        chosen = [device for on, device in commands if on]
        device = {"pxe": "network", "default": "disk"}.get(chosen[-1], "default") if chosen else "default"
        return len(commands), bool(commands and commands[-1][0]), device

    def boots(self) -> tuple[str, ...]:
        """The device chosen for each power-on so far: ``network``, ``default`` ..."""
        return tuple(_DEVICES.get(device, "default") for on, device in self._commands() if on)

    def _commands(self) -> list[tuple[bool, str]]:
        """Every power command so far: whether it turned the power on, and the device chosen for the next boot."""
        text = self._read("commands")
        whole = text[: text.rfind("\n") + 1]  # the last line may be half written
        return [(on == "1", device) for _, on, device in map(str.split, whole.splitlines())]

    def show(self, on: bool) -> None:
        """Power is now so; what the BMC answers from here on."""
        (self.folder / "power").write_text(f"{int(on)}\n")

    def _read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def _write(self) -> None:
        """Write what ``ipmi_sim`` reads. What was chosen and set up before is left as it is."""
        self._write_chassis()
        self._write_network()
        (self.folder / "bmc.emu").write_text(_BMC.format(folder=self.folder, fru_bytes=_FRU_BYTES))
        (self.folder / "fru.bin").write_bytes(fru(self.serial))
        self._write_users()

    def _write_chassis(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in {"power": "0\n", "boot": "none\n", "commands": ""}.items():
            path = self.folder / name
            if not path.exists():
                path.write_text(text)
        chassis = self.folder / "chassis"
        chassis.write_text(_CHASSIS.format(folder=self.folder))
        chassis.chmod(0o700)

    def _write_network(self) -> None:
        network = self.folder / "network"
        network.mkdir(exist_ok=True)
        for name, text in {**_FACTORY, "ip_addr": self.address}.items():
            if not (network / name).exists():
                (network / name).write_text(f"{text}\n")
        program = self.folder / "lan"
        program.write_text(_LAN_PROGRAM.format(folder=self.folder))
        program.chmod(0o700)

    def _write_users(self) -> None:
        """Write where the BMC is found, and who may log in."""
        lan = self.folder / "lan.conf"
        lan.touch(mode=0o600)
        lan.write_text(
            _LAN.format(
                address=self.address,
                port=self.port,
                folder=self.folder,
                inside=_INSIDE_PORT.format(self.inside_port) if self.inside_port else "",
                users="\n".join(
                    _USER.format(slot=slot, name=name, password=password)
                    for slot, (name, password) in self._all_users().items()
                ),
            )
        )

    def _all_users(self) -> dict[int, tuple[str, str]]:
        slot, name, password = _INSIDE
        return {2: (self.username, self.password), slot: (name, password), **self._users}

    def _remember_login(self, command: str, root: Path) -> None:
        """ipmi_sim forgets what users it was given when it is started again; a BMC does not."""
        words = command.split()
        if words[:4] == ["ipmitool", "user", "set", "name"]:
            self._users[int(words[4])] = (words[5], "")
        elif words[:2] == ["ipmitool", "exec"]:
            _, _, _, slot, password = (root / words[2].strip(";").lstrip("/")).read_text().split()
            name, _ = self._users.get(int(slot)) or self._all_users()[int(slot)]
            self._users[int(slot)] = (name, password)

    def _write_tools(self) -> Path:
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        tool = shutil.which("ipmitool") or "ipmitool-is-not-installed"
        for name, text in _TOOLS.items():
            (folder / name).write_text(text.format(tool=tool, address=self.address, port=self.port, inside=_INSIDE))
            (folder / name).chmod(0o700)
        return folder

    def _answers(self) -> bool:
        try:
            user, password = _INSIDE[1].encode(), _INSIDE[2].encode()  # as bytes: see drivers/ipmi.py
            command = Command(self.address, user, password, port=self.port, keepalive=False)
            command.ipmi_session.logout()
        except IpmiException:
            return False
        return True


def fru(serial: str) -> bytes:
    """An inventory in IPMI's FRU format (Platform Management FRU Information Storage Definition 1.3)."""
    chassis = _area(bytes([1, 0, 0x17]), "PART1", serial)
    board = _area(
        bytes([1, 0, 25, 0, 0, 0]), "Dell Inc.", "PowerEdge R640", f"CN{serial}" if serial else "", "0H28RR", ""
    )
    product = _area(bytes([1, 0, 25]), "Dell Inc.", "PowerEdge R640", "R640", "1.0", serial, "", "")
    places = [1, 1 + len(chassis) // 8, 1 + (len(chassis) + len(board)) // 8]  # in units of eight bytes
    head = bytes([1, 0, *places, 0, 0])
    return (head + _checksum(head) + chassis + board + product).ljust(_FRU_BYTES, b"\0")


def _area(head: bytes, *texts: str) -> bytes:
    """A part of the inventory: its fields, an end mark, its length in eight-byte units, and a checksum."""
    fields = b"".join(bytes([_LATIN | len(text)]) + text.encode("latin-1") for text in texts)
    body = head + fields + b"\xc1"
    body = body.ljust((len(body) + 8) // 8 * 8 - 1, b"\0")
    body = body[:1] + bytes([(len(body) + 1) // 8]) + body[2:]
    return body + _checksum(body)


def _checksum(data: bytes) -> bytes:
    """The byte that makes the sum of all a multiple of 256."""
    return bytes([-sum(data) % 256])
