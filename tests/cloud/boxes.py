"""Machines and switches that are namespaces: of network, mounts, processes and hostname.

A ``Box`` has this system's own files, a ``Container`` boots others. A ``World`` holds them all: whatever is started in
it reaches nothing else, and ends with it.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ..lab.lab import run
from ..waiting import until
from . import nspawn, overlay
from .containers import HARDWARE

OUTSIDE = "outside"
"""The name of a world's own network namespace."""

_WORLD = """\
mount -t tmpfs tmpfs /run
mkdir /run/netns
ip link set lo up
ip netns attach "$1" $$
sleep infinity &
echo ready
wait
"""
_BOX = """\
hostname "$1"
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/tmp
mount -t sysfs sysfs /sys
mkdir /run/frr /run/lldpd /run/network
chown frr:frr /run/frr
for bound in "$2"/etc/*; do
    if [ -e "$bound" ]; then mount --bind "$bound" "/etc/${bound##*/}"; fi
done
if [ -e "$2/firmware" ]; then mount --bind "$2/firmware" /sys/firmware; fi
if [ -e "$2/hardware" ]; then mkdir "$3"; mount --bind "$2/hardware" "$3"; fi
ip link set lo up
sleep infinity &
echo ready
wait
"""
"""What is below the box's ``etc`` lies over this system's. The shell waits for ever, and buries what has ended."""


class World:
    """Namespaces of network, mounts and processes, in which boxes are."""

    def __init__(self, log: Path) -> None:
        """A world that ends with the calling thread, if not before.

        Args:
            log: What its processes complain about goes to the end of this file.
        """
        self._log, self._started = log, list[subprocess.Popen[bytes]]()
        alone = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        command = ("setpriv", "--pdeathsig=KILL", *alone, "sh", "-ec", _WORLD, "sh", OUTSIDE)
        self._holder, self._first = self.begin_ready(*command)

    @property
    def enter(self) -> tuple[str, ...]:
        """What to put before a command that is to run in it."""
        return ("nsenter", f"--target={self._first}", "--net", "--mount", "--pid", f"--wdns={Path.cwd()}")

    def run(self, *command: str) -> str:
        """What a command prints in it; it must succeed."""
        return run(*self.enter, *command)

    def begin(self, *command: str, output: int | None = None) -> "subprocess.Popen[bytes]":
        """A process that goes on, and ends with the world at the latest."""
        with self._log.open("ab") as log:
            started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output or log, stderr=log)
        self._started.append(started)
        return started

    def begin_ready(self, *command: str) -> "tuple[subprocess.Popen[bytes], int]":
        """A command that makes namespaces, and process 1 in them as this side sees it, once it has said ``ready``.

        Raises:
            RuntimeError: It ended instead.
        """
        process = self.begin(*command, output=subprocess.PIPE)
        assert process.stdout is not None
        with process.stdout as said:
            if said.readline() != b"ready\n":
                raise RuntimeError(f"{command} ended with {process.wait()}: {self._log.read_text()[-2000:]}")
        return process, first_in(process)

    def end(self) -> None:
        """Nothing of it is left afterwards."""
        self._holder.kill()
        for process in self._started:
            process.wait()


def first_in(process: "subprocess.Popen[bytes]") -> int:
    """Process 1 in the namespace of processes that a command makes, as this side sees it."""
    found: int = until(f"{process.args!r} makes a namespace", lambda: _first_below(process.pid))
    return found


def _first_below(process: int) -> int | None:
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        if _numbers(int(child))[-1:] == ["1"]:
            return int(child)
        if (found := _first_below(int(child))) is not None:
            return found
    return None


def _numbers(process: int) -> list[str]:
    """A process's numbers, in this namespace of processes and in every one below."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except FileNotFoundError:  # it ended
        return []
    return next(line.split()[1:] for line in lines if line.startswith("NSpid:"))


@contextlib.contextmanager
def world(log: Path) -> Iterator[World]:
    """An empty one, until the block ends."""
    made = World(log)
    try:
        yield made
    finally:
        made.end()


class Box:
    """One machine or switch. Its network namespace, which has its name, is there before it is started."""

    def __init__(self, world: World, name: str, folder: Path) -> None:
        """One that is not started.

        Args:
            world: Where it is.
            name: Of its network namespace, and its hostname.
            folder: What it has of its own, where that is there: ``etc``, ``hardware``, ``firmware``.
        """
        self._world, self.name, self.folder = world, name, folder
        self._process: subprocess.Popen[bytes] | None = None
        self._first = 0

    def start(self) -> None:
        """Its namespaces, in which nothing runs yet."""
        into = (*self._world.enter, "nsenter", f"--net=/run/netns/{self.name}")
        alone = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
        self._process, self._first = self._world.begin_ready(
            *into, *alone, "sh", "-ec", _BOX, "sh", self.name, str(self.folder), HARDWARE
        )

    def cut(self) -> None:
        """End it as a cut of the power does: every process in it at once, and nothing is told."""
        if self._process is not None:
            run("kill", "-KILL", str(self._first))
            self._process.wait()
            self._process = None

    def run(self, *words: str) -> str:
        """What a command prints in it; it must succeed."""
        return run(*self._command(*words))

    def attempt(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """A command that may fail."""
        return subprocess.run(self._command(*words), capture_output=True, text=True, check=False)

    def speak_lldp(self, ports: str) -> None:
        """Tell neighbours at these ports its name and theirs, and hear what they tell.

        Args:
            ports: As lldpd's option ``-I`` takes them.
        """
        self._world.begin(*self._command("lldpd", "-d", "-I", ports))
        until(f"lldpd on {self.name} answers", lambda: self.attempt("lldpcli", "show", "configuration").returncode == 0)
        for words in (
            ("configure", "system", "hostname", self.name),
            ("configure", "lldp", "portidsubtype", "ifname"),
            ("configure", "lldp", "tx-interval", "2"),
            ("resume",),  # it pauses while it begins
        ):
            self.run("lldpcli", *words)

    def _command(self, *words: str) -> list[str]:
        into = ("--net", "--mount", "--uts", "--pid", "--root", "--wd")
        return ["nsenter", f"--target={self._first}", *into, *words]


class Container(Box):
    """A machine that boots Debian with systemd: an image's files, and over them its own, which are lost with it."""

    def __init__(self, world: World, name: str, folder: Path, image: Path) -> None:
        """One that is not started.

        Args:
            world: Where it is.
            name: Of its network namespace.
            folder: Where its own files are, and ``hardware`` and ``firmware``, which it sees in their places.
            image: The root that it boots from.
        """
        super().__init__(world, name, folder)
        self._image = image

    @property
    def root(self) -> Path:
        """Where all its files are, inside the world."""
        return self.folder / "root"

    def lay_out(self) -> None:
        """Its files, as the image has them."""
        overlay.lay(self._image, self.folder, self._world.run)

    def start(self) -> None:
        """Boot it."""
        seen = (f"--bind-ro={self.folder}/hardware:{HARDWARE}", f"--bind-ro={self.folder}/firmware:/sys/firmware")
        self._process = self._world.begin(*self._world.enter, *nspawn.command(self.root, self.name, *seen))
        self._first = first_in(self._process)
