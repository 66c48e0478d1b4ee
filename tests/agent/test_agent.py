"""Our agent, run for real: with tools that say what other machines said, and with this machine's own disks.

A case is a folder below ``machines/``: one folder per tool, in it one file per command line with what it prints.
A command line without a file fails. ``GOLDEN=overwrite pytest`` writes ``report.json`` anew, for review in the diff.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.hardware.report import parse_report, read_report
from reconciler.model.boot_nonce import make_nonce
from reconciler.model.contents import Contents
from reconciler.model.hardware import Disk, ReportSection
from reconciler.provisioning import commands
from reconciler.provisioning.disks import differences, parse_contents, parse_lsblk
from reconciler.server.serve import Server

from ..loops import NoLoopDevicesError, attach, detach
from ..reference.facts import agent_reports
from ..server.worlds import NONCE_KEY, World
from . import box
from .box import AGENT, HOST_KEY, needs, printed

MACHINES = Path(__file__).parent / "machines"


def a_root(folder: Path, case: Path | None, shell: str) -> dict[str, str]:
    """The box in which a case's tools speak: a folder per tool, a file per command line, or ``any``."""
    tools = {tool.name: (f"{tool}/", f"{tool}/any") for tool in case.iterdir() if tool.is_dir()} if case else {}
    return box.a_root(folder, tools, shell)


def an_interface(root: Path, name: str, mac: str) -> None:
    card = root / "sys/class/net" / name
    (card / "device").mkdir(parents=True)
    (card / "address").write_text(f"{mac}\n")


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize("case", sorted(MACHINES.iterdir()), ids=lambda case: case.name)
def test_a_machine_is_told_whole(case: Path, shell: str, tmp_path: Path) -> None:
    root = a_root(tmp_path, case, shell)
    an_interface(tmp_path, "eno1", "e4:43:4b:63:01:01")
    an_interface(tmp_path, "eno3", "e4:43:4b:63:01:03")
    an_interface(tmp_path, "enx0a94ef", "0a:94:ef:00:00:01")  # the BMC's own USB network
    (tmp_path / "sys/class/net/enx0a94ef/device/subsystem").symlink_to("/sys/bus/usb")
    (tmp_path / "sys/class/net/bond0").mkdir()
    (tmp_path / "sys/firmware/efi").mkdir(parents=True)
    text = printed(root)
    report = json.loads(text)
    assert report["machine"][0].pop("architecture") == os.uname().machine
    golden = case / "report.json"
    if os.environ.get("GOLDEN") == "overwrite":
        golden.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")
    assert report == json.loads(golden.read_text())
    hardware = parse_report(text.encode())
    assert hardware.ssh_host_keys == (HOST_KEY,)
    assert not hardware.from_installed


def test_it_has_every_field_of_the_stock_agents_report(tmp_path: Path) -> None:
    report = json.loads(printed(a_root(tmp_path, MACHINES / "dell-r640-storcli", "dash")))
    stock = agent_reports()[1]
    assert stock.keys() <= report.keys()
    for part in ("blockdevices", "blkdev_ctrl", "machine", "memory"):
        assert stock[part][0].keys() <= report[part][0].keys()


def test_names_are_those_of_the_stable_links(tmp_path: Path) -> None:
    root = a_root(tmp_path, MACHINES / "dell-r640-storcli", "dash")
    (tmp_path / "links").mkdir()
    (tmp_path / "links/slot0").symlink_to("/dev/sdb")
    hardware = parse_report(printed(root).encode())
    names = [(disk.name, disk.device) for disk in hardware.disks]
    assert names == [("sda", "sda"), ("slot0", "sdb"), ("sdc", "sdc"), ("nvme0n1", "nvme0n1")]
    assert hardware.sort_devices


ECDSA = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBA=="


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_a_torn_host_key_leaves_out_itself(tmp_path: Path, shell: str) -> None:
    root = a_root(tmp_path, MACHINES / "dell-r640-storcli", shell)
    torn = {
        "dsa": b"",
        "rsa": b"\0" * 564,
        "old": b"\x1e\xff\xfe\x1e\n\x1e",
        "half": HOST_KEY.encode()[:40] + b"\0" * 40,
        "shell": b"ssh-ed25519 `id`\n",
    }
    for name, content in torn.items():
        (tmp_path / f"keys/ssh_host_{name}_key.pub").write_bytes(content)
    (tmp_path / "keys/ssh_host_ecdsa_key.pub").write_text(f"# made by hand\n{ECDSA} root@live\r\n")
    hardware = parse_report(printed(root).encode())
    assert hardware.ssh_host_keys == (ECDSA, HOST_KEY)
    said = [each for each in hardware.remarks if each.startswith("host keys")]
    assert said == [f"host keys: ssh_host_{name}_key.pub could not be read" for name in sorted(torn)]
    assert not hardware.extra


def test_the_agent_takes_the_host_keys_that_the_server_takes(tmp_path: Path) -> None:
    root = a_root(tmp_path, MACHINES / "dell-r640-storcli", "dash")
    good = [HOST_KEY, ECDSA, f"sk-ssh-ed25519@openssh.com {HOST_KEY[12:]}", f"ssh-rsa {'A' * 1400}"]
    wrong = [15 * "A", 1401 * "A", "A=B", f"{16 * 'A'}==="]
    keys = [*(f"ssh-rsa {each}" for each in wrong), f"SSH-RSA {16 * 'A'}", *good]
    (tmp_path / "keys/ssh_host_ed25519_key.pub").write_text("\n".join(keys))
    report = json.loads(printed(root))
    taken = parse_report(json.dumps(report | {"ssh_host_keys": keys}).encode())
    assert report["ssh_host_keys"] == good
    assert taken.ssh_host_keys == tuple(good)


def test_a_disk_behind_two_adapters_is_one_by_its_multipath_device(tmp_path: Path) -> None:
    """A LUN whose array gives neither serial nor WWN."""
    case = tmp_path / "case"
    shutil.copytree(MACHINES / "dell-r640-storcli", case)
    lun = {"type": "disk", "size": 10**12, "model": "LUN", "children": [{"name": "mpatha", "type": "mpath"}]}
    (case / "lsblk/any").write_text(json.dumps({"blockdevices": [{"name": name, **lun} for name in ("sdx", "sdy")]}))
    (disk,) = parse_report(printed(a_root(tmp_path, case, "dash")).encode()).disks
    assert (disk.device, disk.paths) == ("sdx", ("sdx", "sdy"))


ODD_DISK = r"""{"blockdevices": [{"name": "sda", "type": "disk", "size": 9000000, "model": "A\xff\x10B® \\x41",
    "serial": "Nº 7\u00ae", "wwn": null, "children": [{"name": "sda1", "type": "part", "size": 1000000}]},
    {"name": "sdb", "type": "disk", "size": 9000000, "model": "B", "serial": "S2", "wwn": null}]}"""
ODD_LABEL = r'{"signatures": [{"device": "sda1", "type": "vfat", "label": "DONN\xc9\\\xe9 \\x41 ®"}]}'


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_what_is_no_text_is_the_same_to_the_agent_and_to_the_install(shell: str, tmp_path: Path) -> None:
    """Older versions of lsblk and wipefs write bytes that are no text as no JSON knows them."""
    case = tmp_path / "case"
    shutil.copytree(MACHINES / "dell-r640-storcli", case)
    shutil.rmtree(case / "wipefs", ignore_errors=True)
    (case / "wipefs").mkdir()
    for line, answer in (("any", '{"signatures": []}'), ("--json --no-act %dev%sda1", ODD_LABEL)):
        (case / "wipefs" / line).write_text(answer)
    shutil.rmtree(case / "lsblk")
    (case / "lsblk").mkdir()
    (case / "lsblk/any").write_text(ODD_DISK)
    hardware = parse_report(printed(a_root(tmp_path, case, shell)).encode())
    assert [(disk.model, disk.serial) for disk in hardware.disks] == [("A B \\x41", "N 7"), ("B", "S2")]
    assert str(hardware.disks[0].contents) == 'vfat on sda1 "DONN \\ \\x41"'
    now = parse_lsblk(ODD_DISK)
    assert differences([disk.identity for disk in hardware.disks], now) == []
    assert [(disk.model, disk.serial) for disk in now] == [(disk.model, disk.serial) for disk in hardware.disks]
    held = {disk.device: disk.contents for disk in hardware.disks}
    assert parse_contents(ODD_DISK, ODD_LABEL) == held


def test_a_bare_live_image_still_says_who_it_is(tmp_path: Path) -> None:
    """Without lshw, lldpcli, ipmitool, wipefs ... only their fields are missing."""
    case = tmp_path / "case"
    for tool in ("dmidecode", "lsblk", "lscpu"):
        shutil.copytree(MACHINES / "dell-r640-storcli" / tool, case / tool)
    hardware = parse_report(printed(a_root(tmp_path, case, "dash")).encode())
    assert (hardware.serial, hardware.memory, len(hardware.disks)) == ("7XK9Z01", 64 * 2**30, 4)
    assert {disk.contents for disk in hardware.disks} == {Contents()}


MAC = "e4:43:4b:63:01:01"
NONCE = str(make_nonce(NONCE_KEY, 3, MAC, "5a17" * 4))


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize(
    ("line", "returned"),
    [
        (f"boot=live reconciler.nonce={NONCE} console=ttyS0", NONCE),
        (f"boot=live console=ttyS0 reconciler.nonce={NONCE}", NONCE),
        (f"boot=live other.reconciler.nonce={NONCE}", None),
        ("boot=live reconciler.nonce=$(id)", None),
        ('boot=live reconciler.nonce=3."x', None),
        ("boot=live", None),
    ],
)
def test_the_nonce_of_the_boot_is_returned_as_the_boot_script_gave_it(
    tmp_path: Path, shell: str, line: str, returned: str | None
) -> None:
    root = a_root(tmp_path, MACHINES / "dell-r640-storcli", shell)
    (tmp_path / "proc/cmdline").write_text(f"{line}\n")
    text = printed(root)
    assert json.loads(text).get("boot_nonce") == returned
    nonce = read_report(text.encode()).nonce
    assert (str(nonce) if nonce else None) == returned
    assert "boot_nonce" not in parse_report(text.encode()).extra


def test_a_machine_that_shows_no_command_line_reports_without_a_nonce(tmp_path: Path) -> None:
    root = a_root(tmp_path, MACHINES / "dell-r640-storcli", "dash")
    (tmp_path / "proc/cmdline").unlink()
    assert "boot_nonce" not in json.loads(printed(root))


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_a_bmc_that_gives_no_answer_is_asked_no_more(tmp_path: Path, shell: str) -> None:
    root = a_root(tmp_path, MACHINES / "dell-r640-storcli", shell)
    ipmitool = Path(root["PATH"]) / "ipmitool"
    ipmitool.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\nexec sleep 30\n')
    hardware = parse_report(printed({**root, "PATIENCE": "1"}).encode())
    assert hardware.bmc_address is None
    assert hardware.remarks.count("ipmitool: no answer within 1 seconds") == 1
    assert (tmp_path / "asked").read_text().splitlines() == ["mc info", "lan print 1"]


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize(
    ("tool", "says", "unread"),
    [
        ("storcli64", "exec sleep 30", [ReportSection.RAID_DISKS]),
        ("storcli64", "echo '{\"Controllers\": [}'", [ReportSection.RAID_DISKS]),
        ("storcli64", "exit 1", []),
        ("lshw", "exec sleep 30", [ReportSection.CONTROLLERS]),
        ("lshw", 'echo \'[{"product": "\\q"}]\'', [ReportSection.CONTROLLERS]),
        ("lshw", "exit 1", [ReportSection.CONTROLLERS]),
        ("lshw", None, [ReportSection.CONTROLLERS]),
        ("lshw", "echo '[]'", []),
    ],
)
def test_what_a_tool_did_not_answer_is_unknown_rather_than_nothing(
    tmp_path: Path, shell: str, tool: str, says: str | None, unread: list[ReportSection]
) -> None:
    root = a_root(tmp_path, MACHINES / "dell-r640-storcli", shell)
    script = Path(root["PATH"]) / tool
    script.unlink()
    if says is not None:
        script.write_text(f"#!/bin/sh\n{says}\n")
        script.chmod(0o755)
    assert list(parse_report(printed({**root, "PATIENCE": "1"}).encode()).unread) == unread


def test_shellcheck_has_nothing_to_say() -> None:
    subprocess.run([needs("shellcheck"), str(AGENT)], check=True)


# ---- this machine's own disks


@pytest.fixture
def loops(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Real block devices: kernel names by what is written on them."""
    needs("losetup")
    written = {
        "blank": [],
        "ext4": [needs("mkfs.ext4"), "-q", "-L", "root; $(x)"],
        "gpt": [needs("sgdisk"), "--new=1:0:0"],
        "lvm": [needs("pvcreate"), "--quiet", "--yes"],
    }
    with ExitStack() as stack:
        names = {}
        for what, command in written.items():
            try:
                device = attach(tmp_path / f"{what}.img", megabytes=64)
            except NoLoopDevicesError:
                pytest.xfail("this kernel, or this container, has no loop devices to give")
            stack.callback(detach, device)
            if command:
                subprocess.run([*command, device], check=True, capture_output=True)
            names[what] = device.removeprefix("/dev/")
        yield names


def test_what_is_on_real_block_devices(tmp_path: Path, loops: dict[str, str]) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    root = a_root(folder, None, "dash")
    for tool in ("lsblk", "wipefs"):
        (Path(root["PATH"]) / tool).symlink_to(needs(tool))
    report = json.loads(printed({**root, "NOT_DISKS": "2,11"}))
    case = json.loads((MACHINES / "dell-r640-storcli/report.json").read_text())
    hardware = parse_report(json.dumps({**case, "blockdevices": report["blockdevices"]}).encode())
    disks: dict[str, Disk] = {disk.name: disk for disk in hardware.disks}
    assert {what: str(disks[name].contents) for what, name in loops.items()} == {
        "blank": "", "ext4": 'ext4 "root; $(x)"', "gpt": "gpt", "lvm": "LVM2_member",
    }  # fmt: skip
    same = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    listed, probed = (
        subprocess.run(["/bin/sh", "-c", command], env=same, capture_output=True, text=True, check=True).stdout
        for command in (commands.LIST_DISKS.replace(",7,", ","), commands.READ_SIGNATURES.replace("disk:*", "loop:*"))
    )
    asked = parse_contents(listed, probed)
    assert {name: asked[name] for name in loops.values()} == {name: disks[name].contents for name in loops.values()}
    assert {disks[name].size for name in loops.values()} == {64 * 2**20}


# ---- to a real server


@pytest.mark.parametrize("shell", ["dash", "busybox"])
async def test_the_server_takes_its_report(tmp_path: Path, shell: str) -> None:
    curl = needs("curl")
    root = a_root(tmp_path, MACHINES / "supermicro-megacli-hostile", shell)
    an_interface(tmp_path, "eno1", MAC)
    (tmp_path / "proc/cmdline").write_text(f"boot=live reconciler.nonce={NONCE}\n")
    wrapper = Path(root["PATH"]) / "curl"  # the world trusts this loopback address
    wrapper.write_text(f'#!/bin/sh\nexec {curl} --interface 127.0.0.9 "$@"\n')
    wrapper.chmod(0o755)
    world = World()
    world.ingest.start()
    server = Server(world.app, [("127.0.0.1", 0)])
    [(_, port)] = await server.start()
    (tmp_path / "server").write_text(f"127.0.0.1:{port}\n")
    try:
        assert await asyncio.to_thread(call, root) == 0
        (tmp_path / "serial").write_text("To be filled by O.E.M.\n")
        stock = Path(root["PATH"]) / "openstack-cluster-installer-agent"
        stock.write_text(f"#!/bin/sh\necho asked >> {tmp_path}/stock\n")
        stock.chmod(0o755)
        assert await asyncio.to_thread(call, root) == 0
    finally:
        await server.stop()
        await world.ingest.stop()
    [word] = world.store.words
    assert word.hardware is not None
    assert word.boot == 3
    assert str(word.hardware.disks[0].contents) == 'ext4 "a"b\'c;$(x) `y`\\"'
    assert (tmp_path / "stock").read_text() == "asked\n", "the refused report was not handed to the stock agent"


def call(environment: dict[str, str]) -> int:
    return subprocess.run([f"{environment['PATH']}/sh", str(AGENT)], env=environment, timeout=60).returncode
