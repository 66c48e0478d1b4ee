"""What machines ask for when they boot from the network: scripts from memory, images from disk. Nothing changes.

Machines cannot show a token; they are believed by the network they boot in. What they say of themselves only chooses
between the live system and their own disk, and there is nothing secret in either answer.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from .access import Caller
from .answers import TEXT
from .gate import caller, served_of
from .ports import Boots, Served

_Served = Annotated[Served, Depends(served_of)]
_IMAGES = r"^(vmlinuz|initrd\.img|filesystem\.squashfs)$"


def may_boot(served: _Served, who: Annotated[Caller, Depends(caller)]) -> Boots:
    """Let pass who asks from a trusted network, once there are specs that say which those are."""
    boots = served.boots()
    if boots is None:
        raise HTTPException(503, "There are no valid specs yet.", {"retry-after": "5"})
    if not who.is_in(boots.trusted_networks):
        raise HTTPException(403, "Only machines in the trusted networks boot from here.")
    return boots


_Boots = Annotated[Boots, Depends(may_boot)]
_Route = TypeVar("_Route", bound=Callable[..., Response])
_Mac = Annotated[str | None, Query(max_length=64, description="of the port that it boots from")]

router = APIRouter()


def _answers(path: str, summary: str) -> Callable[[_Route], _Route]:
    """GET; and HEAD, which GRUB asks first, to learn the length."""
    both = router.api_route(path, methods=["HEAD"], include_in_schema=False), router.get(path, summary=summary)
    return lambda route: both[0](both[1](route))


@_answers("/oci/ipxe.php", "iPXE: what to boot; the address that OCI had")
@_answers("/v1/boot/ipxe", "iPXE: what to boot")
def ipxe(
    boots: _Boots,
    mac: _Mac = None,
    serial: Annotated[str | None, Query(max_length=256, description="as the firmware has it")] = None,
    arch: Annotated[str | None, Query(max_length=32, description="iPXE's buildarch")] = None,
) -> Response:
    """Without parameters, a script that asks again with them: a DHCP server cannot name the machine."""
    return Response(boots.ipxe(mac, serial, arch), media_type=TEXT)


@_answers("/v1/boot/grub/{mac}", "GRUB: what to boot")
def grub(boots: _Boots, mac: Annotated[str, InPath(max_length=64)]) -> Response:
    """A menu of one entry."""
    return Response(boots.grub(mac), media_type=TEXT)


@_answers("/v1/boot/images/{architecture}/{name}", "A live system's kernel, initrd or squashfs")
def image(
    boots: _Boots,
    architecture: Annotated[str, InPath(pattern="^(amd64|arm64)$")],
    name: Annotated[str, InPath(pattern=_IMAGES)],
) -> Response:
    """As "reconciler boot-image build" left it."""
    path: Path = boots.images / architecture / name
    if not path.is_file():
        raise HTTPException(404, f'There is no live image for {architecture} yet: "reconciler boot-image build".')
    return FileResponse(path, media_type="application/octet-stream")
