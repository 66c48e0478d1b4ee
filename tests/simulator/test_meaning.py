"""What is made of scripts by reading them is what a shell makes of them by running them."""

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.model.actions import InstallOs, RootImage
from reconciler.provisioning import commands, fence, root_image
from reconciler.simulator.files import MemoryFiles
from reconciler.simulator.fleet import build_servers
from reconciler.simulator.hardware import STORE, RackedServer
from reconciler.simulator.meaning import (
    Content,
    DiskSystem,
    erased_by,
    finish,
    look,
    read_fence,
    read_wrapper,
    written,
)
from reconciler.simulator.server import SimServer

from ..execution.build import INSTALL

UUID = "0f5f4e4e-3c4b-4a4d-9f0e-3d4f1a2b3c4d"
OURS = commands.Marker(INSTALL.serial, "n1.example.com", 1, INSTALL.id, "c1", "controller", None, finished=True)


@dataclass(frozen=True)
class Disks:
    """What lies on the disks that an install names."""

    system: str | None = None  # the marker of the system on the first disk; empty: a system without one
    written: dict[str, list[str]] = field(default_factory=dict)


def other(**said: object) -> str:
    return replace(OURS, id="0123456789ab", **said).render()  # type: ignore[arg-type]


CASES = {
    "blank": Disks(),
    "this very install": Disks(OURS.render()),
    "this very install, not finished": Disks(replace(OURS, finished=False).render()),
    "another install": Disks(other()),
    "another install, not finished": Disks(other(finished=False)),
    "a reinstall that was asked for before": Disks(other(reinstall="before")),
    "a reinstall that is asked for": Disks(other(reinstall="again")),
    "a system without a marker": Disks(""),
    "volumes": Disks(written={"sda": ["LVM2_member"]}),
    "a member of a mirror": Disks(written={"sda": ["linux_raid_member"]}),
    "a file system": Disks(written={"sda": ["xfs"]}),
    "an old file system": Disks(written={"sda": ["ext3"]}),
    "a partition table": Disks(written={"sda": ["gpt"]}),
    "swap": Disks(written={"sda": ["swap"]}),
    "what nobody knows": Disks(written={"sda": ["zfs_member"]}),
    "two kinds": Disks(written={"sda": ["xfs", "LVM2_member"]}),
}


def on_files(server: SimServer, disks: Disks, files: dict[str, bytes]) -> None:
    for name in ("disk", "written", "live"):
        shutil.rmtree(server.root / name, ignore_errors=True)
    for path, content in files.items():
        (server.live / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (server.live / path.lstrip("/")).write_bytes(content)
    if disks.system is not None:
        server.marker.parent.mkdir(parents=True)
        (server.root / "uuid").write_text(f"{UUID}\n")
        (server.disk / "file").touch()
        if disks.system:
            server.marker.write_text(disks.system)
    for name, kinds in disks.written.items():
        (server.root / "written").mkdir(exist_ok=True)
        (server.root / "written" / name).write_text("\n".join(kinds))


def in_memory(disks: Disks) -> dict[str, Content]:
    there = {name: Content() for name in ("sda", "sdb")}
    if disks.system is not None:
        files = MemoryFiles({"/file": b""})
        if disks.system:
            files.write(commands.MARKER_FILE, disks.system)
        there["sda"].system = DiskSystem(UUID, files)
    for name, kinds in disks.written.items():
        there[name].signatures = tuple(kinds)
    return there


@pytest.fixture
def server(tmp_path: Path) -> SimServer:
    placed = RackedServer("S1", STORE, ("tor-1", "tor-2"), "swp7", 1)
    return build_servers([placed], tmp_path, "http://127.0.0.1:9")["S1"]


def facts(text: str) -> list[object]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.waits
@pytest.mark.parametrize("disks", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("more", [{}, {"may_erase": ("0123456789ab",)}, {"reinstall": "again"}], ids=str)
async def test_the_look_at_disks(server: SimServer, disks: Disks, more: dict[str, object]) -> None:
    action = replace(INSTALL, **more)
    files = {path: file.content for path, file in commands.fence_file(action).items()}
    on_files(server, disks, files)
    status, said = await server.look()
    found = look(read_fence(files[fence.SCRIPT_FILE].decode()), in_memory(disks))
    assert (found.status, facts(found.text)) == (status, facts(said))


async def test_a_disk_that_is_not_there(server: SimServer) -> None:
    script = read_fence(commands.fence_file(INSTALL)[fence.SCRIPT_FILE].content.decode())
    found = look(script, {"sdx": Content()})
    assert [fact["unread"] for fact in facts(found.text) if "unread" in fact] == ["no-such-disk"] * len(script.disks)


def test_a_system_is_marked_as_finished_by_its_own_install_only() -> None:
    script = read_fence(commands.fence_file(INSTALL)[fence.SCRIPT_FILE].content.decode())
    mine = in_memory(CASES["this very install, not finished"])
    assert finish(script, mine) == 0
    assert mine["sda"].system is not None and mine["sda"].system.marker == OURS.render()
    assert facts(written(script, mine).text)[0] == {"disk": "sda", "uuids": [UUID]}
    others = in_memory(CASES["another install, not finished"])
    assert finish(script, others) == 1
    assert others["sda"].system is not None and others["sda"].system.marker == other(finished=False)


def uploaded(action: InstallOs, words: str) -> MemoryFiles:
    return MemoryFiles({path: file.content for path, file in commands.install_files(action, words).items()})


def test_a_wrapper_looks_installs_and_marks() -> None:
    files = uploaded(INSTALL, "build-openstack-debian-image --dest-hdd sda --xfsformat sdb,sdc")
    wrapper = read_wrapper(files.read(commands.SCRIPT_FILE) or "")
    assert (wrapper.id, wrapper.generation) == (INSTALL.id, INSTALL.generation)
    assert wrapper.looks and wrapper.finishes
    assert erased_by(wrapper, files.read) == ("sda", "sdb", "sdc")
    state = commands.parse_state(wrapper.state("done", 0, ('{"disk": "sda", "uuids": ["u"]}',)))
    assert (state.state, state.exit, state.looked.uuids) == ("done", 0, {"sda": ("u",)})


def test_a_mirror_is_erased_as_a_whole() -> None:
    files = uploaded(INSTALL, "build-openstack-debian-image --dest-hdd raid1 --raid-devices sda,sdb")
    assert erased_by(read_wrapper(files.read(commands.SCRIPT_FILE) or ""), files.read) == ("sda", "sdb")


def test_an_image_erases_what_its_script_says() -> None:
    action = replace(INSTALL, image=RootImage(url="http://192.0.2.1/root.tar", sha256="a" * 64))
    files = uploaded(action, " ".join(root_image.COMMAND))
    files.write(root_image.SCRIPT_FILE, "#!/bin/sh\nDISKS='sda sdb'\n")
    assert erased_by(read_wrapper(files.read(commands.SCRIPT_FILE) or ""), files.read) == ("sda", "sdb")


@pytest.mark.parametrize(
    ("gone", "looks", "finishes"), [(f"$(facts {fence.LOOK})", False, True), (f"facts {fence.FINISH} ", True, False)]
)
def test_what_is_not_in_a_wrapper_is_not_done(gone: str, looks: bool, finishes: bool) -> None:
    text = uploaded(INSTALL, "build-openstack-debian-image --dest-hdd sda").read(commands.SCRIPT_FILE) or ""
    assert gone in text
    wrapper = read_wrapper(text.replace(gone, "true"))
    assert (wrapper.looks, wrapper.finishes) == (looks, finishes)


def test_a_wrapper_that_is_not_understood_is_no_wrapper() -> None:
    with pytest.raises(ValueError, match="not understood"):
        read_wrapper("#!/bin/sh\nrm -rf /\n")
