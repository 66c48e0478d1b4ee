"""``make cloud``, ``make cloud-check``, ``make cloud-down``: a commit, and then nothing but looking."""

import argparse
import os
import shutil
import sys
import time

from . import archive, fleet, keeper, roots
from .places import WORK


def main() -> int:
    """Do what is asked, and return an exit status."""
    parser = argparse.ArgumentParser(prog="make cloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help_ in (
        ("rack", "servers that are off"),
        ("up", "bring it up"),
        ("check", "ask it"),
        ("down", "end it"),
    ):
        one = commands.add_parser(name, help=help_)
        if name in ("rack", "up"):
            one.add_argument("--kind", choices=list(fleet.KINDS), default="swift")
    asked = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("needs root")
    if asked.command == "down":
        return down()
    if asked.command == "rack":
        return rack(asked.kind)
    return 1


def rack(kind: str) -> int:
    """Make what is missing, and start all but the servers."""
    down()
    status = roots.main()
    if status:
        return status
    folder = WORK / "runs" / time.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True)
    keeper.start(folder, archive.folder(), kind)
    return 0


def down() -> int:
    """End it; its logs stay, its disks go."""
    keeper.stop()
    for servers in WORK.glob("runs/*/servers"):
        shutil.rmtree(servers)
    for root in WORK.glob("runs/*/puppet"):
        shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
