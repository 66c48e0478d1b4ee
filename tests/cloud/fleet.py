"""The cloud's specs: what is in git before, and the one commit after which the cloud comes up by itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from .machine import CONTROLLER, PROXY, STORE, USERNAME, Model
from .network import SWITCH
from .places import BMCS, BMCS_GATEWAY, IMAGES_PORT, MACHINES, MIRROR_PORT, NODES, PUBLIC, SERVER

_SPECS = Path(__file__).parent / "specs"

Wanted = tuple[tuple[str, Model, int], ...]
"""Roles, the servers that fit them, and how many."""

KINDS: Mapping[str, Wanted] = {
    "control": (("controller", CONTROLLER, 1),),
    "swift": (("controller", CONTROLLER, 1), ("swiftproxy", PROXY, 1), ("swiftstore", STORE, 3)),
    "full": (("controller", CONTROLLER, 3), ("swiftproxy", PROXY, 1), ("swiftstore", STORE, 3)),
}
"""What each ``CLOUD`` has."""

_MACHINE = """\
---
apiVersion: reconciler/v1
kind: Machine
metadata: {{name: {serial}}}
spec: {{bmc: {{address: {address}}}}}
"""


@dataclass(frozen=True)
class Pin:
    """Where the BMC of a server is that nobody has seen yet."""

    serial: str
    address: str


def models(wanted: Wanted) -> tuple[Model, ...]:
    """The servers that a cloud wants, in the order in which they are racked."""
    return tuple(model for _, model, count in wanted for _ in range(count))


def fleet(sha256: Mapping[str, str]) -> str:
    """What is in git from the beginning.

    Args:
        sha256: Of each role's tarball.
    """
    digests = {f"{role}_sha256": digest for role, digest in sha256.items()}
    return _filled(
        "fleet.yaml", **digests, server=SERVER, mirror_port=MIRROR_PORT, images_port=IMAGES_PORT,
        machines=MACHINES, nodes=NODES, username=USERNAME, bmcs=BMCS, bmcs_gateway=BMCS_GATEWAY, switch=SWITCH,
    )  # fmt: skip


def commit(wanted: Wanted, pins: Iterable[Pin]) -> str:
    """A cluster, and where its servers' BMCs are."""
    roles = ", ".join(f"{role}: {{count: {count}}}" for role, _, count in wanted)
    machines = (_MACHINE.format(serial=pin.serial, address=pin.address) for pin in pins)
    return _filled("cluster.yaml", nodes=NODES, public=PUBLIC, roles=roles) + "".join(machines)


def _filled(name: str, **words: object) -> str:
    return Template((_SPECS / name).read_text()).substitute(words)
