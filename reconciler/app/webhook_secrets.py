"""Secrets of webhooks, read from the files that the configuration names."""

from collections.abc import Mapping
from pathlib import Path

from .config import Config, ConfigError

LEAST = 16
"""Bytes. A shorter secret could be guessed."""


def webhook_secrets(config: Config) -> Mapping[str, bytes]:
    """The secret of each forge that may say that there is a new commit.

    Raises:
        ConfigError: A file cannot be read, or what it has is too short.
    """
    return {forge: _secret(forge, hook.secret_file) for forge, hook in config.webhooks.items()}


def _secret(forge: str, path: Path) -> bytes:
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"webhooks.{forge}: {path} cannot be read: {error.strerror}") from None
    if len(secret) < LEAST:
        raise ConfigError(f"webhooks.{forge}: {path} has {len(secret)} bytes; a secret has {LEAST} or more")
    return secret
