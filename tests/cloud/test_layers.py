"""A role's tarball has what its packages depend on: here is which packages, by the catalogs of a cloud's nodes."""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing

import pytest

from ..enc.catalogs import Puppet
from ..enc.enrolled import documents
from . import fleet, roots
from .enrolled import enrolled

pytestmark = pytest.mark.puppet


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, tuple[str, bytes]]]:
    """Hostname and document of a node of each role."""
    with closing(enrolled(fleet.KINDS["swift"], tmp_path_factory.mktemp("cloud"))) as site:
        found = documents(site, lambda held: True)
        held = site.snapshot().allocations.values()
        yield {one.role: (one.hostname, found[one.hostname]) for one in held}


@pytest.mark.parametrize("role", roots.ROLES)
def test_a_layer_has_the_packages_of_the_roles_catalog(
    role: str, given: Mapping[str, tuple[str, bytes]], puppet: Puppet
) -> None:
    """``GOLDEN=overwrite pytest`` rewrites it."""
    hostname, document = given[role]
    got = "".join(f"{name}\n" for name in puppet.compile(hostname, role, document).packages())
    layer = roots.LAYERS / role
    if os.environ.get("GOLDEN") == "overwrite":
        layer.write_text(got)
    assert got == layer.read_text()
