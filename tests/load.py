"""Runs the tests marked ``waits`` again and again, beside loops that keep the processors busy (``make test-load``).

A test that depends on how fast the machine is fails here, sooner or later.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LOOP = [sys.executable, "-c", "import os; ours = os.getppid()\nwhile os.getppid() == ours: pass"]
"""It ends with who started it, however that ended."""


@contextmanager
def busy(loops: int) -> Iterator[None]:
    running = [subprocess.Popen(LOOP) for _ in range(loops)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def main() -> int:
    """How many of the rounds failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--loops", type=int, default=4)
    asked, more = parser.parse_known_args()
    command = [sys.executable, "-m", "pytest", "--quiet", "-m", "waits and not puppet and not live", *more]
    failed = []
    with busy(asked.loops):
        for number in range(1, asked.times + 1):
            print(f"Round {number} of {asked.times}", flush=True)
            if subprocess.run(command, check=False).returncode:
                failed.append(number)
    print(f"{len(failed)} of {asked.times} rounds failed: {failed}" if failed else f"All {asked.times} rounds passed.")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
