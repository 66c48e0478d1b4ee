"""The command line's question to a running daemon over HTTP: its latest observation."""

import http.client
import json
from urllib.parse import SplitResult, urlsplit

from ..model.errors import PermanentError, TemporaryError
from ..model.redaction import redact_address

MAX_BYTES = 256 * 1024 * 1024
"""An observation of ten thousand machines has some 60 MB."""


def fetch_observation(url: str, token: str | None) -> str:
    """The daemon's latest observation, as ``plan --observed`` reads it.

    Raises:
        PermanentError: The address makes no sense, or the daemon refuses.
        TemporaryError: Nobody answers.
    """
    parts, port = _address(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", port, timeout=60)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", f"{parts.path.rstrip('/')}/v1/observation", headers=headers)
        answer = connection.getresponse()
        body = answer.read(MAX_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise TemporaryError(f"no answer from {redact_address(url)}: {error}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise PermanentError(f"{redact_address(url)} answers {answer.status}: {_why(body)}")
    if len(body) > MAX_BYTES:
        raise PermanentError(f"the observation of {redact_address(url)} is larger than {MAX_BYTES} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise PermanentError(f"{redact_address(url)} did not answer with text: is it a reconciler?") from None


def _why(body: bytes) -> str:
    """What a refusal says, whether it comes from us or from a proxy in between."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return body[:500].decode(errors="replace").strip()


def _address(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname:
            return parts, parts.port
    except ValueError:  # a port that is no number, half an IPv6 address
        pass
    raise PermanentError(
        f'"{redact_address(url)}" is not the address of a daemon, such as "http://reconciler.example.com:8080"'
    )
