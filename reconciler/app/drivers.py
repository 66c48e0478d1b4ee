"""All that reaches beyond the daemon's process and its folders, in one value: a simulation brings another one."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ..execution.drivers.hooks import tell_child
from ..execution.drivers.ring_builder import build_rings
from ..execution.drivers.ssh import Dial, SshDial
from ..execution.ports import RingBuilder, TellChild
from ..server.doors import Doors
from ..server.hot_paths import App
from ..server.serve import Server
from .bmcs import MakeBmcs, bmcs_of
from .config import Config
from .directory import client_key
from .heap import give_back
from .puppet_ca import PuppetCa
from .site import Site


class Listening(Protocol):
    """Serves an application from ``start`` to ``stop``."""

    async def start(self) -> Sequence[tuple[str, int]]:
        """Listen, and return the addresses and ports.

        Raises:
            OSError: An address cannot be listened on.
        """

    async def stop(self) -> None:
        """Let running requests finish for a few seconds, and answer no more."""


def _dial(site: Site) -> Dial:
    return SshDial(partial(client_key, site.store), site.config.ssh_port)


def _cleaning(config: Config) -> PuppetCa | None:
    wanted = config.puppet_ca
    return PuppetCa(wanted.command, wanted.timeout.total_seconds()) if wanted else None


@dataclass(frozen=True)
class Drivers:
    """How machines, BMCs, callers and programs are reached."""

    bmcs: MakeBmcs = bmcs_of
    dial: Callable[[Site], Dial] = _dial
    listen: Callable[[App, Sequence[tuple[str, int]], Doors], Listening] = Server
    tell_child: TellChild = tell_child
    build_rings: RingBuilder = build_rings
    clean_certificate: Callable[[Config], Callable[[str], Awaitable[None]] | None] = _cleaning
    give_back: Callable[[], None] = give_back  # memory, to the system


REAL = Drivers()
