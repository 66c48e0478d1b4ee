"""Tells systemd that the daemon answers, and then again and again that its event loop turns.

Of one that says nothing any more, systemd makes an end, and starts another (``WatchdogSec=``). See sd_notify(3) and
sd_watchdog_enabled(3).
"""

import contextlib
import os
import socket
from collections.abc import Mapping

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"
_SHARE = 3
"""It is told so many times within the time in which systemd wants to hear of it once."""


class Watchdog:
    """The way to who started this process; silent where that was not systemd, or systemd asks for nothing."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """What systemd wants stands in the environment."""
        self._socket: socket.socket | None = None  # opened once: files may run out, and that is no reason to be ended
        if address := environ.get("NOTIFY_SOCKET"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            with contextlib.suppress(OSError):
                self._socket.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        is_ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "") if is_ours else ""
        self.every = int(microseconds) / 1_000_000 / _SHARE if microseconds.isdigit() else None
        """Seconds after which it is to be told again; None: nobody waits for that."""

    def tell(self, state: str) -> None:
        """Say how things stand; nothing happens where nobody listens."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send(state.encode())

    async def turn(self) -> None:
        """The event loop turns."""
        self.tell(ALIVE)

    def close(self) -> None:
        """Say no more."""
        if self._socket is not None:
            self._socket.close()
