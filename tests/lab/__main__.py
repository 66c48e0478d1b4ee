"""``make lab``: virtual servers come up by themselves, and one sees what happens."""

import argparse
import asyncio
import contextlib
import sys
import time

from .fleet import SERVER
from .lab import Lab, VirtualServer, is_alone
from .prepare import LAB
from .scenario import StuckError, hands_free, timeline


def main() -> int:
    """Run it, and return an exit status."""
    parser = argparse.ArgumentParser(prog="make lab", description=__doc__)
    parser.add_argument("--servers", type=int, default=1, choices=range(1, 5), help="each wants 2.5 GB of memory")
    parser.add_argument("--secure-boot", action="store_true", help="UEFI with Secure Boot on; default: BIOS")
    parser.add_argument("--minutes", type=float, default=60, help="how long to wait for the last of them")
    asked = parser.parse_args()
    if not is_alone():
        parser.error("needs root and a network namespace of its own: make lab")
    lab = Lab(LAB / "runs" / time.strftime("%Y%m%d-%H%M%S"))
    print(f"Logs and consoles: {lab.folder}\nThe dashboard, inside the lab's network: http://{SERVER}/")
    return asyncio.run(_watch(lab, asked.servers, "secure" if asked.secure_boot else "bios", asked.minutes))


async def _watch(lab: Lab, count: int, firmware: str, minutes: float) -> int:
    with lab.running():
        async with contextlib.AsyncExitStack() as stack:
            servers = [
                await stack.enter_async_context(VirtualServer(lab, number + 1, firmware)) for number in range(count)
            ]
            print(f"{count} blank servers, powered off. One commit, and nothing more:", flush=True)
            try:
                courses = await hands_free(lab, servers, lambda line: print(line, flush=True), minutes)
            except StuckError as stuck:
                print(f"\n{stuck}\n\n{(lab.folder / 'timeline.txt').read_text()}", file=sys.stderr)
                return 1
            for course in courses:
                print(f"\n{course.server.serial} says:", *course.answer, sep="\n  ")
            print(f"\n{timeline(courses)}")
            return 0


if __name__ == "__main__":
    sys.exit(main())
