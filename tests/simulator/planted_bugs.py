"""Plants each bug of ``planted/`` in a copy of the program, and says within how many seeds the simulation finds it.

``python -m tests.simulator.planted_bugs --seeds 2000 [NAME...]``: a row for each; ends with 1 where one is not found. A
bug is a patch of the program, never of the simulator.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLANTED = Path(__file__).with_name("planted")
_BAD = re.compile(r"^seed (\d+):", re.MULTILINE)
_RULE = re.compile(r"\(([A-Z_]+): ")


@dataclass(frozen=True)
class Bug:
    """A patch, with the reason in its first line."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def why(self) -> str:
        return self.path.read_text().partition("\n")[0]

    @property
    def changes(self) -> tuple[str, ...]:
        """The files of the program that it changes."""
        return tuple(re.findall(r"^\+\+\+ b/(\S+)", self.path.read_text(), re.MULTILINE))

    def plant(self, tree: Path) -> None:
        """Make a copy of the program with this bug."""
        for name in ("reconciler", "cluster-specs", "schemas"):
            shutil.copytree(ROOT / name, tree / name)
        subprocess.run(["git", "apply", str(self.path)], cwd=tree, check=True)


def bugs() -> tuple[Bug, ...]:
    """All of them, by name."""
    return tuple(Bug(path) for path in sorted(PLANTED.glob("*.patch")))


def sought(bug: Bug, seeds: int) -> tuple[int, str] | None:
    """The first seed in which it is found, and by which rule; None: in none of so many."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        bug.plant(tree)
        ran = subprocess.run(
            [sys.executable, "-m", "reconciler.simulator.campaign", "0", str(seeds), "--stop"],
            cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if ran.returncode == 0:
        return None
    found, rule = _BAD.search(ran.stdout), _RULE.search(ran.stdout)
    if found is None:
        raise RuntimeError(f"{bug.name} cannot be simulated:\n{ran.stdout}{ran.stderr}")
    return int(found[1]), rule[1] if rule else "an error"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=2000)
    given = parser.parse_args()
    lost = 0
    for bug in bugs():
        if given.names and bug.name not in given.names:
            continue
        found = sought(bug, given.seeds)
        lost += found is None
        told = f"seed {found[0]}, by {found[1]}" if found else f"not within {given.seeds} seeds"
        print(f"{bug.name}: {told}. {bug.why}", flush=True)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
