"""Allocations of machines and virtual addresses of clusters. Kept until taken back on purpose, never given twice."""

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from ..model.actions import Enroll
from ..model.errors import PermanentError
from ..model.events import Booting, Erasing, Proved, Restored, RingsRead, Vouched, Wrote
from ..model.history import BmcWord, History, Proof
from ..model.machine import Allocation, Vip
from ..model.observations import Notice
from ..model.rings import RingFile
from .codec import addresses_text, allocation_of
from .database import Part, Writing
from .journal import write_events, write_notices
from .tables import allocation, claim, vip


class RecordsPart(Part):
    """Implements ``execution.ports.Bookkeeping``, but for secrets."""

    def allocate(self, action: Enroll, at: datetime) -> None:
        """Record an allocation and its VIPs in one transaction. Idempotent.

        Raises:
            PermanentError: A name or address is held by another machine, or the generation is older than recorded.
        """
        given = Allocation.given_by(action)
        with self._database.writing("allocation") as writing:
            held = _active(writing.connection, action.serial)
            if held is not None and not _supersedes(action, given, held):
                return
            if action.replaces is not None:
                _take_over(writing, action.replaces, at)
            _end(writing, action.serial, at, "changed")
            write_allocation(writing, action.serial, given, at)
            for network, usage, address in action.vips:
                write_vip(writing, Vip(action.cluster, network, usage, address), at)

    def held_by(self, serial: str) -> Allocation | None:
        """What one machine holds; for those who need no other's."""
        with self._database.reading() as connection:
            return _active(connection, serial)

    def adopt(self, serial: str, given: Allocation, history: History, *, why: str, at: datetime) -> None:
        """Record that a machine holds this place and has come so far, as it said itself.

        Raises:
            PermanentError: The name or an address is held by another machine.
        """
        with self._database.writing("allocation", "journal") as writing:
            if _active(writing.connection, serial) != given:
                _end(writing, serial, at, "changed")
                write_allocation(writing, serial, given, at)
            write_events(writing, [Restored(serial, at, history, why)])

    def erasing(self, serial: str, disks: tuple[str, ...], at: datetime, marks: tuple[str, ...] = ()) -> None:
        """Record that these disks, known again by these marks, are about to be erased."""
        with self._database.writing("journal") as writing:
            write_events(writing, [Erasing(serial, at, disks, marks)])

    def wrote(self, serial: str, marks: tuple[str, ...], at: datetime) -> None:
        """Record by which marks what we left on the disks is known again."""
        with self._database.writing("journal") as writing:
            write_events(writing, [Wrote(serial, at, marks)])

    def proved(self, serial: str, proof: Proof) -> None:
        """Record what the machine proved of itself over SSH."""
        with self._database.writing("journal") as writing:
            write_events(writing, [Proved(serial, proof.at, proof)])

    def booting(self, serial: str, at: datetime) -> None:
        """Record that the machine is about to be booted."""
        with self._database.writing("journal") as writing:
            write_events(writing, [Booting(serial, at)])

    def vouched(self, serial: str, said: BmcWord) -> None:
        """Record what the machine's BMC said of it."""
        with self._database.writing("journal") as writing:
            write_events(writing, [Vouched(serial, said.at, said)])

    def rings_read(self, serial: str, rings: tuple[RingFile, ...], at: datetime) -> None:
        """Record which ring files the node said that it has."""
        with self._database.writing("journal") as writing:
            write_events(writing, [RingsRead(serial, at, rings)])

    def release(self, serial: str, at: datetime) -> None:
        """Take back what a machine was given; nothing when it holds nothing."""
        with self._database.writing("allocation") as writing:
            _end(writing, serial, at, "released")

    def release_vip(self, held: Vip, *, who: str, why: str, at: datetime) -> None:
        """Take back a cluster's virtual address, on a human's word; nothing when there is none."""
        with self._database.writing("allocation", "journal") as writing:
            mine = (vip.c.cluster == held.cluster, vip.c.network == held.network, vip.c.usage == held.usage)
            gone = writing.connection.scalar(delete(vip).where(*mine).returning(vip.c.address))
            if gone is None:
                return
            writing.connection.execute(delete(claim).where(claim.c.address == _canonical(gone)))
            text = f"VIP {gone} ({held.usage}) of {held.cluster} on {held.network} released: {why}"
            write_notices(writing, [Notice(None, at, "vip-released", text, who)])


def write_allocation(
    writing: Writing, serial: str, given: Allocation, at: datetime, *, ended_by: str | None = None
) -> None:
    """Record what a machine that holds nothing is given, within a transaction; or, with ``ended_by``, once had.

    Raises:
        PermanentError: Another machine or a VIP holds its name or an address.
    """
    if ended_by is None:
        _refuse_held_name(writing.connection, given.hostname)
        for network, address in given.addresses.items():
            _claim(writing.connection, address, {"network": network, "serial": serial})
    row: dict[str, Any] = {
        "cluster": given.cluster,
        "role": given.role,
        "profile": given.profile,
        "location": given.location,
        "hostname": given.hostname,
        "number": given.number,
        "addresses": addresses_text(given.addresses),
        "generation": given.generation,
        "ended_at": at if ended_by else None,
        "ended_by": ended_by,
    }
    writing.connection.execute(insert(allocation).values(serial=serial, at=at, revision=writing.revision, **row))


def write_vip(writing: Writing, wanted: Vip, at: datetime) -> None:
    """Record a virtual address, within a transaction. Idempotent.

    Raises:
        PermanentError: The cluster has another one there, or somebody else holds this address.
    """
    mine = (vip.c.cluster == wanted.cluster, vip.c.network == wanted.network, vip.c.usage == wanted.usage)
    held = writing.connection.scalar(select(vip.c.address).where(*mine))
    if held == wanted.address:
        return
    if held is not None:
        raise PermanentError(
            f"the {wanted.usage} VIP of {wanted.cluster} on {wanted.network} is {held}, not {wanted.address}: "
            "it is kept until it is released on purpose (reconciler free-vip)"
        )
    holder = {"network": wanted.network, "cluster": wanted.cluster, "usage": wanted.usage}
    _claim(writing.connection, wanted.address, holder)
    row = {"cluster": wanted.cluster, "network": wanted.network, "usage": wanted.usage, "address": wanted.address}
    writing.connection.execute(insert(vip).values(**row, at=at))


_ACTIVE = select(allocation).where(allocation.c.serial == bindparam("of"), allocation.c.ended_at.is_(None))


def _active(connection: Connection, serial: str) -> Allocation | None:
    row = connection.execute(_ACTIVE, {"of": serial}).one_or_none()
    return None if row is None else allocation_of(row)


def _supersedes(action: Enroll, given: Allocation, held: Allocation) -> bool:
    """Whether there is anything to change.

    Raises:
        PermanentError: What is recorded is newer, or is something else of the same generation.
    """
    if action.generation > held.generation:
        return True
    if given == held and list(given.addresses) == list(held.addresses):
        return False
    older = "older than" if action.generation < held.generation else "another than"
    raise PermanentError(
        f"{action.serial} is {held.hostname} since generation {held.generation}: "
        f"what it should be given (generation {action.generation}) is {older} what it has"
    )


def _end(writing: Writing, serial: str, at: datetime, by: str) -> None:
    mine = update(allocation).where(allocation.c.serial == serial, allocation.c.ended_at.is_(None))
    ended = writing.connection.execute(mine.values(ended_at=at, ended_by=by, revision=writing.revision))
    if ended.rowcount:
        writing.connection.execute(delete(claim).where(claim.c.serial == serial))


def _take_over(writing: Writing, old: str, at: datetime) -> None:
    """Free what ``old`` holds, and note of what it once held that somebody else has it now."""
    _end(writing, old, at, "replaced")
    released = update(allocation).where(allocation.c.serial == old, allocation.c.ended_by == "released")
    writing.connection.execute(released.values(ended_by="replaced", revision=writing.revision))


def _refuse_held_name(connection: Connection, hostname: str) -> None:
    holding = (allocation.c.hostname == hostname, allocation.c.ended_at.is_(None))
    holder = connection.scalar(select(allocation.c.serial).where(*holding))
    if holder is not None:
        raise PermanentError(f"the name {hostname} is held by {holder}")


def _claim(connection: Connection, address: str, holder: Mapping[str, str]) -> None:
    key = _canonical(address)
    row = connection.execute(select(claim).where(claim.c.address == key)).one_or_none()
    if row is not None:
        by = row.serial or f"the {row.usage} VIP of {row.cluster}"
        raise PermanentError(f"the address {address} is held by {by} on {row.network}")
    connection.execute(insert(claim).values(address=key, **holder))


def _canonical(address: str) -> str:
    """The one way to write an address, so that two ways of writing one are not two.

    Raises:
        PermanentError: It is none.
    """
    try:
        return str(ipaddress.ip_address(address))
    except ValueError as error:
        raise PermanentError(f"{address!r} is not an address") from error
