"""Disks that are files: loop devices of this machine."""

import subprocess
from pathlib import Path


class NoLoopDevicesError(Exception):
    """This kernel, or this container, has none to give."""


def attach(shown: Path | str, *options: object, megabytes: int | None = None) -> str:
    """A device that shows a file, or with options a part of a device; a file of ``megabytes`` is made first.

    Raises:
        NoLoopDevicesError: There are none here.
    """
    if megabytes is not None:
        with Path(shown).open("wb") as file:
            file.truncate(megabytes * 2**20)
    command = ["losetup", "--find", "--show", *map(str, options), str(shown)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoLoopDevicesError(done.stderr)
    return done.stdout.strip()


def detach(*devices: str) -> None:
    """Give them back; one that is gone already is no problem."""
    for device in devices:
        subprocess.run(["losetup", "--detach", device], check=False)


def showing(*shown: Path | str) -> list[str]:
    """The devices that show these files or devices. Others, of other tests, come and go."""
    command = ["losetup", "--noheadings", "--output", "NAME", "--associated"]
    told = [subprocess.run([*command, str(one)], capture_output=True, text=True, check=True).stdout for one in shown]
    return sorted(device for lines in told for device in lines.split())
