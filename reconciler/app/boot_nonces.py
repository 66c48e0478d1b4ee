"""Makes the nonces of boots, and knows them again: see ``model.boot_nonce``.

The key is made from that of the secrets, so every daemon of a fleet knows the nonces of the others, and a restart
forgets none. Which boot of a machine is the present one is read from the journal itself: the last pass may not know yet
that the machine was booted a second ago.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import structlog

from ..execution import seam
from ..model.boot_nonce import SALT_BYTES, BootNonce, is_genuine, make_nonce
from ..model.errors import PermanentError, TemporaryError
from ..model.history import History
from ..store.secrets.vault import load_key, made_for

log = structlog.get_logger()

NEVER_HEARD_OF = History()


@dataclass(frozen=True)
class BootNonces:
    """Of one fleet. May be called from any thread."""

    key_file: Path
    histories: Callable[[], Mapping[str, History]]  # as the journal has them now

    @cached_property
    def _key(self) -> bytes:
        return made_for(load_key(self.key_file), b"nonces of boots")

    def fresh(self, mac: str, serial: str | None) -> str | None:
        """The nonce for a boot that is served now; None where key or journal cannot be read: that boot gets none.

        Args:
            mac: Of the port that it boots from.
            serial: Of the machine; None: nobody knows it yet.
        """
        try:
            known = self.histories().get(serial or "", NEVER_HEARD_OF)
            return str(make_nonce(self._key, known.witnesses.boots, mac, seam.draw(SALT_BYTES).hex()))
        except (PermanentError, TemporaryError) as error:
            log.warning("a boot without a nonce", mac=mac, serial=serial, error=str(error))
            return None

    def is_genuine(self, nonce: BootNonce, macs: Collection[str]) -> bool:
        """Whether a daemon of this fleet served it to one of these MAC addresses."""
        try:
            return is_genuine(self._key, nonce, macs)
        except PermanentError as error:
            log.warning("nonces of boots cannot be told", error=str(error))
            return False
