"""``make cloud``, ``make cloud-check``, ``make cloud-down``: a commit, and then nothing but looking."""

import argparse
import os
import shutil
import sys
import time

from . import archive, fleet, keeper, roots, scenario
from .places import WORK


def main() -> int:
    """Do what is asked, and return an exit status."""
    parser = argparse.ArgumentParser(prog="make cloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help_ in (("rack", "servers that are off"), ("up", "a cloud that answers")):
        one = commands.add_parser(name, help=help_)
        one.add_argument("--kind", choices=list(fleet.KINDS), default="swift")
        one.add_argument("--minutes", type=float, default=90, help="how long to wait for the last of it")
    commands.add_parser("check", help="ask it")
    commands.add_parser("down", help="end it")
    asked = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("needs root")
    if asked.command in ("rack", "up"):
        status = rack(asked.kind)
        return status or (up(asked.minutes) if asked.command == "up" else 0)
    return {"check": check, "down": down}[asked.command]()


def rack(kind: str) -> int:
    """Make what is missing, and start all that is there before the commit."""
    down()
    if status := roots.main():
        return status
    folder = WORK / "runs" / time.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True)
    print(f"Logs and consoles: {folder}", flush=True)
    keeper.start(folder, archive.folder(), kind)
    return 0


def up(minutes: float) -> int:
    """One commit, and nothing more."""
    return keeper.inside(sys.executable, "-m", "tests.cloud.scenario", str(minutes))


def check() -> int:
    """Ask all questions once, and have Tempest ask its own."""
    asked = [keeper.inside(sys.executable, "-m", f"tests.cloud.{name}") for name in ("checks", "tempest")]
    return max(asked)


def timeline() -> list[scenario.Seen]:
    """Of the last run."""
    return scenario.load_timeline(max((WORK / "runs").iterdir()))


def down() -> int:
    """End it; its logs stay, its disks go."""
    keeper.stop()
    for folder in (*WORK.glob("runs/*/servers"), *WORK.glob("runs/*/puppet")):
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
