"""The two ways to install, and what each of them is given."""

import shlex
from collections.abc import Mapping

from ..model.actions import InstallOs
from ..model.files import File
from ..model.hardware import Hardware
from ..model.kinds import FleetSpec
from . import image, install, remote


def uploads(action: InstallOs, fleet: FleetSpec, hardware: Hardware, node_files: Mapping[str, File]) -> dict[str, File]:
    """Every file that is uploaded before ``remote.START_INSTALL``, by absolute path in the live system.

    Args:
        action: What to install, and how.
        fleet: For its mirrors.
        hardware: The machine's latest report.
        node_files: What the node finds at its first boot.

    Raises:
        ValueError: This machine cannot be installed so; says why.
    """
    if action.image is not None:
        return {**image.image_files(action, hardware, node_files), **_wrapped(action, image.COMMAND)}
    return {**node_files, **_wrapped(action, install.install_command(action, fleet, hardware))}


def _wrapped(action: InstallOs, words: tuple[str, ...] | list[str]) -> dict[str, File]:
    return remote.install_files(action, shlex.join(words))
