"""The services of a simulated node without programs: what the look at them would print.

The words of the look say which services are asked, and of each is known whether it is up.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..model.gates import GATES, GateName
from ..model.rings import md5_of
from ..model.roles import facts_of
from ..provisioning import commands, look, ring_files
from .files import MemoryFiles

_DOWN = {
    GateName.PORTS: "nothing listens",
    GateName.FAILED_UNITS: "none",
}
"""What a gate says while services are down, where that is not "no answer"."""


@dataclass
class MemoryServices:
    """What Puppet made on one server, and whether it is up."""

    files: Callable[[], MemoryFiles]  # of the installed system
    peers: Callable[[str], int]  # how many nodes of a role have their services up
    role: str | None = None
    cluster: str = ""
    is_up: bool = False
    stays_down: bool = False  # they do not come up before Puppet has made them anew
    changed: Callable[[], None] = lambda: None  # told when they are up, or down
    broken: set[str] = field(default_factory=set)  # units, or ``keystone``, ``swift``, ``ports``

    def configure(self, role: str, cluster: str = "") -> None:
        """Puppet has succeeded on a node of this role."""
        self.role, self.cluster, self.stays_down = role, cluster, False
        if facts_of(role).leads:
            self.files().write(commands.ADMINISTRATOR_FILE, "export OS_USERNAME='admin'\n")

    def start(self) -> None:
        """They are up, all but those that are broken."""
        self.is_up = not self.stays_down
        self.changed()

    def stop(self) -> None:
        """They are down, with the system."""
        self.is_up = False
        self.changed()

    async def run(self, command: str) -> tuple[int, str]:
        """What the look at services prints."""
        words = look.words_of_look(command)
        if words is None:
            return 0, ""  # the classes that Puppet applied are not known
        said = (f"{json.dumps({'gate': gate, 'value': value})}\n" for word in words for gate, value in self._says(word))
        return 0, "".join(said)

    def _says(self, word: str) -> Iterator[tuple[str, str]]:
        """What one word of the look asks for, and gates that are read along with it."""
        name, _, about = word.partition(":")
        gate = GateName(name)
        for each in (gate, *(other for other, read_with in look.READ_WITH.items() if read_with is gate)):
            yield str(each), self._value(each, about)

    def _value(self, gate: GateName, about: str) -> str:
        if gate is GateName.SWIFT_RINGS:
            return self._rings(about)
        if gate is GateName.UNITS:
            down = [unit for unit in about.split(",") if not self.is_up or unit in self.broken]
            return ", ".join(f"{unit} is inactive" for unit in down) or "all active"
        opens_at = GATES[gate].opens_at
        if not self.is_up:
            return _DOWN.get(gate, "no answer")
        return str(opens_at) if opens_at is not None else str(self.peers(self.role or ""))

    def _rings(self, about: str) -> str:
        wanted = [word.partition("=")[::2] for word in about.split(",") if word]
        wanted = wanted or [(ring, "") for ring in ("account", "container", "object")]
        there = self.files().content
        found = {ring: there.get(ring_files.ring_path(ring)) for ring, _ in wanted}
        bad = [ring for ring, md5 in wanted if (text := found[ring]) is None or (md5 and md5_of(text) != md5)]
        return f"{', '.join(bad)} differ" if bad else str(GATES[GateName.SWIFT_RINGS].opens_at)
