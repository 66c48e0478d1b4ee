"""Class signatures of ``puppet-module-oci``: those that ship with the program, and those of a folder of manifests."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from ..model.signature import Signatures, from_json, parse, to_json

_RELEASE = re.compile(r"\S+ \((?:\d+:)?([^-)]+)")


@cache
def known_signatures() -> Mapping[str, Signatures]:
    """Every version that ships, oldest name first. Do not change it: it is shared."""
    folder = resources.files("reconciler").joinpath("data/puppet")
    files = {file.name.removesuffix(".json"): file for file in folder.iterdir() if file.name.endswith(".json")}
    return {version: from_json(version, json.loads(file.read_text())) for version, file in sorted(files.items())}


def read_signatures(folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    """What ``schemas/puppet/<version>.json`` holds, for the manifests (``*.pp``) below a folder.

    Raises:
        ValueError: There is no class in any of them.
    """
    classes = {}
    for path in sorted(folder.rglob("*.pp")):
        classes.update(parse(path.read_text(encoding="utf-8")))
    if not classes:
        raise ValueError(f"no Puppet class in {folder}")
    return to_json(classes)


def version_of(folder: Path) -> str | None:
    """The version of the module that a folder, or its ``manifests``, belongs to; None where no file tells.

    The Debian package numbers its releases in ``debian/changelog``, and the module itself in ``metadata.json``.
    """
    for root in (folder, folder.parent):
        changelog, metadata = root / "debian/changelog", root / "metadata.json"
        if changelog.is_file() and (found := _RELEASE.match(changelog.read_text(errors="replace"))):
            return found[1]
        if metadata.is_file():
            try:
                return str(json.loads(metadata.read_text())["version"])
            except (ValueError, KeyError, TypeError):
                continue
    return None
