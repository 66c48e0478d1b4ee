"""The store as execution wants it."""

from datetime import datetime

from ..model.errors import PermanentError
from ..model.gates import Readings, read_anew
from ..model.machine import SecretRef
from ..model.observations import Heard
from ..model.rings import RingFile, files_in_force
from ..store import Store
from .certificates import Certificates


class Records:
    """What handlers write and read; certificates are made out to whom the allocations say."""

    def __init__(self, store: Store, certificates: Certificates) -> None:
        self._store, self._certificates = store, certificates
        self.allocate, self.release = store.allocate, store.release
        self.erasing, self.wrote, self.proved = store.erasing, store.wrote, store.proved
        self.booting, self.vouched = store.booting, store.vouched
        self.ring_builders, self.keep_rings = store.ring_builders, store.keep_rings
        self.propose_round, self.rings_read = store.propose_round, store.rings_read

    def mint(self, secrets: tuple[SecretRef, ...], at: object) -> None:
        """Make those of the secrets that do not exist."""
        self._certificates.mint(secrets)

    def secret(self, ref: SecretRef) -> str:
        """The text of a secret that exists."""
        text = self._store.secret(ref)
        if text is None:
            raise PermanentError(f"the secret {ref} has not been made")
        return text

    def renew(self, certificate: SecretRef, ends: datetime) -> None:
        """Make a certificate anew, if it is the one that ends then."""
        self._certificates.renew(certificate, who="reconciler", why=f"it ends on {ends:%Y-%m-%d}", ends=ends)

    def puppet_ran(self, serial: str, began: datetime, at: datetime) -> None:
        """Note that a good Puppet run on the machine asked for its document at ``began``, or later."""
        self._store.record((Heard(serial, at, puppet_at=began),))

    def rings_for(self, serial: str) -> tuple[RingFile, ...]:
        """Swift's ring files in force for the machine's cluster; none where nobody knows them."""
        held = self._store.held_by(serial)
        return files_in_force(self._store.ring_states(), held.cluster) if held else ()

    def services_read(self, serial: str, found: Readings) -> None:
        """Note what was read of the machine's services; what is as it was, has been so since then."""
        readings = read_anew(self._store.readings_of((serial,)).get(serial), found)
        self._store.record((Heard(serial, found.at, readings=readings),))
