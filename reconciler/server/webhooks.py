"""Webhooks of forges: told of a push, the daemon asks its repository at once, and not only when the poll is due.

What a forge says is not read. Who knows the secret may have the repository asked for, and nothing else.
"""

import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum

from fastapi import APIRouter, HTTPException, Request

from .openapi import refuses
from .ports import ServedHere

MAX_BODY = 1024 * 1024
"""Bytes of what a forge says of a push; of a larger one the poll will know."""


class Forge(StrEnum):
    """What speaks to us; Forgejo speaks as Gitea does."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"


_SIGNED_IN = {Forge.GITHUB: "x-hub-signature-256", Forge.GITEA: "x-gitea-signature"}
"""The header that has the HMAC-SHA256 of the body, in hexadecimal."""
_TOKEN_IN = "x-gitlab-token"  # noqa: S105 - the name of a header


router = APIRouter()


def is_genuine(forge: Forge, headers: Mapping[str, str], body: bytes, secret: bytes) -> bool:
    """Whether who sent this knows the secret.

    GitHub and Gitea sign the body (HMAC-SHA256); GitLab sends the secret itself.

    Args:
        forge: Whose way it is to show.
        headers: Of the request, by name in lower case.
        body: Of the request, as it came.
        secret: What was agreed with the forge.
    """
    if forge is Forge.GITLAB:
        return hmac.compare_digest(headers.get(_TOKEN_IN, "").encode(), secret)
    shown = headers.get(_SIGNED_IN[forge], "").removeprefix("sha256=")
    return hmac.compare_digest(shown.encode(), hmac.new(secret, body, hashlib.sha256).hexdigest().encode())


@router.post(
    "/v1/hooks/{forge}",
    status_code=204,
    summary="Have the repository of the specs asked at once",
    responses=refuses(400, 403, 404, 413),
)
async def pushed(served: ServedHere, request: Request, forge: Forge) -> None:
    """For a forge, which shows that it knows the secret that the configuration has for it (``webhooks``)."""
    secret = served.webhooks.get(forge)
    if secret is None:
        raise HTTPException(404, f"The configuration has no webhook of {forge}.")
    if not is_genuine(forge, request.headers, await request.body(), secret):
        raise HTTPException(403, "The secret is not the one that the configuration has for this forge.")
    served.specs_changed()
