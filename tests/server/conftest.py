"""A running application, and clients that come from wherever a test wants: they hold OpenAPI against each answer."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from .promised import broken
from .worlds import TOKENS, TRUSTED, World

Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    made.ingest.start()
    yield made
    await made.ingest.stop()


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    """``client(address, token_role, **headers)``: an HTTP client as the server sees it."""
    opened: list[httpx.AsyncClient] = []

    def make(address: str = TRUSTED, role: str | None = None, **headers: str) -> httpx.AsyncClient:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if role:
            sent["authorization"] = f"Bearer {TOKENS.get(role, role)}"
        transport = httpx.ASGITransport(app=world.app, client=(address, 40_000), raise_app_exceptions=False)
        opened.append(
            httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1", headers=sent, event_hooks={"response": [_keeps]}
            )
        )
        return opened[-1]

    yield make
    for one in opened:
        await one.aclose()


async def _keeps(response: httpx.Response) -> None:
    """Fail where OpenAPI does not know of such an answer."""
    body, asked = await response.aread(), response.request
    kind = response.headers.get("content-type", "")
    assert not (wrong := broken(asked.method, asked.url.path, response.status_code, kind, body)), wrong
