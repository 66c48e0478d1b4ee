"""A daemon's ways to the machines of its site, and all else that handlers use."""

import asyncio
from collections.abc import Callable
from functools import cached_property

from ..execution.drivers.host_keys import FileHostKeys
from ..execution.drivers.ssh import SshShells
from ..execution.ensure import Time
from ..execution.handlers import Options, Tools
from ..model.events import Retried
from ..model.tree import SpecTree
from .bmcs import SiteBmcs
from .certainty import Sure, always, sure_bmcs, sure_child, sure_shells
from .directory import StoredBmcPasswords, StoredDirectory
from .drivers import Drivers
from .install_files import NodeFiles
from .records import Records
from .site import Site


class MachineAccess:
    """BMCs and shells, with what is remembered of both."""

    def __init__(self, site: Site, tree: Callable[[], SpecTree], drivers: Drivers, sure: Sure = always) -> None:
        """Nothing is opened yet.

        Args:
            site: Whose machines.
            tree: Gives the specs in force.
            drivers: How machines are reached.
            sure: Awaited before each call to one.
        """
        self._site, self._tree, self._drivers, self._sure = site, tree, drivers, sure
        self._host_keys = FileHostKeys(site.config.state / "host-keys.jsonl")
        self._bmcs = SiteBmcs(site.config, site.now, drivers.bmcs)

    @cached_property
    def _directory(self) -> StoredDirectory:
        return StoredDirectory(self._site.store, self._tree, self._site.config.bmc_port)

    def read(self) -> None:
        """Take what another process remembered meanwhile."""
        self._host_keys.read()
        self._bmcs.read()

    def vouch(self, said: Retried, tree: SpecTree) -> None:
        """Who says "retry now" vouches for the machine: it may show a new host key, and its BMC is worth asking."""
        self._host_keys.expect_new_boot(said.serial, said.at)
        if address := tree.bmc_address(said.serial, self._directory.seen(said.serial)):
            self._bmcs.ask_again(address)

    def tools(self, progress: Callable[[str, str], None]) -> Tools:
        """What handlers use; ``progress`` is told of each machine what it is doing."""
        config, site, drivers, sure = self._site.config, self._site, self._drivers, self._sure
        return Tools(
            records=Records(site.store, site.certificates),
            directory=self._directory,
            bmcs=sure_bmcs(self._bmcs, sure),
            bmc_passwords=StoredBmcPasswords(site.store, site.now),
            shells=sure_shells(SshShells(drivers.dial(site), self._host_keys, self._directory, site.now), sure),
            progress=progress,
            time=Time(site.now, asyncio.sleep),
            tell_child=sure_child(drivers.tell_child, sure),
            build_rings=drivers.build_rings,
            options=Options(
                fleet=lambda: self._tree().fleet,
                hooks=config.hook_commands,
                files=NodeFiles(site),
                epoch=lambda: site.store.standing().epoch,
                is_behind=site.store.is_behind,
                doubt=site.store.doubt,
                poll=config.install_poll.total_seconds(),
                clean_certificate=drivers.clean_certificate(config),
            ),
        )
