"""The daemon's log: key-value events on standard error, for people on a terminal and as JSON elsewhere."""

import contextlib
import sys

import structlog

from ..model.redaction import redact


class LossyLogger(structlog.WriteLogger):
    """Loses what cannot be written: a full disk or a dead reader of logs must not end what is logged of.

    Whatever is written, the addresses in it come without their secrets.
    """

    def msg(self, message: str) -> None:
        """Write a line, if that can be."""
        with contextlib.suppress(OSError):
            super().msg(redact(message))

    debug = info = warning = error = critical = exception = msg


def configure() -> None:
    """Set up structlog for a process that stays."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    terminal = sys.stderr.isatty()
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    )
    structlog.configure(
        processors=shared + last,
        logger_factory=lambda *_: LossyLogger(sys.stderr),
        cache_logger_on_first_use=True,
    )
