"""Holds a cloud up: ``python -m tests.cloud.keeper FOLDER IMAGES KIND DESCRIPTOR``, as process 1 of its namespaces.

``start`` makes those namespaces, of network, mounts and processes. When this process ends, the kernel ends all that
lives in them. What no namespace holds, the loop devices, ``stop`` gives back.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ..lab.lab import run
from . import network
from .cloud import Cloud
from .places import WORK

PID, READY = WORK / "keeper.pid", WORK / "ready.json"
ALONE = ("unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc")
"""Namespaces of network, mounts and processes; what lives in them ends with this command."""
_ENDS = 120.0  # seconds


def start(folder: Path, images: Path, kind: str) -> None:
    """Start one, which goes on when the calling process ends; return once its servers are racked.

    Raises:
        RuntimeError: It ended instead.
    """
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)
    command = [*ALONE, sys.executable, "-m", "tests.cloud.keeper", str(folder), str(images), kind, str(outside)]
    with (WORK / "keeper.log").open("wb") as log:
        started = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[outside], start_new_session=True
        )
    os.close(outside)
    PID.write_text(f"{started.pid}\n")
    while not READY.exists():
        if started.poll() is not None:
            raise RuntimeError(f"the cloud's keeper ended:\n{(WORK / 'keeper.log').read_text()[-3000:]}")
        time.sleep(0.5)


def stop() -> None:
    """End it, and all that it holds."""
    if (inside := process()) is not None:
        os.kill(inside, signal.SIGTERM)
        deadline = time.monotonic() + _ENDS
        while process() is not None and time.monotonic() < deadline:
            time.sleep(0.2)
        if (left := process()) is not None:
            os.kill(left, signal.SIGKILL)
    PID.unlink(missing_ok=True)
    READY.unlink(missing_ok=True)
    for device in _left():
        subprocess.run(["losetup", "--detach", device], check=False)


def process() -> int | None:
    """The keeper's process, as this side sees it; None: there is none."""
    if not PID.exists():
        return None
    children = Path(f"/proc/{PID.read_text().strip()}/task/{PID.read_text().strip()}/children")
    try:
        (child,) = children.read_text().split()
        return int(child)
    except (FileNotFoundError, ValueError):
        return None


def running() -> tuple[Cloud, dict[str, str]]:
    """The cloud that is held up, and the address of each server's BMC by serial.

    Raises:
        FileNotFoundError: There is none.
    """
    ready = json.loads(READY.read_text())
    return Cloud(Path(ready["folder"]), images=Path(ready["images"]), kind=ready["kind"]), ready["bmcs"]


def inside(*command: str) -> int:
    """Run a command where the cloud is, and return its exit status.

    Raises:
        RuntimeError: There is no cloud.
    """
    if (found := process()) is None:
        raise RuntimeError("there is no cloud: make cloud")
    into = ["nsenter", f"--target={found}", "--net", "--mount", "--pid", f"--wdns={Path.cwd()}"]
    return subprocess.run([*into, *command], check=False).returncode


def _left() -> list[str]:
    """Loop devices that show files of the cloud."""
    told = json.loads(run("losetup", "--list", "--json") or '{"loopdevices": []}')
    return [str(each["name"]) for each in told["loopdevices"] if str(each["back-file"]).startswith(f"{WORK}/")]


async def _keep(cloud: Cloud, outside: int) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    cloud.lay_out()
    network.lay()
    with cloud.serving(outside):
        async with cloud.servers() as machines:
            racked = {machine.serial: machine.bmc.address for machine in machines}
            ready = {"folder": str(cloud.folder), "images": str(cloud.images), "kind": cloud.kind, "bmcs": racked}
            READY.with_suffix(".new").write_text(json.dumps(ready))
            READY.with_suffix(".new").replace(READY)
            await ended.wait()


if __name__ == "__main__":
    _folder, _images, _kind, _outside = sys.argv[1:]
    asyncio.run(_keep(Cloud(Path(_folder), images=Path(_images), kind=_kind), int(_outside)))
