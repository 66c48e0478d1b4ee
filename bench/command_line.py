"""Whole processes, as a shell starts them: ``--help``, and ``validate`` of the fleet's tree."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from .figures import Figure, Scale, median_figure, timed
from .fleet import Fleet
from .lives import BrokenBenchError
from .sites import write_files

HELP_TARGET_MS = 300.0
VALIDATE_TARGET_SECONDS = 5.0


def measure_help(scale: Scale, folder: Path) -> list[Figure]:
    """How long a mistyped command keeps one waiting."""
    _run("--help")  # fills the disk cache, and writes byte code where there is none
    runs = timed(lambda: _run("--help"), 2 * scale.repeats + 1)
    return [median_figure("reconciler --help", runs, HELP_TARGET_MS, "ms", factor=1000)]


def measure_validate(scale: Scale, folder: Path) -> list[Figure]:
    """A tree in which one machine in ten has a document, and one in which each has."""
    figures = []
    for name, named_every in (("validate", 10), ("validate, a document per machine", 1)):
        files = Fleet(scale).spec_files(named_every)
        specs = folder / name.replace(", ", "-").replace(" ", "-")
        write_files(specs, files)
        runs = timed(partial(_run, "--specs", str(specs), "validate"), scale.repeats)
        size = sum(map(len, files.values()))
        figures.append(median_figure(name, runs, VALIDATE_TARGET_SECONDS, bytes=size, files=len(files)))
    return figures


def _run(*arguments: str) -> None:
    done = subprocess.run([Path(sys.executable).with_name("reconciler"), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise BrokenBenchError(f"reconciler {' '.join(arguments)} failed: {done.stderr or done.stdout}")
