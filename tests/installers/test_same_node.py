"""Both installers end in the same node: each makes it for real, and what they made is compared file by file.

Real are the live system's programs, Debian's installer with OCI's hook, our script with the manual's tarball, both
below our wrapper with our arguments and files, and all that they start. Disks are loop devices, the network is a copy
of the Debian archive, and nothing boots.
"""

import os
import shutil

import pytest

from . import made, nodes
from .compare import differences, unused
from .listing import Made
from .right import FILES, PACKAGES

NEEDED = {"mmdebstrap": "mmdebstrap", "losetup": "mount", "unshare": "util-linux", "ip": "iproute2"}
MISSING = [package for program, package in NEEDED.items() if shutil.which(program) is None]

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        bool(MISSING) or os.geteuid() != 0, reason=f"needs root, and {' '.join(MISSING) or 'nothing else'} (apt)"
    ),
]


@pytest.mark.lengthy
def test_both_installers_do_the_same_with_the_same_packages() -> None:
    """On the node that asks most of them: a compute whose address is on a bridge of Open vSwitch."""
    assert_same(root("shared", "compute"), root("image", "compute"))


@pytest.mark.live
@pytest.mark.parametrize("role", nodes.INTERFACES)
def test_both_installers_end_in_the_same_node(role: str) -> None:
    assert_same(root("debian", role), root("image", role))


@pytest.mark.live
def test_every_difference_that_is_right_is_there() -> None:
    pairs = [(root("debian", role).files, root("image", role).files) for role in nodes.INTERFACES]
    never = set.intersection(*(set(unused(debian, image, FILES)) for debian, image in pairs))
    assert never == set()


def root(way: str, role: str) -> Made:
    """What an installer made."""
    try:
        return made.made(way, role)
    except (LookupError, OSError) as error:
        pytest.skip(f"needs the Debian mirror that APT uses: {error}")


def assert_same(debian: Made, image: Made) -> None:
    """Nothing differs but what the tables say."""
    others = {name for name, _ in debian.packages.items() ^ image.packages.items()}
    assert sorted(others - PACKAGES.keys()) == []
    less = debian.owned(PACKAGES) | image.owned(PACKAGES)
    told = list(differences(debian.files, image.files, FILES, less))
    assert not told, "\n".join(told)
