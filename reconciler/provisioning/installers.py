"""The two ways to install, and what each of them is given."""

import shlex
from collections.abc import Mapping

from ..model.actions import InstallOs
from ..model.files import File
from ..model.hardware import Hardware
from ..model.kinds import FleetSpec
from . import commands, install, root_image


def uploads(
    action: InstallOs,
    fleet: FleetSpec,
    hardware: Hardware,
    node_files: Mapping[str, File],
    ordered: commands.Ordered = commands.NOBODY,
) -> dict[str, File]:
    """Every file that is uploaded before ``commands.START_INSTALL``, by absolute path in the live system.

    Args:
        action: What to install, and how.
        fleet: For its mirrors.
        hardware: The machine's latest report.
        node_files: What the node finds at its first boot.
        ordered: By whom.

    Raises:
        ValueError: This machine cannot be installed so; says why.
    """
    if action.image is None:
        words, files = install.install_command(action, fleet, hardware), node_files
    else:
        words, files = list(root_image.COMMAND), root_image.image_files(action, hardware, node_files)
    return {**files, **commands.install_files(action, shlex.join(words), ordered)}
