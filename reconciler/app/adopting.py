"""Asks machines over SSH what they are, for who takes them into service by their own words."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..execution.ports import Shell, Shells
from ..model.epoch import Epoch
from ..model.errors import PermanentError, TemporaryError
from ..model.history import Phase
from ..model.machine import MachineView, Observation, Pause
from ..model.tree import SpecTree
from ..planning.adopting import Becomes, Outcome, Silence, Word, outcomes
from ..provisioning import commands
from ..provisioning.addresses import READ_ADDRESSES, parse_addresses
from .site import Site

AT_ONCE = 32
ANSWER_SECONDS = 60.0


def asked_at(m: MachineView) -> tuple[str, ...]:
    """Where a machine may be: at the address that it was given, or where it last called from."""
    places = (m.allocation.address if m.allocation else None, m.seen.address if m.seen else None)
    return tuple(dict.fromkeys(place for place in places if place))


def whom_to_ask(observed: Observation) -> Mapping[str, tuple[str, ...]]:
    """Every machine that the database may be wrong about: all while it only looks, else those without a place."""
    everybody = observed.observing is not None
    return {
        m.serial: asked_at(m)
        for m in observed.machines
        if everybody or (m.allocation is None and m.history.phase is Phase.DISCOVERED)
    }


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
    if text is None:
        return Silence(f"no installed system of ours runs at {address}", answers=True)
    try:
        marker = commands.parse_marker(text)
        addresses = parse_addresses(await ask(READ_ADDRESSES) or "")
    except ValueError as error:
        return Silence(f"what {address} says cannot be read: {error}")
    if marker.serial not in serials:
        return Silence(f"the system at {address} was installed on {marker.serial}, and runs on {', '.join(serials)}")
    if serial is not None and marker.serial != serial:
        return Silence(f"the system at {address} was installed as {marker.serial}")
    return Word(
        serial=marker.serial,
        hostname=marker.hostname,
        generation=marker.generation,
        install_id=marker.id,
        addresses=addresses,
        cluster=marker.cluster,
        role=marker.role,
        reinstall=marker.reinstall,
        finished=marker.finished,
    )


async def look(
    site: Site, tree: SpecTree, shells: Shells, besides: Iterable[str] = ()
) -> tuple[Observation, Sequence[Outcome]]:
    """What is known of a site's machines, and what becomes of each by its own word.

    Args:
        site: Whose.
        tree: The specs in force.
        shells: Open connections.
        besides: More addresses at which somebody is asked.
    """
    observed = site.observe(tree)
    words = await hear(shells, whom_to_ask(observed), besides)
    return observed, outcomes(tree, observed, words, site.now())


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


def settle(site: Site, *, as_new: bool, who: str, why: str) -> None:
    """Have database and state folder agree: from here on the daemon acts.

    The database goes on as the fleet that the state folder remembers, so that other hosts' folders still fit; with
    ``as_new`` as the fleet that it is.
    """
    here = site.store.standing().epoch
    try:
        remembered = site.epochs.remembered() or here
    except PermanentError:
        remembered = here
    counter = max(here.counter, remembered.counter) + 1
    settled = replace(here, counter=counter) if as_new else Epoch(remembered.fleet, counter)
    site.store.settle(settled, who=who, why=why, at=site.now())
    site.epochs.remember(settled)
