"""From a blank server to one that answers under its name, and when what was seen on the way."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .fleet import SWITCH
from .lab import Lab, VirtualServer

Machine = dict[str, Any]
"""What the daemon's API says of a machine; empty: nothing yet."""
Seen = Callable[[VirtualServer, Machine], bool]
Say = Callable[[str], None]

LINUX, GRUB = "Linux version", "GRUB"


class StuckError(Exception):
    """A server did not get as far as it should have by itself."""


def _reports(machine: Machine) -> Any:
    """What it last said of itself; None: nothing yet."""
    return machine["known"]["seen"] if machine else None


def _history(machine: Machine, name: str) -> Any:
    return machine["known"]["history"][name] if machine else None


def _sees_its_port(server: VirtualServer, machine: Machine) -> bool:
    nics = seen["hardware"]["nics"] if (seen := _reports(machine)) else ()
    return (server.mac, SWITCH, server.ports[0]) in {(nic["mac"], nic["switch"], nic["port"]) for nic in nics}


def _starts(server: VirtualServer) -> int:
    return server.console.count(LINUX)


ANSWERS = "answers over SSH under its name"
LAST = "its first Puppet run was good: in service"

STEPS: tuple[tuple[str, Seen], ...] = (
    ("powered on through its BMC", lambda server, machine: server.is_on),
    ("booted from the network: the live system's kernel starts", lambda server, machine: _starts(server) >= 1),
    ("first report", lambda server, machine: bool(_reports(machine))),
    ("its switch and port are known", _sees_its_port),
    ("has a role, a name and an address", lambda server, machine: bool(machine and machine["hostname"])),
    ("its BMC has a login of our own", lambda server, machine: bool(_history(machine, "bmc"))),
    ("install begins", lambda server, machine: bool(_history(machine, "install_begun"))),
    ("installed", lambda server, machine: bool(machine and machine["phase"] == "installed")),
    ("booted from its disk: the installed system's kernel starts", lambda server, machine: _starts(server) >= 2),
    (ANSWERS, lambda server, machine: False),  # it is asked for that
    (LAST, lambda server, machine: bool(machine and machine["phase"] == "in-service")),
)
"""What the world shows, in the order in which it should."""


@dataclass
class Course:
    """How far one server is."""

    lab: Lab
    server: VirtualServer
    say: Say
    began: float
    seen: dict[str, float] = field(default_factory=dict)  # step -> seconds since the commit
    told: str = ""
    answer: list[str] = field(default_factory=list)  # what the installed system said
    address: str = ""  # of the installed system

    async def run(self, minutes: float) -> None:
        """Watch until it is in service, and has answered.

        Raises:
            StuckError: It asks for a human, or the time is over.
        """
        deadline = time.monotonic() + minutes * 60
        while not (self.answer and LAST in self.seen):
            machine = await asyncio.to_thread(self.lab.machine, self.server.serial)
            for name, seen in STEPS:
                if name not in self.seen and seen(self.server, machine):
                    self._note(name)
            self._progress(machine)
            if not self.answer and _starts(self.server) >= 2:
                await self._ask(machine)
            if time.monotonic() > deadline:
                raise self._stuck(f"{minutes:.0f} minutes are over", machine)
            if machine and (machine["needs_approval"] or " an operator" in f" {machine['because']}"):
                raise self._stuck("it asks for a human", machine)
            await asyncio.sleep(1)

    async def _ask(self, machine: Machine) -> None:
        self.address = machine["address"]
        command = "hostname --fqdn && cat /sys/class/dmi/id/product_serial /proc/version "
        command += "&& lsblk --inverse --noheadings --output SERIAL $(findmnt -no SOURCE /) | sort --unique"
        said = await asyncio.to_thread(self.lab.on_node, machine["hostname"], self.address, command)
        if said:
            self.answer = [line.strip() for line in said.splitlines() if line.strip()]
            self._note(ANSWERS)

    def _note(self, step: str) -> None:
        self.seen[step] = round(time.monotonic() - self.began, 1)
        self.say(f"{self.server.serial} {self.seen[step]:7.1f} s  {step}")
        (self.server.folder / "timeline.json").write_text(json.dumps(self.seen, indent=1) + "\n")

    def _progress(self, machine: Machine) -> None:
        told = (machine["progress"] or machine["because"]) if machine else ""
        if told and told != self.told:
            self.told = told
            self.say(f"{self.server.serial} {time.monotonic() - self.began:7.1f} s    ... {told}")

    def _stuck(self, why: str, machine: Machine) -> StuckError:
        last = list(self.seen)[-1] if self.seen else "nothing"
        return StuckError(
            f"{self.server.serial}: {why}. The last that was seen: {last}. The daemon says: {machine.get('because')}; "
            f"{machine.get('last_error')}. Its console ends so:\n{self.server.console[-3000:]}"
        )


async def hands_free(lab: Lab, servers: Iterable[VirtualServer], say: Say, minutes: float) -> list[Course]:
    """One commit, and then nothing but looking.

    Raises:
        StuckError: One of them did not come up by itself.
    """
    here = list(servers)
    await asyncio.to_thread(lab.ask_for, here)
    began = time.monotonic()
    courses = [Course(lab, server, say, began) for server in here]
    try:
        async with asyncio.TaskGroup() as group:
            for course in courses:
                group.create_task(course.run(minutes))
    except* StuckError as stuck:
        raise StuckError("\n".join(str(error) for error in stuck.exceptions)) from None
    finally:
        (lab.folder / "timeline.txt").write_text(timeline(courses))
    return courses


def timeline(courses: Iterable[Course]) -> str:
    """When what was seen, as a table: seconds since the commit, and since the step before."""
    lines = []
    for course in courses:
        lines.append(f"{course.server.serial} ({course.server.firmware})")
        before = 0.0
        for step, at in course.seen.items():
            lines.append(f"{at:9.1f} s {at - before:+8.1f}  {step}")
            before = at
    return "\n".join([*lines, ""])
