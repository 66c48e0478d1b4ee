"""How machines are reached: their last address, and their BMC with its password.

Implements the port ``Directory`` of execution with what the store holds.
"""

from collections.abc import Callable

import asyncssh

from .execution.ports import BmcAccess
from .model.errors import PermanentError, TemporaryError
from .model.machine import SecretRef, Seen
from .model.spec import MachineBmc
from .model.tree import SpecTree
from .secrets.parts import part_of
from .store import Store

PROVISIONING_KEY = SecretRef("fleet", "ssh", "provisioning", "ssh")
"""With this key pair we log in to live and installed systems. Its public half belongs into the live image."""

BMC_PASSWORD = SecretRef("fleet", "bmc", "password", "text")
"""The password of every BMC that has none of its own."""


def own_bmc_password(serial: str) -> SecretRef:
    """Names the password of one machine's BMC."""
    return SecretRef(f"bmc:{serial}", "bmc", "password", "password16")


def client_key(store: Store) -> asyncssh.SSHKey:
    """The private half of ``PROVISIONING_KEY``.

    Raises:
        PermanentError: It has not been made.
    """
    text = store.secret(PROVISIONING_KEY)
    if text is None:
        raise PermanentError(f"the secret {PROVISIONING_KEY} has not been made")
    return asyncssh.import_private_key(part_of(text, "ssh", "private"))


class StoredDirectory:
    """Where a machine can be reached right now."""

    def __init__(self, store: Store, tree: Callable[[], SpecTree], bmc_port: int) -> None:
        """``tree``: the specs in force."""
        self._store = store
        self._tree = tree
        self._bmc_port = bmc_port

    def seen(self, serial: str) -> Seen | None:
        """What was last heard of the machine."""
        return self._store.seen((serial,)).get(serial)

    def generation(self, serial: str) -> int | None:
        """Of the machine's allocation now; None: it has none."""
        held = self._store.allocations().get(serial)
        return held.generation if held else None

    def reporters_of_bmc(self, address: str) -> frozenset[str]:
        """Serials of all machines whose agents last said that their BMC has this address."""
        seen = self._store.snapshot().seen
        return frozenset(serial for serial, one in seen.items() if one.hardware.bmc_address == address)

    def bmc(self, serial: str) -> BmcAccess:
        """Address and login of a machine's BMC.

        Raises:
            TemporaryError: No report named its BMC's address yet.
            PermanentError: Nobody set a password for it.
        """
        seen = self.seen(serial)
        address = seen.hardware.bmc_address if seen else None
        if address is None:
            raise TemporaryError(f"no report of {serial} says where its BMC is")
        password = self._store.secret(own_bmc_password(serial)) or self._store.secret(BMC_PASSWORD)
        if password is None:
            raise PermanentError(
                f'the BMC of {serial} has no password yet: "reconciler secrets set {BMC_PASSWORD}" sets that of all, '
                f'"reconciler secrets set {own_bmc_password(serial)}" that of one'
            )
        tree = self._tree()
        pin = tree.machines[serial].bmc if serial in tree.machines else MachineBmc()
        return BmcAccess(address, self._bmc_port, tree.fleet.bmc.username, password, pin.protocol, pin.serial)
