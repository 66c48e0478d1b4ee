"""Who may have the repository of the specs asked at once."""

import hashlib
import hmac

import pytest

from reconciler.server.webhooks import MAX_BODY, Forge, is_genuine

from .conftest import Client
from .worlds import STRANGER, World

SECRET = b"It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNED = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
"""docs.github.com, "Validating webhook deliveries": what these two give."""


@pytest.mark.parametrize(
    ("forge", "headers", "body", "genuine"),
    [
        (Forge.GITHUB, {"x-hub-signature-256": f"sha256={SIGNED}"}, BODY, True),
        (Forge.GITHUB, {"x-hub-signature-256": f"sha256={SIGNED}"}, BODY + b" ", False),
        (Forge.GITHUB, {"x-hub-signature": "sha1=" + hmac.new(SECRET, BODY, hashlib.sha1).hexdigest()}, BODY, False),
        (Forge.GITHUB, {"x-hub-signature-256": ""}, BODY, False),
        (Forge.GITHUB, {"x-hub-signature-256": "sha256=" + "\N{SNOWMAN}" * 64}, BODY, False),
        (Forge.GITHUB, {"x-gitlab-token": SECRET.decode()}, BODY, False),
        (Forge.GITEA, {"x-gitea-signature": SIGNED}, BODY, True),
        (Forge.GITEA, {"x-gitea-signature": SIGNED.upper()}, BODY, False),
        (Forge.GITEA, {}, BODY, False),
        (Forge.GITLAB, {"x-gitlab-token": SECRET.decode()}, b"whatever", True),
        (Forge.GITLAB, {"x-gitlab-token": SECRET.decode()[:-1]}, b"whatever", False),
        (Forge.GITLAB, {}, b"", False),
    ],
)
def test_who_knows_the_secret_is_believed(forge: Forge, headers: dict[str, str], body: bytes, genuine: bool) -> None:
    assert is_genuine(forge, headers, body, SECRET) is genuine


@pytest.mark.parametrize(
    ("forge", "signed", "body", "status", "told"),
    [
        ("github", SIGNED, BODY, 204, 1),
        ("github", SIGNED, b"{}", 403, 0),
        ("gitea", SIGNED, BODY, 404, 0),  # nobody agreed on a secret with one
        ("sourcehut", SIGNED, BODY, 400, 0),
        ("github", hmac.new(SECRET, b" " * 100_000, hashlib.sha256).hexdigest(), b" " * 100_000, 204, 1),
        ("github", SIGNED, b" " * (MAX_BODY + 1), 413, 0),
    ],
)
async def test_a_push_has_the_repository_asked(
    world: World, client: Client, forge: str, signed: str, body: bytes, status: int, told: int
) -> None:
    world.webhooks["github"] = SECRET
    answer = await client(STRANGER, x_hub_signature_256=f"sha256={signed}").post(f"/v1/hooks/{forge}", content=body)
    assert (answer.status_code, world.pushes) == (status, told)
