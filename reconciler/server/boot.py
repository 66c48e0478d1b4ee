"""Routes for machines that boot from the network: scripts from memory, images from disk. Nothing changes.

Machines cannot show a token; they are believed by the network they boot in. What they say of themselves only chooses
between the live system and their own disk, and there is nothing secret in either answer.
"""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, PlainTextResponse

from .auth import Caller, caller
from .openapi import BINARY, PLAIN, answers, refuses
from .ports import BootAnswers, ServedHere
from .responses import TEXT

_IMAGES = r"^(vmlinuz|initrd\.img|filesystem\.squashfs)$"


def may_boot(served: ServedHere, who: Annotated[Caller, Depends(caller)]) -> BootAnswers:
    """Let pass who asks from a trusted network, once there are specs that say which those are."""
    boots = served.boots()
    if boots is None:
        raise HTTPException(503, "There are no valid specs yet.", {"retry-after": "5"})
    if not who.is_in(boots.trusted_networks):
        raise HTTPException(403, "Only machines in the trusted networks boot from here.")
    return boots


_MayBoot = Annotated[BootAnswers, Depends(may_boot)]
_Mac = Annotated[str | None, Query(max_length=64, description="of the port that it boots from")]

_NOT_FROM_HERE = refuses(400, 401, 403, 503, content=PLAIN)

router = APIRouter()


class _AsSpelt(bytes):
    """A header's name that uvicorn does not turn into lower case, as it does with all others.

    GRUB (2.12, grub-core/net/http.c) knows the length of a file only under this very spelling. Without it each of the
    three times that it opens its menu takes 34 s, until it has given up waiting for more.
    """

    def lower(self) -> bytes:
        return self


@router.get(
    "/oci/ipxe.php",
    summary="iPXE: what to boot; the address that OCI had",
    response_class=PlainTextResponse,
    responses=_NOT_FROM_HERE,
)
@router.get("/v1/boot/ipxe", summary="iPXE: what to boot", response_class=PlainTextResponse, responses=_NOT_FROM_HERE)
def ipxe(
    boots: _MayBoot,
    mac: _Mac = None,
    serial: Annotated[str | None, Query(max_length=256, description="as the firmware has it")] = None,
    arch: Annotated[str | None, Query(max_length=32, description="iPXE's buildarch")] = None,
) -> Response:
    """Without parameters, a script that asks again with them: a DHCP server cannot name the machine."""
    return Response(boots.ipxe(mac, serial, arch), media_type=TEXT)


@router.get(
    "/v1/boot/grub/{mac}",
    summary="GRUB: what to boot",
    response_class=PlainTextResponse,
    responses=_NOT_FROM_HERE,
)
def grub(boots: _MayBoot, mac: Annotated[str, InPath(max_length=64)]) -> Response:
    """A menu of one entry."""
    answer = Response(boots.grub(mac), media_type=TEXT)
    answer.raw_headers.append((_AsSpelt(b"Content-Length"), str(len(answer.body)).encode()))
    return answer


@router.get(
    "/v1/boot/images/{architecture}/{name}",
    summary="A live system's kernel, initrd or squashfs",
    response_class=FileResponse,
    responses=answers(BINARY) | _NOT_FROM_HERE | refuses(404, content=PLAIN),
)
def image(
    boots: _MayBoot,
    architecture: Annotated[str, InPath(pattern="^(amd64|arm64)$")],
    name: Annotated[str, InPath(pattern=_IMAGES)],
) -> Response:
    """The file that "reconciler boot-image build" left."""
    path: Path = boots.images / architecture / name
    if not path.is_file():
        raise HTTPException(404, f'There is no live image for {architecture} yet: "reconciler boot-image build".')
    return FileResponse(path, media_type="application/octet-stream")
