"""What a cloud must answer through its virtual address: a token, an object and an image that come back."""

import functools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .client import Client, RefusedError
from .cloud import Cloud
from .keeper import running
from .places import API, VIP

KEYSTONE = f"https://{API}/identity/v3"
_BYTES = 1_000_000


@dataclass(frozen=True)
class Check:
    """A question, and what it is called once the answer is right."""

    name: str
    ask: Callable[[], None]

    def problem(self) -> str | None:
        """Why the answer is not right yet; None: it is."""
        try:
            self.ask()
        except (OSError, RefusedError, AssertionError, LookupError, ValueError, subprocess.CalledProcessError) as error:
            return f"{type(error).__name__}: {error}"
        return None


def of(cloud: Cloud) -> Iterator[Check]:
    """The questions to this cloud."""
    yield Check("Keystone gives a token through the virtual address", lambda: _token(cloud)[0] and None)
    if cloud.kind != "control":
        yield Check("an object goes into Swift and comes back", lambda: _object(cloud))
    yield Check("an image goes into Glance and comes back", lambda: _image(cloud))


def _token(cloud: Cloud) -> tuple[Client, dict[str, str]]:
    """A client that is the administrator, and the public URL of each service by its type."""
    socket.create_connection((VIP, 443), 5).close()  # before anybody is asked for a secret
    authority, password = credentials(cloud)
    client = Client(VIP, authority)
    user = {"name": "admin", "domain": {"name": "Default"}, "password": password}
    asked = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "admin", "domain": {"name": "Default"}}},
        }
    }
    answer = client.ask("POST", f"{KEYSTONE}/auth/tokens", _json(asked), Content_Type="application/json")
    token: Any = answer.json["token"]
    urls = {
        service["type"]: endpoint["url"].rstrip("/")
        for service in token["catalog"]
        for endpoint in service["endpoints"]
        if endpoint["interface"] == "public"
    }
    return replace(client, token=answer.headers["x-subject-token"]), urls


@functools.cache
def credentials(cloud: Cloud) -> tuple[str, str]:
    """The fleet's authority, and the administrator's password: operators read them so."""
    authority = cloud.reconciler("secrets", "show", "fleet:pki/root_ca", "--part", "crt")
    return authority, cloud.reconciler("secrets", "show", "cl1:keystone/adminuser").strip()


def _object(cloud: Cloud) -> None:
    client, urls = _token(cloud)
    folder, sent = f"{urls['object-store']}/check", os.urandom(_BYTES)
    client.ask("PUT", folder)
    client.ask("PUT", f"{folder}/one", sent)
    assert client.ask("GET", f"{folder}/one").body == sent, "another object came back"
    client.ask("DELETE", f"{folder}/one")


def _image(cloud: Cloud) -> None:
    client, urls = _token(cloud)
    images, sent = f"{urls['image']}/v2/images", os.urandom(_BYTES)
    described = {"name": "check", "disk_format": "raw", "container_format": "bare"}
    made: Any = client.ask("POST", images, _json(described), Content_Type="application/json").json
    client.ask("PUT", f"{images}/{made['id']}/file", sent, Content_Type="application/octet-stream")
    assert client.ask("GET", f"{images}/{made['id']}/file").body == sent, "another image came back"
    client.ask("DELETE", f"{images}/{made['id']}")


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def main() -> int:
    """Ask every question once, and return an exit status."""
    cloud, _ = running()
    status = 0
    for each in of(cloud):
        began = time.monotonic()
        problem = each.problem()
        print(f"{time.monotonic() - began:6.1f} s  {each.name}" + (f": NO, {problem}" if problem else ""), flush=True)
        status = status or int(problem is not None)
    return status


if __name__ == "__main__":
    sys.exit(main())
