"""``oci::repos::*``: APT repositories, one class per family."""

from ..conditions import has_repositories
from ..params import PuppetClass, Section
from ..values.common import repositories


def _family(name: str) -> PuppetClass:
    rows = {"repositories": repositories(name)}
    return PuppetClass(f"oci::repos::{name}", (Section("Repositories", rows),), when=has_repositories(name))


REPOS_VENDORS = _family("vendors")
REPOS_DEBIAN = _family("debian")
REPOS_OSBPO = _family("osbpo")
