"""The installer's command line, word by word."""

from dataclasses import replace

import pytest

from reconciler.model.actions import RootImage
from reconciler.model.hardware import Nic
from reconciler.model.interfaces import NodeInterface
from reconciler.model.nics import NO_RENAMING
from reconciler.provisioning import install, root_image

from .build import FLEET, R640, an_install


def after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


@pytest.mark.parametrize(
    ("disks", "raid", "expected"),
    [
        (("sda",), None, ["--dest-hdd", "sda"]),
        (("nvme1n1",), None, ["--dest-hdd", "nvme1"]),
        (("sda", "sdb"), 1, ["--dest-hdd", "raid1", "--raid-devices", "sda,sdb"]),
    ],
)
def test_where_debian_goes(disks: tuple[str, ...], raid: int | None, expected: list[str]) -> None:
    words = install.install_command(an_install(system_disks=disks, raid=raid), FLEET, replace(R640, uefi=True))
    assert words[(at := words.index("--dest-hdd")) : at + len(expected)] == expected


@pytest.mark.parametrize(
    ("disks", "raid", "why"),
    [
        (("sda", "sdb"), None, "2 system disks need a RAID level"),
        ((), None, "0 system disks"),
        (("sda", "sdb", "sdc"), 5, r"software RAID 5 of 3 disks \(sda, sdb, sdc\) is not possible"),
        (("sda",), 1, r"software RAID 1 of 1 disks \(sda\) is not possible"),
        (("sda", "sdb", "sdc"), 1, r"RAID 1 of 3 disks \(sda, sdb, sdc\) is not possible: .* makes RAID 1 of two"),
        (("sda", "sdb", "sdc", "sdd"), 10, "makes RAID 1 of two"),
        (("nvme0n1",), None, "NVMe only with UEFI, and it booted as BIOS"),
    ],
)
def test_an_impossible_disk_layout_is_refused(disks: tuple[str, ...], raid: int | None, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        install.install_command(an_install(system_disks=disks, raid=raid), FLEET, R640)


@pytest.mark.parametrize(
    ("told", "name", "refused"), [(True, "eth0", True), (True, "eno1", False), (False, "eth0", False)]
)
def test_a_machine_is_refused_whose_interfaces_the_node_would_rename(told: bool, name: str, refused: bool) -> None:
    boot = FLEET.provisioning.boot.model_copy(update={"kernel_arguments": (NO_RENAMING,) if told else ("nomodeset",)})
    fleet = FLEET.model_copy(update={"provisioning": FLEET.provisioning.model_copy(update={"boot": boot})})
    hardware = replace(R640, nics=(Nic(name, "52:54:00:00:00:01"),))
    action = an_install(interfaces=(NodeInterface(network="m", kind="normal", nics=(name,)),))
    if not refused:
        install.install_command(action, fleet, hardware)
        return
    with pytest.raises(ValueError, match=r"net\.ifnames=0, so that its interfaces are called eth0"):
        install.install_command(action, fleet, hardware)


def test_nothing_is_installed_for_a_boot_mode_that_nobody_reported() -> None:
    hardware, image = replace(R640, uefi=None), RootImage(url="http://192.0.2.1/root.tar.xz", sha256="0" * 64)
    with pytest.raises(ValueError, match="does not say whether it booted with UEFI or as BIOS"):
        install.install_command(an_install(), FLEET, hardware)
    with pytest.raises(ValueError, match="does not say whether it booted with UEFI or as BIOS"):
        root_image.image_script(an_install(image=image), hardware)


def test_a_node_gets_what_its_role_and_settings_ask_for() -> None:
    action = an_install(packages=("nginx",), console=None, backports_kernel=True)
    words = install.install_command(action, FLEET, R640)
    assert after(words, "--extra-packages").endswith(",mtr-tiny,nginx")
    assert "--add-serial-getty" not in words
    assert words[-2:] == ["--kernel-from-backports", "yes"]
