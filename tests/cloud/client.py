"""A client of the cloud's API: HTTPS to the virtual address, under its name, believing the fleet's authority alone."""

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_TIMEOUT = 60.0  # seconds, of one answer: the first ones of a service that has just begun are slow


class _Connection(http.client.HTTPSConnection):
    """To an address, under a name: no name server knows the cloud."""

    def __init__(self, host: str, port: int, address: str, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=_TIMEOUT, context=context)
        self._address, self._tls = address, context

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), _TIMEOUT)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


@dataclass(frozen=True)
class Answer:
    """What a service answered."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


class RefusedError(Exception):
    """A service answered with no."""


@dataclass(frozen=True)
class Client:
    """Asks the API."""

    address: str  # the virtual one
    authority: str  # PEM
    token: str = ""

    def ask(self, method: str, url: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request.

        Raises:
            OSError: Nobody answers, or not under its name.
            RefusedError: The answer is no.
        """
        there = urlsplit(url)
        connection = _Connection(
            there.hostname or "", there.port or 443, self.address, ssl.create_default_context(cadata=self.authority)
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["X-Auth-Token"] = self.token
        try:
            connection.request(method, there.path, body, sent)
            answer = connection.getresponse()
            found = Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except http.client.HTTPException as error:
            raise OSError(f"{url}: {error!r}") from error
        finally:
            connection.close()
        if found.status >= 300:
            raise RefusedError(f"{method} {url}: {found.status} {found.body[:200]!r}")
        return found
