"""A fleet as it was observed, for simulations: its records in a database, and its servers with what is on their disks.

What an observation does not hold is made: passwords, keys and certificates are stand-ins, and so are the files of
Swift's rings. A machine that serves has what its install left there, and Puppet has run on it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..app import adopting
from ..app.directory import own_bmc_password
from ..app.plans import planned, replayed
from ..app.site import Site
from ..execution import seam
from ..model.machine import Observation
from ..model.plan import Plan, Wait
from ..model.rehearsal import WaitedFor, wants_human
from .chance import Stream
from .files import MemoryFiles
from .life import ServerState
from .meaning import Content, DiskSystem
from .observed import ObservedBody
from .observed_records import exported, simulated_fleet, words
from .observed_servers import ObservedServer, ObservedServers, SystemOnDisk
from .scenario import Scenario
from .world import Template, World

_OBSERVED = "it was observed so"
_WHO = "simulator"


class ObservedTemplate(Template):
    """What histories of an observed fleet begin with."""

    servers: tuple[ObservedServer, ...]
    waiting: tuple[WaitedFor, ...]  # machines that want a human at the beginning
    otherwise: tuple[str, ...]  # machines whose step is another one than it was, in sentences

    def __init__(self, folder: Path, scenario: Scenario, observation: Observation) -> None:
        """Make it in ``folder``."""
        self.observation = simulated_fleet(observation)
        said = ((m.serial, m.history.install.reinstall) for m in observation.machines)
        self.answered = {serial: request for serial, request in said if request is not None}
        super().__init__(folder, scenario)

    def fill(self, site: Site) -> None:
        """Write the fleet's records, and prepare its servers."""
        at, observation = site.now(), self.observation
        site.store.restore(exported(observation), at, _OBSERVED)
        for m in observation.machines:
            site.store.record(list(words(m, at)))
            if m.history.bmc.set_to is not None:
                site.store.mint((own_bmc_password(m.serial),), at)
        for cluster in observation.set_up:
            site.store.note_set_up(cluster, at)
        adopting.settle(site, as_new=True, who=_WHO, why=_OBSERVED)
        for word in observation.approvals:
            site.store.approve(word, _OBSERVED)
        site.certificates.heed_files(self.tree)
        self._mint(site)
        self.servers = tuple(ObservedServers(site, observation))
        self._compare(site)

    def _mint(self, site: Site) -> None:
        """Make stand-ins of all secrets that were there, and note since when each document is what it is."""
        unmade = {m.serial for m in self.observation.machines if m.missing_secrets}
        seen = site.observe(self.tree)
        refs = {ref for m in seen.machines if m.serial not in unmade for ref in m.missing_secrets}
        site.certificates.mint(sorted(refs, key=str))
        site.observe(self.tree)
        site.keep_documents()

    def _compare(self, site: Site) -> None:
        """Note which machines' steps are others than they were, and which want a human."""
        now = Site(site.config, lambda: self.observation.now, reading=site.reading)
        try:
            here, _ = planned(now)
            there, _ = replayed(now, replace(self.observation, base=None))
        finally:
            now.close()
        self.otherwise = tuple(_differences(there, here))
        self.waiting = tuple(
            WaitedFor(step.serial, step.reason, step.on, left=True)
            for step in here.steps
            if isinstance(step, Wait) and wants_human(step)
        )

    def build(self, world: World) -> None:
        """Put the servers into the world, with what is on their disks."""
        for one in self.servers:
            server = world.add(ObservedBody(one.hardware, one.layout), one.address, one.login)
            server.bmc_address = one.hardware.bmc_address or ""
            there = server.contents()
            for disk in one.hardware.disks:
                if disk.contents and disk.device in there:
                    kinds = tuple(str(getattr(part, "type", "unknown")) for part in disk.contents.parts)
                    there[disk.device].becomes(Content(kinds, found=disk.contents))
            if one.system is not None:
                _put(one.system, there)

    def begin(self, world: World, people: Stream) -> None:
        """Have servers do what they did, and people remember what they approved."""
        for one in self.servers:
            if one.pool is not None:
                world.tally.join(one.pool, one.hardware.serial)
            _begin(one, world)
        for word in self.observation.approvals:
            if word.statement is not None:
                world.judge.allow(word.serial, word.statement)


def _begin(one: ObservedServer, world: World) -> None:
    """Have a server do what it did."""
    serial = one.hardware.serial
    server = world.servers[serial]
    world.bmcs[serial].show(one.begins != "off")
    match one.begins:
        case "serves":
            server.stands(one.ran or world.now(), ready=one.ready)
        case "silent":
            server.state = ServerState.STUCK
        case "boots" | "live":
            world.begin(world.power(serial, on=True, device="disk" if one.begins == "boots" else "network"))
        case "off":
            pass


def _put(on: SystemOnDisk, there: Mapping[str, Content]) -> None:
    """A system lies on its disks. One that OCI installed is somebody else's for whoever wants to erase it."""
    system = DiskSystem(seam.new_uuid(), MemoryFiles(dict(on.files)), on.of_oci)
    kinds = ("gpt",) if on.of_oci else ()
    for name in (*on.disks, *on.data):
        if name in there:
            there[name].becomes(Content(kinds, system, name in on.data, there[name].found))


def _differences(there: Plan, here: Plan) -> Iterator[str]:
    """Machines of which the plan of the observation says something else than the plan of the simulated fleet."""
    before = {step.serial: step for step in there.steps}
    for step in here.steps:
        was = before.get(step.serial)
        if was is not None and (type(was), was.reason) != (type(step), step.reason):
            yield f"{step.serial} ({step.hostname or 'without a place'}): {step.reason}, and observed was {was.reason}"
