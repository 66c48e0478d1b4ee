"""``python -m tests.cloud.scenario MINUTES``, inside the cloud's namespaces: one commit, and then nothing but looking.

Every step is printed when it is seen, and kept with the memory that all processes of the cloud have at that moment.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..lab.scenario import StuckError
from . import checks, fleet
from .cloud import Cloud
from .keeper import running

TIMELINE = "timeline.json"
"""In the folder of a run."""

Known = dict[str, Any]
"""What the daemon's API says of a machine; empty: nothing yet."""

STEPS: tuple[tuple[str, Callable[[Known], bool]], ...] = (
    ("first report", lambda machine: bool(machine and machine["known"]["seen"])),
    ("has a role, a name and an address", lambda machine: bool(machine and machine["hostname"])),
    ("install begins", lambda machine: bool(machine and machine["known"]["history"]["install_begun"])),
    ("installed", lambda machine: bool(machine and machine["phase"] in ("installed", "in-service"))),
    ("in service: its first Puppet run was good", lambda machine: bool(machine and machine["phase"] == "in-service")),
)
"""What is seen of each server, in the order in which it should."""


class Seen(NamedTuple):
    """Something that the world has shown."""

    what: str
    seconds: float  # since the commit
    memory: int  # MiB of all processes of the cloud


@dataclass
class Timeline:
    """What was seen when."""

    file: Path
    began: float = field(default_factory=time.monotonic)
    seen: list[Seen] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Say it, and keep it."""
        took, memory = round(time.monotonic() - self.began, 1), used_memory()
        self.seen.append(Seen(what, took, memory))
        print(f"{took:8.1f} s {memory:7d} MiB  {what}", flush=True)
        self.file.write_text(json.dumps(self.seen, indent=1) + "\n")


def load_timeline(folder: Path) -> list[Seen]:
    """Of a run, in the order in which it was seen."""
    return [Seen(*each) for each in json.loads((folder / TIMELINE).read_text())]


def table(seen: Iterable[Seen]) -> str:
    """Seconds since the commit and since the step before, and MiB, of every step."""
    lines, before = [], 0.0
    for each in seen:
        lines.append(f"{each.seconds:9.1f} s {each.seconds - before:+8.1f} {each.memory:7d} MiB  {each.what}")
        before = each.seconds
    return "\n".join([*lines, ""])


def used_memory() -> int:
    """MiB of all processes of the cloud, what several share divided among them."""
    total = 0
    for process in Path("/proc").glob("[0-9]*/smaps_rollup"):
        try:
            lines = process.read_text().splitlines()
        except OSError:  # it ended
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total // 1024


@dataclass
class Bringup:
    """From the commit to a cloud that answers."""

    cloud: Cloud
    bmcs: dict[str, str]  # serial -> address
    timeline: Timeline
    told: dict[str, str] = field(default_factory=dict)

    def run(self, minutes: float) -> None:
        """Watch until all that is asked for answers.

        Raises:
            StuckError: It asks for a human, or the time is over.
        """
        deadline = time.monotonic() + minutes * 60
        left = [(serial, *step) for step in STEPS for serial in self.bmcs]
        answers = list(checks.of(self.cloud))
        while left or answers:
            machines = {serial: self.cloud.machine(serial) for serial in self.bmcs}
            left = [each for each in left if not self._sees(machines[each[0]], *each)]
            answers = [each for each in answers if not self._answers(each)]
            self._progress(machines)
            if time.monotonic() > deadline:
                missing = [f"{serial}: {what}" for serial, what, _ in left] + [each.name for each in answers]
                raise StuckError(f"{minutes:.0f} minutes are over, and not seen: {'; '.join(missing)}")
            time.sleep(2)

    def _sees(self, machine: Known, serial: str, what: str, seen: Callable[[Known], bool]) -> bool:
        if not seen(machine):
            return False
        self.timeline.note(f"{machine['hostname'] or serial}: {what}")
        return True

    def _answers(self, check: checks.Check) -> bool:
        if check.problem() is not None:
            return False
        self.timeline.note(check.name)
        return True

    def _progress(self, machines: dict[str, Known]) -> None:
        for serial, machine in machines.items():
            told = (machine["progress"] or machine["because"]) if machine else ""
            if told and told != self.told.get(serial):
                self.told[serial] = told
                print(f"{time.monotonic() - self.timeline.began:8.1f} s              {serial} ... {told}", flush=True)


def _pins(bmcs: dict[str, str]) -> Iterator[fleet.Pin]:
    for serial, address in sorted(bmcs.items()):
        yield fleet.Pin(serial, address)


def main(minutes: float) -> int:
    """Commit, watch, and return an exit status."""
    cloud, bmcs = running()
    cloud.commit("cloud.yaml", fleet.commit(fleet.KINDS[cloud.kind], _pins(bmcs)), "Ask for a cloud")
    try:
        Bringup(cloud, bmcs, Timeline(cloud.folder / TIMELINE)).run(minutes)
    except StuckError as stuck:
        print(f"\n{stuck}", file=sys.stderr)
        return 1
    print(f"\n{table(load_timeline(cloud.folder))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
