"""Asks machines over SSH what they are, for who takes them into service by their own words."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..execution.ports import Shell, Shells
from ..model.disk_id import DiskId
from ..model.epoch import Epoch
from ..model.errors import PermanentError, TemporaryError
from ..model.history import Phase
from ..model.machine import MachineView, Observation, Pause
from ..model.tree import SpecTree
from ..planning.adopting import Becomes, Outcome, Silence, Word, outcomes
from ..provisioning import commands, puppet_runs
from ..provisioning.addresses import READ_ADDRESSES, parse_addresses
from .site import Site

AT_ONCE = 32
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Which:
    """The machines that an operator means."""

    machines: tuple[str, ...] = ()  # serials, hostnames, ``cluster:NAME``; none: all in doubt
    fleet: str | None = None  # whose installs are taken over, beside this site's own


EVERYBODY = Which()


def asked_at(m: MachineView) -> tuple[str, ...]:
    """Where a machine may be: at the address that it was given, or where it last called from."""
    places = (m.allocation.address if m.allocation else None, m.seen.address if m.seen else None)
    return tuple(dict.fromkeys(place for place in places if place))


def whom_to_ask(observed: Observation, among: Collection[str] | None = None) -> Mapping[str, tuple[str, ...]]:
    """Every machine that the database may be wrong about: all while it only looks, else those without a place.

    Args:
        observed: What the database knows.
        among: Serials that were named; these are asked in any case. None: none were.
    """
    everybody = observed.observing is not None
    return {
        m.serial: asked_at(m)
        for m in observed.machines
        if (m.serial in among if among is not None else everybody or _has_nothing(m))
    }


def _has_nothing(m: MachineView) -> bool:
    return m.allocation is None and m.history.phase is Phase.DISCOVERED


def named(observed: Observation, what: Iterable[str]) -> frozenset[str]:
    """The serials of machines, each named by its serial, its hostname, or ``cluster:NAME``.

    Raises:
        PermanentError: Nothing is called so.
    """
    found: set[str] = set()
    for word in what:
        cluster = word.removeprefix("cluster:") if word.startswith("cluster:") else None
        here = {m.serial for m in observed.machines if _is_called(m, word, cluster)}
        if not here:
            raise PermanentError(f'"{word}" is no machine of this database, nor the "cluster:NAME" of one')
        found |= here
    return frozenset(found)


def _is_called(m: MachineView, word: str, cluster: str | None) -> bool:
    if cluster is not None:
        return m.allocation is not None and m.allocation.cluster == cluster
    return word == m.serial or (m.allocation is not None and word == m.allocation.hostname)


async def hear(
    shells: Shells, known: Mapping[str, tuple[str, ...]], besides: Iterable[str] = ()
) -> Mapping[str, Word | Silence]:
    """What each machine says, by serial; an address in its place where nobody says who is there.

    Args:
        shells: Open connections.
        known: Serials, each with the addresses at which it may be.
        besides: More addresses, of whatever machine.
    """
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(serial: str | None, address: str) -> Word | Silence:
        async with slots:
            return await _at(shells, serial, address)

    async def first(serial: str, addresses: tuple[str, ...]) -> tuple[str, Word | Silence]:
        word: Word | Silence = Silence("nobody knows an address of it")
        for address in addresses:
            word = await one(serial, address)
            if isinstance(word, Word) or word.answers:
                break
        return serial, word

    async def whoever(address: str) -> tuple[str, Word | Silence]:
        word = await one(None, address)
        return (word.serial if isinstance(word, Word) else address), word

    found = dict(await asyncio.gather(*(first(*each) for each in known.items())))
    for name, word in await asyncio.gather(*map(whoever, besides)):
        if isinstance(word, Word) or name not in found:
            found[name] = word
    return found


async def _at(shells: Shells, serial: str | None, address: str) -> Word | Silence:
    """What the machine at an address says; ``serial``: the one that is meant to be there."""
    try:
        shell = await shells.meet(address)
        try:
            return await _said(shell, serial, address)
        finally:
            await shell.close()
    except (PermanentError, TemporaryError) as error:
        return Silence(str(error))


async def _said(shell: Shell, serial: str | None, address: str) -> Word | Silence:
    """The word of the installed system behind a shell; a silence where it is none of ours, or another machine's.

    Args:
        shell: Open at the address.
        serial: Of the machine that is expected there; None: any.
        address: Named in the sentences.
    """

    async def ask(command: str) -> str | None:
        ran = await shell.run(command, timeout=ANSWER_SECONDS)
        return ran.stdout if ran.status == 0 else None

    serials = commands.serials_in(await ask(commands.READ_SERIAL) or "")
    if serial is not None and serial not in serials:
        return Silence(f"another machine answers at {address}: its serials are {', '.join(sorted(serials)) or 'none'}")
    text = await ask(commands.READ_MARKER)
    try:
        if text is not None:
            ended = await ask(puppet_runs.FIRST_BOOT_IS_TO_END) is None
            word = _of_record(serial, serials, address, commands.parse_marker(text), await ask(READ_ADDRESSES))
            return replace(word, first_boot_ended=ended) if isinstance(word, Word) else word
        of_oci = await ask(commands.READ_OCI_SYSTEM)
        if of_oci is None:
            return Silence(f"no installed system of ours runs at {address}", answers=True)
        if serial is None:
            return Silence(
                f"a system of OCI's runs at {address}, and nobody knows by which of its serials: name that too"
            )
        role, hostname = commands.parse_oci_system(of_oci)
        own = parse_addresses(await ask(READ_ADDRESSES) or "")
        return Word(serial, hostname, generation=0, install_id=None, addresses=own, role=role)
    except ValueError as error:
        return Silence(f"what {address} says cannot be read: {error}")


def _of_record(
    serial: str | None, serials: Collection[str], address: str, marker: commands.Marker, addresses: str | None
) -> Word | Silence:
    """The word of a system with a record of its install.

    Raises:
        ValueError: It cannot be read.
    """
    own = parse_addresses(addresses or "")
    if marker.serial not in serials:
        return Silence(f"the system at {address} was installed on {marker.serial}, and runs on {', '.join(serials)}")
    if serial is not None and marker.serial != serial:
        return Silence(f"the system at {address} was installed as {marker.serial}")
    return Word(
        serial=marker.serial,
        hostname=marker.hostname,
        generation=marker.generation,
        install_id=marker.id,
        addresses=own,
        cluster=marker.cluster,
        role=marker.role,
        reinstall=marker.reinstall,
        finished=marker.finished,
        fleet=marker.fleet,
        counter=marker.counter,
        began=datetime.fromisoformat(marker.began) if marker.began else None,
        on=tuple(map(DiskId.parse, marker.on)),
        system_on=tuple(map(DiskId.parse, marker.system_on)),
    )


async def look(
    site: Site, tree: SpecTree, shells: Shells, besides: Iterable[str] = (), which: Which = EVERYBODY
) -> tuple[Observation, Sequence[Outcome]]:
    """What is known of a site's machines, and what becomes of each by its own word.

    Args:
        site: Whose.
        tree: The specs in force.
        shells: Open connections.
        besides: More addresses at which somebody is asked.
        which: The machines that are asked, and whose installs are taken over.

    Raises:
        PermanentError: Nothing is called as one of the machines.
    """
    observed = site.observe(tree)
    asked = whom_to_ask(observed, named(observed, which.machines) if which.machines else None)
    words = await hear(shells, asked, besides)
    return observed, outcomes(tree, observed, words, site.now(), _fleets(site, which.fleet))


def _fleets(site: Site, more: str | None) -> frozenset[str]:
    """Whose installs are this site's: its database's, those that its state folder remembers, and ``more``."""
    remembered = _remembered(site)
    found = (site.store.standing().epoch.fleet, remembered.fleet if remembered else None, more)
    return frozenset(fleet for fleet in found if fleet)


def _remembered(site: Site) -> Epoch | None:
    """What the state folder remembers, if anybody can tell."""
    try:
        return site.epochs.remembered()
    except PermanentError:
        return None


def carry_out(site: Site, observed: Observation, one: Outcome, *, who: str, why: str) -> Outcome:
    """Record what becomes of a machine. What the database refuses is left, and paused."""
    if one.allocation is not None and one.history is not None:
        try:
            said = f"adopted by {who}: {why}"
            site.store.adopt(one.serial, one.allocation, one.history, why=said, at=site.now())
        except PermanentError as error:
            becomes: Becomes = "paused" if observed.observing else "as it is"
            one = replace(one, becomes=becomes, because=str(error), allocation=None, history=None)
    if one.becomes == "paused":
        left = f"not adopted: {one.because}. Look at it, then resume it"
        site.store.pause(Pause(f"machine:{one.serial}", who, left, site.now()))
    return one


MORE = 10_000
"""What a count is raised by where nobody remembers it: machines that were not heard may tell of a later one."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What somebody knows who says that a database is right."""

    found: tuple[Outcome, ...] = ()  # of the machines that were asked: the count goes on behind all that they know of
    fleet: str | None = None  # as which the database goes on; None: as ``settle`` tells


NO_GROUND = Ground()


def settle(site: Site, *, as_new: bool, who: str, why: str, ground: Ground = NO_GROUND) -> None:
    """Have database and state folder agree: from here on the daemon acts.

    The database goes on as the fleet that the state folder remembers, so that other hosts' folders still fit; with
    ``as_new`` as the fleet that it is, and no machine was asked.
    """
    here, remembered = site.store.standing().epoch, _remembered(site)
    told = [one.counter for one in ground.found]
    counted = max(here.counter, remembered.counter if remembered else 0, *told)
    counter = counted + (1 if remembered or as_new else MORE)
    settled = Epoch(ground.fleet or (here if as_new or remembered is None else remembered).fleet, counter)
    site.store.settle(settled, who=who, why=why, at=site.now())
    site.epochs.remember(settled)
