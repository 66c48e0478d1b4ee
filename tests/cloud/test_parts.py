"""What a cloud is made of, without one: its specs, its scripts, the firmware of its servers. Seconds."""

import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.model.hardware import Nic
from reconciler.model.machine import Allocation
from reconciler.planning.interfaces import interfaces_of
from reconciler.specs.settings_table import load_table
from reconciler.specs.validate import validate

from . import containers, fabric, fleet, roots, routed
from .smbios import Firmware

DIGESTS = dict.fromkeys(roots.ROLES, "0" * 64)
NICS = (Nic("eno1", "02:00:00:00:00:01", 10_000), Nic("eno2", "02:00:00:00:00:02", 10_000))
ROUTED = Allocation("cl1", "swiftstore", "swiftstore", "room-1", "n1.example.com", 1, {"cl1-mgmt": "192.168.101.9"})
SERVER = Firmware("CLOUD7", "Cloud Store", 8192)


@pytest.mark.parametrize("kind", fleet.KINDS)
def test_the_specs_are_valid(kind: str) -> None:
    pins = [fleet.Pin("CLOUD1", "192.168.200.11")]
    files = {"fleet.yaml": fleet.fleet(DIGESTS).encode(), "cloud.yaml": fleet.commit(fleet.KINDS[kind], pins).encode()}
    checked = validate(files, settings_table=load_table(), module_versions=("43.0.10", "43.0.45"))
    assert checked.tree is not None, checked.problems
    asked = {role: wanted.count for role, wanted in checked.tree.clusters["cl1"].roles.items()}
    assert asked == {role: count for role, _, count in fleet.KINDS[kind]}


def test_the_specs_of_nodes_that_route_are_valid() -> None:
    checked = validate({"routed.yaml": routed.specs().encode()}, settings_table=load_table())
    assert checked.tree is not None, checked.problems
    assert [one.kind for one in interfaces_of(checked.tree, "A", ROUTED, NICS)] == ["bgp"]


@pytest.mark.parametrize("name", fabric.ROUTERS)
def test_a_router_speaks_over_each_of_its_cables_with_an_as_number_of_its_own(name: str) -> None:
    text = fabric.router(name)
    ports = {port for cable in fabric.cables() for at, port in (cable.this, cable.other) if at == name}
    assert {port for port in ports if f" neighbor {port} interface peer-group FABRIC\n" in text} == ports
    others = {fabric.as_number(other) for other in fabric.ROUTERS if other != name}
    assert f"\nrouter bgp {fabric.as_number(name)}\n" in text
    assert fabric.as_number(name) not in others


def test_every_role_has_a_server_that_fits_one_profile() -> None:
    for kind in fleet.KINDS.values():
        for role, model, _ in kind:
            assert fleet.fleet(DIGESTS).count(f"match: {{product: [{model.product}]}}") == 1, role


@pytest.mark.parametrize("path", [path for path, (text, _) in containers.node_files().items() if text[:2] == "#!"])
def test_the_script_is_clean(path: str, tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("needs shellcheck (apt: shellcheck)")
    script = tmp_path / "script.sh"
    script.write_text(containers.node_files()[path][0])
    told = subprocess.run(["shellcheck", "--shell=sh", script], capture_output=True, text=True, check=False)
    assert told.stdout == ""


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["-s", "system-serial-number"], "CLOUD7"),
        (["-s", "system-product-name"], "Cloud Store"),
        (["-s", "baseboard-serial-number"], "CNCLOUD7"),
        (["-t", "17"], "Size: 8 GB"),
    ],
)
def test_dmidecode_reads_the_firmware(asked: list[str], said: str, tmp_path: Path) -> None:
    if shutil.which("dmidecode") is None:
        pytest.skip("needs dmidecode (apt: dmidecode)")
    dump = tmp_path / "dump"
    entry = SERVER.entry_point_at(32)
    dump.write_bytes(entry.ljust(32, b"\0") + SERVER.table)  # as dmidecode --dump-bin lays them out
    told = subprocess.run(["dmidecode", f"--from-dump={dump}", *asked], capture_output=True, text=True, check=True)
    assert said in told.stdout
