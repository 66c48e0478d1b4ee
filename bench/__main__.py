"""``python -m bench [NAME...] [--scale full|small]``: measure, print a table, keep it as JSON."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import command_line, daemon, growth, planning, serving
from .figures import ROOT, SCALES, Bench, Figure, as_json

BENCHES: Mapping[str, Bench] = {
    "plan": planning.measure,
    "pass": daemon.measure_pass,
    "growth": growth.measure,
    "validate": command_line.measure_validate,
    "enc": serving.measure_enc,
    "reports": serving.measure_reports,
    "help": command_line.measure_help,
    "memory": daemon.measure_memory,
}


def main(arguments: Sequence[str]) -> int:
    """0 when everything could be measured, whether or not the figures please."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what the project promises.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(BENCHES)}")
    parser.add_argument("--scale", choices=SCALES, default="full", help="small: to try the benchmarks themselves")
    parser.add_argument("--output", type=Path, default=ROOT / "var/bench.json", metavar="FILE")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(BENCHES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    scale = SCALES[given.scale]
    given.output.parent.mkdir(parents=True, exist_ok=True)
    # Beside the output, and not below /tmp, which may be memory: durable writes are to meet a disk.
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=given.output.parent.absolute()))
    console, figures = Console(stderr=True, highlight=False), list[Figure]()
    try:
        for name in given.names or BENCHES:
            with console.status(f"measuring {name}"):
                figures += BENCHES[name](scale, folder / name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    given.output.write_text(as_json(figures, scale))
    Console(highlight=False).print(table(figures, scale.name))
    return 0


def table(figures: Sequence[Figure], scale: str) -> Table:
    """For people."""
    found = Table(title=None if scale == "full" else f"at scale {scale}: the targets are for the full one")
    found.add_column("figure")
    for name in ("target", "measured", "met"):
        found.add_column(name, justify="right")
    for figure in figures:
        bound = "≥" if figure.at_least else "≤"
        found.add_row(
            figure.name,
            f"{bound} {figure.target:,.5g} {figure.unit}",
            f"{figure.measured:,.5g} {figure.unit}",
            "yes" if figure.met else "NO",
        )
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
