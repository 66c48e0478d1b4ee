"""Nova's own reading of ``hw_machine_type``, from Debian 13's package."""

import ast
import hashlib
import logging
import subprocess
import typing
from pathlib import Path
from types import SimpleNamespace

import pytest

from ..debian import Apt, once
from .openstack import openstack, rows
from .puppet_modules import RELEASE

pytestmark = pytest.mark.puppet

PACKAGE = "python3-nova"
UTILITIES = "root/usr/lib/python3/dist-packages/nova/virt/libvirt/utils.py"
READS = "get_default_machine_type"


def _unpack(folder: Path) -> None:
    apt = Apt(folder, RELEASE)
    apt.get("update")
    (package,) = apt.download([f"{PACKAGE}/{RELEASE}"])
    subprocess.run(["dpkg", "--extract", package, folder / "root"], check=True)


@pytest.fixture(scope="module")
def nova() -> str:
    """The text of Nova's ``nova.virt.libvirt.utils``."""
    recipe = hashlib.sha256(PACKAGE.encode()).hexdigest()[:12]
    try:
        return (once(f"nova-{RELEASE}-{recipe}", _unpack) / UTILITIES).read_text()
    except (LookupError, FileNotFoundError) as error:
        pytest.skip(f"needs Debian 13's {PACKAGE} from the mirror that APT uses: {error}")


class _Architectures:
    """Nova's names of them are their values in lower case."""

    def __getattr__(self, name: str) -> str:
        return name.lower()


def machine_type(nova: str, configured: object) -> str:
    """What instances get on x86_64, as Nova's function says; the rest of Nova is not there."""
    functions = [one for one in ast.parse(nova).body if isinstance(one, ast.FunctionDef) and one.name == READS]
    assert functions, f"Nova has no {READS} any more"
    told = SimpleNamespace(libvirt=SimpleNamespace(hw_machine_type=[configured]))
    known: dict[str, typing.Any] = {
        "CONF": told, "LOG": logging.getLogger("nova"), "ty": typing,
        "obj_fields": SimpleNamespace(Architecture=_Architectures()),
    }  # fmt: skip
    exec(compile(ast.Module(functions, []), UTILITIES, "exec"), known)
    found: str = known[READS]("x86_64")
    return found


@pytest.mark.parametrize(
    ("settings", "given"),
    [("{}", "q35"), ("{hw_machine_type: x86_64=pc}", "pc"), ("{hw_machine_type: q35}", "pc")],
)
def test_instances_get_the_machine_type_that_the_setting_says(nova: str, settings: str, given: str) -> None:
    """The last is what OCI gives: Nova does not take it."""
    document = rows(openstack({"controller": 1, "compute": 1}, settings=settings), "os-compute-1")
    assert machine_type(nova, document["hw_machine_type"]) == given
