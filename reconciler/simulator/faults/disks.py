"""People who swap a disk for one of the same model: empty, with data of somebody else, or out of another node."""

import asyncio

from ...execution import seam
from ..files import MemoryFiles
from ..meaning import Content, DiskSystem
from ..memory_server import MemoryServer
from .base import Fault

SECONDS = 90.0
"""Between two swaps, at the highest dose."""

OF_OTHERS = (("LVM2_member",), ("linux_raid_member",), ("xfs",), ("zfs_member",), ("xfs", "LVM2_member"))
"""What is on a disk that was used elsewhere, in wipefs' words."""


class SwappedDisks(Fault):
    """Only disks that the kernel shows one by one are swapped: a RAID controller would not take another one so."""

    async def act(self) -> None:
        while True:
            await asyncio.sleep(self.pause(SECONDS))
            await self._swap()

    async def heal(self) -> None:
        """It leaves nothing that goes on."""

    async def _swap(self) -> None:
        servers = [one for one in self.world.servers.values() if one.controller is None]
        if not servers:
            return
        server = self.chance.choice(sorted(servers, key=lambda one: one.serial))
        disk = self.chance.choice(sorted(server.placed.disk_names))
        await self.world.power(server.serial, on=False)
        kind = self.chance.choice(("blank", "foreign", "foreign", "another's"))
        server.placed.swap(disk)
        server.disks[disk] = self._content(kind, server)
        self.world.tell(f"disk {disk} of {server.serial} is swapped: {kind}")
        await asyncio.sleep(self.chance.uniform(1.0, 10.0))
        await self.world.power(server.serial, on=True)

    def _content(self, kind: str, server: MemoryServer) -> Content:
        """What is on the disk that comes in its place."""
        if kind == "foreign":
            return Content(self.chance.choice(OF_OTHERS))
        others = (one.on_disk for _, one in sorted(self.world.servers.items()) if one is not server)
        systems = [system for system in others if system is not None]
        if kind == "blank" or not systems:
            return Content()
        copied = self.chance.choice(systems)
        files = MemoryFiles(dict(copied.files.content))
        return Content(system=DiskSystem(seam.new_uuid(), files, strayed=True))
