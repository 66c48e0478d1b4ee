"""A store and a proxy as an install would leave them: their Puppet documents, files, and our builder's rings."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from reconciler.app.install_files import NodeFiles
from reconciler.app.plans import planned
from reconciler.app.records import Records
from reconciler.app.site import Site
from reconciler.execution.drivers.ring_builder import build_rings
from reconciler.execution.ensure import Time
from reconciler.execution.handlers import rings
from reconciler.model.actions import BuildRings, InstallOs
from reconciler.model.events import Advanced
from reconciler.model.files import File
from reconciler.model.history import Phase
from reconciler.model.machine import InstallStatus
from reconciler.model.observations import Heard
from reconciler.model.plan import Act
from reconciler.provisioning import commands, puppet_runs

from ..cloud import machine
from ..cloud.enrolled import enrolled
from ..enc.enrolled import NOW, documents

T = TypeVar("T")

ROLES = ("swiftstore", "swiftproxy")
WANTED = (
    ("controller", machine.CONTROLLER, 1), ("swiftproxy", machine.PROXY, 1), ("swiftstore", machine.STORE, 1),
)  # fmt: skip
"""The controller has its place, and is never there: neither Swift's servers nor their gates need it."""

NO_DISKS = """\
apiVersion: reconciler/v1
kind: EncOverlay
metadata: {name: folders}
spec:
  for: {clusters: [cl1], roles: [swiftstore]}
  classes:
    oci::swiftstore: {swift_auto_mount_block_devices: false}    # its data disks are folders here
"""


@dataclass(frozen=True)
class Node:
    """What there is of a node when its system boots for the first time."""

    role: str
    hostname: str
    address: str
    disks: tuple[str, ...]  # names of its data disks
    document: bytes
    files: Mapping[str, File]  # by absolute path


def made(folder: Path) -> list[Node]:
    """One node of each of ``ROLES``, in one cluster, with rings.

    Args:
        folder: Where the site's files go.
    """
    with closing(enrolled(WANTED, folder, NO_DISKS)) as site:
        _boot_live(site)
        found = documents(site, lambda held: held.role in ROLES)
        (rings,) = _planned(site, BuildRings)
        asyncio.run(_build(site, rings))
        installs = {install.role: install for install in _planned(site, InstallOs)}
        return [_node(site, installs[role], found) for role in ROLES]


def _boot_live(site: Site) -> None:
    """Every server that has its place says that the live system runs on it."""
    for n, serial in enumerate(site.snapshot().allocations, 10):
        site.store.append(Advanced(serial, NOW, Phase.ENROLLED, "the test says so"))
        site.store.record([Heard(serial, NOW, f"192.168.100.{n}", status=InstallStatus.LIVE)])


def _planned(site: Site, kind: type[T]) -> list[T]:
    """What the plan would do now, of one kind."""
    actions = (step.action for step in planned(site)[0].steps if isinstance(step, Act))
    return [action for action in actions if isinstance(action, kind)]


async def _build(site: Site, action: BuildRings) -> None:
    records, time = Records(site.store, site.certificates), Time(site.now, asyncio.sleep)
    tools: Any = SimpleNamespace(records=records, build_rings=build_rings, time=time)
    await rings.build(tools, action)


def _node(site: Site, install: InstallOs, documents: Mapping[str, bytes]) -> Node:
    files = dict(_in_target(NodeFiles(site)(install)))
    document = documents[install.hostname]
    return Node(install.role, install.hostname, install.address, install.data_disks, document, files)


def _in_target(files: Mapping[str, File]) -> Iterator[tuple[str, File]]:
    """Those that an install copies to the installed system; its first boot, which has a Puppet server, is left out."""
    for path, file in files.items():
        if path.startswith(commands.TARGET) and not path.endswith(puppet_runs.FIRST_BOOT_FLAG):
            yield path.removeprefix(commands.TARGET), file
