"""Bounds what is kept of machines that hold no place: how many, and how many bytes of reports, for each network.

Anybody in a trusted network can report machines that there are not, and each costs memory and disk. One that was named
in the specs, or was given a place, is not counted here. One that returned the nonce of a boot of ours is never sent
away for others; those of which nobody knows more than what was said in their name make room once they are silent.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from ..model.observations import Unplaced
from .auth import ClientAddress, TrustedNetwork, parse_address


class Bounds(NamedTuple):
    """What is kept of the machines of one network."""

    machines: int
    bytes: int  # of their reports, each as it was last sent


HEARSAY = Bounds(machines=4_096, bytes=32 * 1024 * 1024)
"""Of machines that returned no nonce. A storage server's report is 25 kB, a compute's 6 kB, and in memory three to four
times that. A rack has 40 machines: a hundred racks may wait for their places at once."""
WITNESSED = Bounds(machines=16_384, bytes=64 * 1024 * 1024)
"""Of machines that returned one. Whoever asks for a boot script is answered with a nonce, so these have an end too."""

SILENT = timedelta(hours=1)
"""After which one makes room for another, where there is none. A live system reports every half minute."""
GONE = timedelta(days=7)
"""After which one is forgotten in any case. It is known anew when it reports again."""


@dataclass
class _Group:
    """Machines that are bounded together."""

    network: TrustedNetwork | None  # None: of those in no trusted network, as a commit took theirs away
    witnessed: bool
    bounds: Bounds
    held: dict[str, Unplaced] = field(default_factory=dict)  # by serial
    bytes: int = 0
    refused: int = 0  # machines that found no room since this was last looked at
    full_since: datetime | None = None

    @property
    def patience(self) -> timedelta:
        return GONE if self.full_since is None else SILENT

    def has_room(self, more: int, *, new: bool) -> bool:
        return len(self.held) + new <= self.bounds.machines and self.bytes + more <= self.bounds.bytes

    def put(self, serial: str, one: Unplaced) -> None:
        self.take(serial)
        self.held[serial] = one
        self.bytes += one.size

    def take(self, serial: str) -> None:
        if (one := self.held.pop(serial, None)) is not None:
            self.bytes -= one.size


@dataclass
class Crowd:
    """Counts the machines that hold no place."""

    networks: Callable[[], Sequence[TrustedNetwork]]
    hearsay: Bounds = HEARSAY
    witnessed: Bounds = WITNESSED
    _groups: dict[tuple[TrustedNetwork | None, bool], _Group] = field(default_factory=dict)
    _of: dict[str, _Group] = field(default_factory=dict)  # by serial

    def admit(self, serial: str, one: Unplaced) -> bool:
        """Count a machine as it reports now; False, and nothing changed, where there is no room for it."""
        before = self._of.get(serial)
        if before is not None and before.witnessed:
            one = replace(one, witnessed=True)  # a hint in its name takes nothing from it
        group = self._group_of(one)
        freed = before.held[serial].size if before is group else 0
        grows = one.size > freed or before is not group
        if grows and not group.has_room(one.size - freed, new=before is not group):
            group.refused += 1
            return False
        self._put(serial, one, group)
        return True

    def count(self, known: Mapping[str, Unplaced]) -> None:
        """Count machines that are known already, whether there is room or not."""
        for serial, one in known.items():
            if serial not in self._of:
                self._put(serial, one, self._group_of(one))

    def heard(self, serial: str, at: datetime) -> None:
        """A machine said what it said before."""
        if (group := self._of.get(serial)) is not None:
            one = group.held[serial]
            group.held[serial] = replace(one, at=at)

    def at(self, serial: str) -> datetime | None:
        """When a machine that is counted last reported."""
        group = self._of.get(serial)
        return group.held[serial].at if group else None

    def drop(self, serials: Collection[str]) -> None:
        """Count these machines no longer: they were given a place, or are forgotten."""
        for serial in serials:
            if (group := self._of.pop(serial, None)) is not None:
                group.take(serial)

    def __iter__(self) -> Iterator[str]:
        """The serials of all that are counted."""
        return iter(list(self._of))

    def __len__(self) -> int:
        return len(self._of)

    def to_forget(self, now: datetime) -> list[str]:
        """Those of which nobody knows more than what was said, and that are silent for too long, by their serials."""
        return [
            serial
            for group in self._groups.values()
            for serial, one in group.held.items()
            if not (one.witnessed or one.stays) and one.at + group.patience < now
        ]

    def note_refused(self, now: datetime) -> list[str]:
        """What to tell people of networks that had no room lately; to be asked every few seconds, as it counts anew."""
        for group in self._groups.values():
            if group.refused:
                group.full_since = now
            elif group.full_since is not None and now - group.full_since > SILENT:
                group.full_since = None
            group.refused = 0
        return [_told(group) for group in self._groups.values() if group.full_since is not None]

    def _put(self, serial: str, one: Unplaced, group: _Group) -> None:
        self.drop((serial,))
        group.put(serial, one)
        self._of[serial] = group

    def _group_of(self, one: Unplaced) -> _Group:
        network = _network_of(parse_address(one.address), self.networks())
        key = (network, one.witnessed)
        if key not in self._groups:
            self._groups[key] = _Group(network, one.witnessed, self.witnessed if one.witnessed else self.hearsay)
        return self._groups[key]


def _network_of(address: ClientAddress | None, networks: Sequence[TrustedNetwork]) -> TrustedNetwork | None:
    """The narrowest of the networks that an address is in."""
    found = [network for network in networks if address is not None and address in network]
    return max(found, key=lambda network: network.prefixlen, default=None)


def _told(group: _Group) -> str:
    what = "that returned the nonce of their boot" if group.witnessed else "that returned no nonce"
    mebibytes = group.bytes / 2**20
    return (
        f"new machines from {group.network or 'elsewhere'} are not taken in: {len(group.held)} that hold no place are "
        f"known from there {what}, with {mebibytes:.0f} MiB of reports. If there are not that many, somebody there "
        'invents them: see "reconciler machines"'
    )
