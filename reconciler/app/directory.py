"""Ways to reach machines: their last address, and their BMC with its password.

Implements the port ``Directory`` of execution with what the store holds.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

import asyncssh

from ..execution.ports import BmcAccess, HostAuthority
from ..model.errors import PermanentError, TemporaryError
from ..model.history import History
from ..model.kinds import MachineBmc
from ..model.machine import SecretRef, Seen, with_bmc_address
from ..model.secret_parts import part_of
from ..model.tree import SpecTree
from ..store import Store

PROVISIONING_KEY = SecretRef("fleet", "ssh", "provisioning", "ssh")
"""With this key pair we log in to live and installed systems. Its public half belongs into the live image."""

BMC_PASSWORD = SecretRef("fleet", "bmc", "password", "text")
"""The password of every BMC that has none of its own."""


def host_authority(cluster: str) -> SecretRef:
    """Names the key pair that signs the SSH host keys of a cluster's nodes."""
    return SecretRef(cluster, "sshd", "authority", "ssh")


def own_bmc_password(serial: str) -> SecretRef:
    """Names the password of one machine's BMC."""
    return SecretRef(f"bmc:{serial}", "bmc", "password", "password16")


def next_bmc_password(serial: str) -> SecretRef:
    """Names the password that a machine's BMC is being given: its own once the BMC has let us in with it."""
    return replace(own_bmc_password(serial), kind="next_password")


def client_key(store: Store) -> asyncssh.SSHKey:
    """The private half of ``PROVISIONING_KEY``.

    Raises:
        PermanentError: It has not been made.
    """
    text = store.secret(PROVISIONING_KEY)
    if text is None:
        raise PermanentError(f"the secret {PROVISIONING_KEY} has not been made")
    return _decoded(part_of(text, "ssh", "private"))


@lru_cache(maxsize=1)
def _decoded(private: str) -> asyncssh.SSHKey:
    """Checking an RSA key takes a fifth of a second of the event loop's; every login uses the same one."""
    return asyncssh.import_private_key(private)


class StoredBmcPasswords:
    """Implements the port ``BmcPasswords`` of execution."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def next(self, serial: str, *, fresh: bool = False) -> str:
        """The one being set; else the machine's own, set again unless a fresh one is asked for; else a new one."""
        known = self.coming(serial) or (None if fresh else self._store.secret(own_bmc_password(serial)))
        if known is None:
            self._store.mint((next_bmc_password(serial),), self._now())
            known = self.coming(serial)
        assert known is not None
        return known

    def coming(self, serial: str) -> str | None:
        """The one that is being set."""
        return self._store.secret(next_bmc_password(serial))

    def keep(self, serial: str) -> None:
        """The next password is the machine's own."""
        self._store.rename_secret(next_bmc_password(serial), own_bmc_password(serial), self._now())


class StoredDirectory:
    """Where a machine can be reached right now."""

    def __init__(self, store: Store, tree: Callable[[], SpecTree], bmc_port: int) -> None:
        """``tree``: the specs in force."""
        self._store = store
        self._tree = tree
        self._bmc_port = bmc_port
        self._numbers: dict[str, tuple[str, frozenset[str]]] = {}  # digest of the hardware and its numbers, by serial

    def seen(self, serial: str) -> Seen | None:
        """What was last heard of the machine."""
        seen = self._store.seen((serial,)).get(serial)
        return with_bmc_address(seen, self._history(serial)) if seen else None

    def generation(self, serial: str) -> int | None:
        """Of the machine's allocation now; None: it has none."""
        held = self._store.held_by(serial)
        return held.generation if held else None

    def host_authority(self, serial: str) -> HostAuthority | None:
        """The authority of the cluster in which the machine has a place, once the first node of it was installed."""
        held = self._store.held_by(serial)
        text = self._store.secret(host_authority(held.cluster)) if held else None
        return HostAuthority(part_of(text, "ssh", "authorized"), held.hostname) if held and text else None

    def address(self, serial: str) -> str | None:
        """The management address that the machine was given; None: it has none."""
        held = self._store.held_by(serial)
        return held.address if held else None

    def role(self, serial: str) -> str | None:
        """The role of the node that the machine is; None: it is none."""
        held = self._store.held_by(serial)
        return held.role if held else None

    def reporters_of_bmc(self, address: str) -> frozenset[str]:
        """Serials of all machines whose agents last said that their BMC has this address."""
        known = self._store.snapshot()
        nothing = History()
        seen = {
            serial: with_bmc_address(one, known.histories.get(serial, nothing)) for serial, one in known.seen.items()
        }
        return frozenset(serial for serial, one in seen.items() if one.hardware.bmc_address == address)

    def owners_of(self, numbers: frozenset[str]) -> dict[str, frozenset[str]]:
        """For each of the numbers, the machines that are called by it, or whose agents last said that DMI has it."""
        having = {
            serial: self._numbers_of(serial, one) & numbers for serial, one in self._store.snapshot().seen.items()
        }
        return {each: frozenset(serial for serial, has in having.items() if each in has) for each in numbers}

    def _numbers_of(self, serial: str, seen: Seen) -> frozenset[str]:
        """The numbers of a machine, reckoned once for each hardware: a BMC is asked often, and of all machines."""
        known = self._numbers.get(serial)
        if known is None or known[0] != seen.digest:
            known = self._numbers[serial] = (seen.digest, seen.hardware.numbers)
        return known[1]

    def bmc(self, serial: str) -> BmcAccess:
        """Address and login of a machine's BMC.

        Raises:
            TemporaryError: No report named its BMC's address yet.
            PermanentError: Nobody set a password for it.
        """
        address = self._tree().bmc_address(serial, self.seen(serial))
        if address is None:
            raise TemporaryError(f"neither a report of {serial} nor a Machine document says where its BMC is")
        own = self._store.secret(own_bmc_password(serial))
        password = own or self._store.secret(BMC_PASSWORD)
        if password is None:
            raise PermanentError(
                f'the BMC of {serial} has no password yet: "reconciler secrets set {BMC_PASSWORD}" sets that of all, '
                f'"reconciler secrets set {own_bmc_password(serial)}" that of one'
            )
        has = self._history(serial).bmc.set_to
        username = has.username if has and own else self._tree().fleet.bmc.username
        return self.bmc_at(serial, address, username, password)

    def _history(self, serial: str) -> History:
        return self._store.histories().get(serial, History())

    def bmc_at(self, serial: str, address: str, username: str, password: str) -> BmcAccess:
        """The BMC of a machine, with address and login as they were set a moment ago, before its agent reports them."""
        tree = self._tree()
        pin = tree.machines[serial].bmc if serial in tree.machines else MachineBmc()
        return BmcAccess(address, self._bmc_port, username, password, pin.protocol, pin.serial, self.owners_of, serial)
