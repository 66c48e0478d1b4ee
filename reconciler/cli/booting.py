"""``boot-files`` and ``boot-image``: what machines boot from the network."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Format, FormatOption, enable_gc, failed, note, open_site, open_to_decide, open_to_read, tell_where

if TYPE_CHECKING:
    from ..app.site import Site
    from ..provisioning.boot.live_image import Recipe
    from ..render.rows import ImageState


class Architecture(StrEnum):
    """Debian's names."""

    AMD64 = "amd64"
    ARM64 = "arm64"


class Compression(StrEnum):
    """Of the squashfs."""

    ZSTD = "zstd"
    LZ4 = "lz4"
    XZ = "xz"


_ARCHITECTURE = Annotated[Architecture, typer.Option("--architecture", help="Of the machines that boot it.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("boot-files", epilog=_FILES)(boot_files)
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("build", epilog=_BUILD)(build)
    group.command("check", epilog=_CHECK)(check)
    app.add_typer(group, name="boot-image", help="Build the live image, and tell whether it is current.")


_FILES = """\b
Examples:
  reconciler boot-files
  ln -s /var/lib/reconciler/boot/dnsmasq.conf \\
      /etc/dnsmasq.d/reconciler.conf
"""


def boot_files(
    context: typer.Context,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where they go. Default: <state>/boot, which the daemon serves.")
    ] = None,
) -> int:
    """Write what DHCP and TFTP servers need.

    Fragments for dnsmasq and ISC dhcpd, and below tftp/ GRUB's menu and the boot programs that are installed here: iPXE
    for BIOS, shim and signed GRUB for UEFI. It says which packages are missing, and replaces files that differ.
    """
    from ..app.boot_folder import advice, lay

    site = open_site(context)
    folder = output or site.config.boot_folder
    laid = lay(site.specs.tree().fleet, folder)
    for path in laid.changed:
        print(f"wrote {path}")
    if not laid.changed:
        note(f"All files in {folder} are as they should be.")
    for sentence in advice(laid):
        note(f"Warning: {sentence}")
    return 0


_BUILD = """Needs root, or user namespaces; and the packages mmdebstrap and squashfs-tools.

\b
Example:
  reconciler --config /etc/reconciler/reconciler.yaml boot-image build
"""


def build(
    context: typer.Context,
    architecture: _ARCHITECTURE = Architecture.AMD64,
    compression: Annotated[
        Compression, typer.Option("--compression", help="zstd: smaller. lz4: faster to boot.")
    ] = Compression.ZSTD,
) -> int:
    """Build the live image with mmdebstrap.

    It holds the fleet's Debian release, from its mirror, the agent, and the public half of the daemon's SSH key, which
    is made where there is none. Building takes some minutes. Machines get the new image once it is whole.
    """
    from ..app import boot_image
    from ..app.directory import PROVISIONING_KEY

    enable_gc()
    site = open_to_decide(context)
    tell_where(site)
    site.certificates.mint((PROVISIONING_KEY,))
    made = _recipe(site, architecture)
    manifest = boot_image.build(made, _folder(site, architecture), site.now(), compression=compression)
    print(f"wrote {manifest.parent}")
    return 0


_CHECK = """Exits 0 when it is current, 1 when it should be built.

\b
Example:
  reconciler boot-image check || reconciler boot-image build
"""


def check(
    context: typer.Context, architecture: _ARCHITECTURE = Architecture.AMD64, format: FormatOption = Format.TEXT
) -> int:
    """Tell whether the live image is what would be built now.

    It compares what the image was made of (release, packages, agent, keys, server address), its files, and its age.
    """
    from ..app import boot_image
    from ..app.directory import PROVISIONING_KEY

    site = open_to_read(context, tells=format is Format.TEXT)
    if site.kept is None or site.kept.secret(PROVISIONING_KEY) is None:
        return failed('the daemon has no SSH key yet, so no image fits it; "reconciler boot-image build" makes both')
    found = boot_image.check(_recipe(site, architecture), _folder(site, architecture), site.now())
    built_at = found.manifest.built_at if found.manifest else None
    if format is Format.JSON:
        state: ImageState = {"current": not found.problems, "built_at": built_at, "problems": list(found.problems)}
        print(json.dumps(state, indent=1))
    elif found.problems:
        print("\n".join(["The live image should be built:", *(f"- {problem}" for problem in found.problems)]))
    else:
        print(f"The live image of {built_at} is current.")
    return 1 if found.problems else 0


def _folder(site: "Site", architecture: Architecture) -> Path:
    from ..provisioning.boot.tree import IMAGES, TFTP

    return site.config.boot_folder / TFTP / IMAGES / architecture


def _recipe(site: "Site", architecture: Architecture) -> "Recipe":
    from ..app import boot_image
    from ..app.directory import PROVISIONING_KEY
    from ..model.secret_parts import part_of
    from ..provisioning.boot.live_image import recipe

    key = part_of(site.store.secret(PROVISIONING_KEY) or "", "ssh", "authorized")
    tree = site.specs.tree()
    return recipe(tree.fleet, architecture, key, boot_image.agent_files(), tree.repositories)
