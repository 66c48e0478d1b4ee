"""DHCP fragments and boot scripts, read by the programs that they are for."""

import re
import shutil
import subprocess
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.boot_choice import BootChoice, BootFrom
from reconciler.model.boot_nonce import make_nonce
from reconciler.model.boot_pools import longest_run, pools
from reconciler.model.kinds import FleetSpec
from reconciler.provisioning.boot.arguments import KernelArguments, parse_mac
from reconciler.provisioning.boot.dhcp import dhcpd, dnsmasq
from reconciler.provisioning.boot.scripts import BootPort, Live, grub, grub_entry, ipxe, ipxe_identify, live_of
from reconciler.provisioning.boot.tree import written
from reconciler.provisioning.commands import MARKER_FILE

SERVER = IPv4Address("192.168.100.2")
LIVE = Live(SERVER, "http://192.168.100.2/v1/boot/images", ("tty0", "ttyS1,115200"), ("nomodeset",))
MAC = "52:54:00:aa:01:00"
NONCE = str(make_nonce(bytes(32), 3, MAC, "5a17" * 4))
PORT, WITH_NONCE, NOBODY = BootPort(MAC), BootPort(MAC, NONCE), BootPort()
TO_LIVE = BootChoice(BootFrom.LIVE, "it is to be installed", "7XK9Z01")
TO_DISK = BootChoice(BootFrom.DISK, "it is in service", "7XK9Z01")


def fleet(**boot: Any) -> FleetSpec:
    return FleetSpec.model_validate(
        {
            "provisioning": {
                "address": str(SERVER),
                "trusted_networks": ["192.168.100.0/24", "10.0.0.0/22"],
                "boot": boot,
            }
        }
    )


EVERYTHING = fleet(
    networks=[
        {"subnet": "192.168.100.0/24", "dns": ["192.168.100.3", "9.9.9.9"]},
        {"subnet": "10.0.0.0/22", "gateway": "10.0.3.254", "range": {"first": "10.0.1.0", "last": "10.0.2.255"}},
    ]
)
FLEETS = pytest.mark.parametrize("given_fleet", [fleet(), EVERYTHING], ids=["default", "everything"])


def checked(program: str, package: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        pytest.skip(f"needs {program} (apt: {package})")
    return subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, timeout=90)


@FLEETS
def test_dnsmasq_takes_its_fragment(given_fleet: FleetSpec, tmp_path: Path) -> None:
    text = dnsmasq(SERVER, pools(given_fleet), str(tmp_path))
    (tmp_path / "good.conf").write_text(text)
    (tmp_path / "bad.conf").write_text(text.replace("option:router", "option:rooter"))
    said = checked("dnsmasq", "dnsmasq-base", "--test", "-C", tmp_path / "good.conf")
    assert (said.returncode, said.stderr.strip()) == (0, "dnsmasq: syntax check OK.")
    assert checked("dnsmasq", "dnsmasq-base", "--test", "-C", tmp_path / "bad.conf").returncode != 0


@FLEETS
def test_dhcpd_takes_its_fragment(given_fleet: FleetSpec, tmp_path: Path) -> None:
    text = dhcpd(SERVER, pools(given_fleet))
    (tmp_path / "good.conf").write_text(text)
    (tmp_path / "bad.conf").write_text(text.replace("next-server", "last-server"))
    for name, status in (("good", 0), ("bad", 1)):
        said = checked("dhcpd", "isc-dhcp-server", "-t", "-cf", tmp_path / f"{name}.conf")
        assert said.returncode == status, said.stderr


@pytest.mark.parametrize(
    "menu",
    [
        grub_entry(LIVE),
        grub_entry(LIVE, ["amd64"]),
        grub(TO_LIVE, LIVE, PORT),
        grub(TO_LIVE, LIVE, WITH_NONCE),
        grub(TO_DISK, LIVE, PORT),
        grub(TO_LIVE, LIVE, NOBODY),
    ],
    ids=["entry", "deaf", "live", "with a nonce", "disk", "no address"],
)
def test_grub_reads_its_menus(menu: str, tmp_path: Path) -> None:
    (tmp_path / "good.cfg").write_text(menu)
    (tmp_path / "bad.cfg").write_text(menu.replace("}", "", 1) if "}" in menu else menu.replace("\nfi", "", 1))
    for name, good in (("good", True), ("bad", False)):
        said = checked("grub-script-check", "grub-common", tmp_path / f"{name}.cfg")
        assert (said.returncode == 0) is good, said.stderr


def test_a_machine_that_is_to_be_installed_gets_the_live_system() -> None:
    assert ipxe(TO_LIVE, LIVE, PORT) == (
        "#!ipxe\n"
        "# 7XK9Z01 - live - it is to be installed\n"
        "kernel http://192.168.100.2/v1/boot/images/amd64/vmlinuz initrd=initrd.img boot=live components "
        "fetch=http://192.168.100.2/v1/boot/images/amd64/filesystem.squashfs BOOTIF=01-52-54-00-aa-01-00 "
        "console=tty0 console=ttyS1,115200 consoleblank=0 iomem=relaxed systemd.show_status=true "
        "systemd.condition_needs_update=no nomodeset || exit 1\n"
        "initrd --name initrd.img http://192.168.100.2/v1/boot/images/amd64/initrd.img || exit 1\n"
        "boot || exit 1\n"
    )
    menu = grub(TO_LIVE, LIVE, PORT)
    assert "linux (tftp,192.168.100.2)/live/arm64/vmlinuz boot=live components fetch=http://192.168.100.2/" in menu
    assert "BOOTIF=01-52-54-00-aa-01-00" in menu


def test_the_nonce_of_the_boot_is_a_word_of_the_command_line_whatever_boots_it() -> None:
    for script in (ipxe(TO_LIVE, LIVE, WITH_NONCE), ipxe(TO_LIVE, LIVE, WITH_NONCE, "arm64")):
        (kernel,) = [line for line in script.split("\n") if line.startswith("kernel ")]
        assert kernel.split().count(f"reconciler.nonce={NONCE}") == 1
    menu = grub(TO_LIVE, LIVE, WITH_NONCE)
    kernels = [line.split() for line in menu.split("\n") if line.strip().startswith("linux ")]
    assert [words.count(f"reconciler.nonce={NONCE}") for words in kernels] == [1, 1], "for each processor"
    for script in (ipxe(TO_DISK, LIVE, WITH_NONCE), grub(TO_DISK, LIVE, WITH_NONCE), grub_entry(LIVE, ["amd64"])):
        assert "nonce" not in script


def test_a_machine_in_service_gets_its_disk_and_no_kernel() -> None:
    for script in (ipxe(TO_DISK, LIVE, PORT), grub(TO_DISK, LIVE, PORT)):
        assert not re.search(r"vmlinuz|initrd|boot=live", script)
    assert "for loader in debian/shimx64.efi" in grub(TO_DISK, LIVE, PORT)
    assert "sanboot --no-describe --drive 0x80" in ipxe(TO_DISK, LIVE, PORT)


def test_grub_for_bios_searches_for_the_disk_of_the_system_before_it_takes_the_first_ones() -> None:
    menu = grub(TO_DISK, LIVE, PORT)
    bios = menu[menu.index("grub_platform = pc") : menu.index("grub_cpu = arm64")]
    steps = ["--file --set=system $known", "set root=$disk", "configfile ($system)$menu", "for disk in hd0 hd1 hd2 hd3"]
    places = [bios.index(step) for step in steps]
    assert places == sorted(places)
    assert f"for known in {MARKER_FILE} " in bios
    assert bios.count("chainloader +1") == bios.count("if chainloader +1; then") == 2, "a disk without a boot sector"
    assert menu.rstrip().endswith("  exit\n}"), "the firmware goes on with its next entry"


_GRUB_IN_SH = r"""
search() {
    for word; do case $word in --set=*) into=${word#--set=} ;; --*) ;; *) file=$word ;; esac; done
    for device in "$DISKS"/*; do
        [ -e "$device$file" ] && eval "$into=${device##*/}" && return
    done
    return 1
}
regexp() {
    case $3 in hd*) eval "${1#--set=1:}=${3%%,*}" ;; *) return 1 ;; esac
}
there() {
    [ -e "$DISKS/$1" ]
}
chainloader() {
    chosen=$1
    there "$1"
}
boot() {
    echo "$chosen"
    exit
}
configfile() {
    chosen=$1
    boot
}
assign() {
    eval "$1"
}
insmod() {
    :
}
grub_cpu=x86_64 grub_platform=efi
"""
"""GRUB's commands, of the disks that are folders in DISKS. Its language is near enough to that of sh."""

_SHIM, _GRUB, _MENU = "EFI/debian/shimx64.efi", "EFI/debian/grubx64.efi", "boot/grub/grub.cfg"
_FOREIGN = {"hd0,gpt1": [_SHIM, _GRUB], "hd0,gpt2": [_MENU]}
_OURS = [MARKER_FILE.lstrip("/"), _MENU]


@pytest.mark.parametrize(
    ("disks", "booted"),
    [
        ({"hd1,gpt2": [_SHIM, _GRUB], "hd1,gpt3": _OURS}, f"hd1,gpt2/{_SHIM}"),
        ({"hd1,gpt2": [_GRUB], "hd1,gpt3": _OURS}, f"hd1,gpt2/{_GRUB}"),
        ({"hd1,gpt1": ["EFI/boot/bootx64.efi"], "hd1,gpt2": _OURS}, "hd1,gpt1/EFI/boot/bootx64.efi"),
        ({"hd1,gpt3": _OURS}, f"hd1,gpt3/{_MENU}"),
        ({"hd1,gpt3": _OURS[:1]}, ""),
        ({"hd1,gpt2": [_SHIM], "hd2,gpt2": [_SHIM], "md0": _OURS}, f"md0/{_MENU}"),
        ({"hd1,gpt2": [_SHIM], "lvm": _OURS[:1]}, f"hd0,gpt1/{_SHIM}"),
        ({}, f"hd0,gpt1/{_SHIM}"),
    ],
    ids=["ours", "no-shim", "other-path", "no-loader", "nothing-to-start", "raid", "lvm", "no-record"],
)
def test_grub_for_uefi_starts_the_system_that_we_installed_rather_than_the_first(
    tmp_path: Path, disks: dict[str, list[str]], booted: str
) -> None:
    for device, files in (_FOREIGN | disks).items():
        for file in files:
            (tmp_path / device / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / device / file).touch()
    entry = grub(TO_DISK, LIVE, PORT).partition("menuentry 'Local disk' {\n")[2].rpartition("}")[0]
    entry = entry.replace("[ -f ($system)$menu ]", "there $system$menu")
    entry = re.sub(r"^( *)set (\w+=)", r"\1assign \2", re.sub(r"\((\$\w+)\)", r"\1", entry), flags=re.MULTILINE)
    ran = subprocess.run(
        ["sh", "-c", _GRUB_IN_SH + entry], env={"DISKS": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert (ran.stdout.strip(), ran.stderr) == (booted, "")


def test_ipxe_for_bios_tries_more_disks_than_the_first() -> None:
    (line,) = [line for line in ipxe(TO_DISK, LIVE, PORT).splitlines() if "sanboot" in line]
    tried = [f"sanboot --no-describe --drive {drive}" for drive in ("0x80", "0x81", "0x82", "0x83")]
    assert line.split(" || ") == [*tried, "exit 1"]


_NASTY = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ["a\nboot", "x ${cwuri}", "'; reboot; '", "a || reboot", "`id`", "#!ipxe", "a\r\nexit", "\u2028shell", '"}\n{']
    ),
)


@given(serial=_NASTY, because=_NASTY, boot=st.sampled_from(BootFrom), mac=st.one_of(st.none(), _NASTY))
def test_what_a_machine_says_of_itself_stays_a_comment(
    serial: str, because: str, boot: BootFrom, mac: str | None
) -> None:
    choice, plain = BootChoice(boot, because, serial), BootChoice(boot, "", "")
    where = BootPort(parse_mac(mac) if mac else None, NONCE)
    for write in (ipxe, grub):
        script, usual = write(choice, LIVE, where), write(plain, LIVE, where)
        remarks = [line for line in script.split("\n") if re.fullmatch(r"# [A-Za-z0-9 .,:_-]*", line)]
        assert len(remarks) == 1
        assert script.replace(remarks[0], "") == re.sub(r"# unknown.*", "", usual)
        assert script.isascii()


@given(st.text(max_size=40))
def test_an_argument_is_one_plain_word_or_refused(word: str) -> None:
    arguments = KernelArguments("http://192.0.2.1/x", more=(word,))
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.,:=/@+~%-]*", word):
        assert arguments.words()[-1] == word
    else:
        with pytest.raises(ValueError, match="not a kernel argument"):
            arguments.words()


@given(_NASTY | st.from_regex(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}", fullmatch=True))
def test_an_address_is_parsed_or_nothing(text: str) -> None:
    mac = parse_mac(text)
    assert mac is None or re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", mac)


def test_addresses_in_dhcp_configurations_lead_to_a_question_with_a_name() -> None:
    assert ipxe_identify(LIVE) == (
        "#!ipxe\nchain --replace http://192.168.100.2/v1/boot/ipxe?mac=${netX/mac:hexhyp}&serial=${serial:uristring}"
        "&arch=${buildarch} || exit 1\n"
    )


@pytest.mark.parametrize(
    ("subnet", "taken", "run"),
    [
        ("192.168.100.0/24", ["192.168.100.1", "192.168.100.2"], ("192.168.100.3", "192.168.100.254")),
        ("192.168.100.0/24", ["192.168.100.200", "192.168.100.254"], ("192.168.100.1", "192.168.100.199")),
        ("192.168.100.0/29", ["192.168.100.4", "10.0.0.1"], ("192.168.100.1", "192.168.100.3")),
    ],
)
def test_the_range_leaves_out_who_has_an_address(subnet: str, taken: list[str], run: tuple[str, str]) -> None:
    found = longest_run(IPv4Network(subnet), [IPv4Address(one) for one in taken])
    assert found == tuple(map(IPv4Address, run))


def test_a_full_network_and_no_network_are_errors() -> None:
    with pytest.raises(ValueError, match=r"no address of 192\.168\.100\.0/30 is free"):
        longest_run(IPv4Network("192.168.100.0/30"), [IPv4Address(f"192.168.100.{n}") for n in (1, 2)])
    elsewhere = fleet().model_copy(
        update={"provisioning": fleet().provisioning.model_copy(update={"address": IPv4Address("198.51.100.1")})}
    )
    with pytest.raises(ValueError, match=r"provisioning\.boot\.networks"):
        pools(elsewhere)


def test_images_may_lie_on_another_server() -> None:
    boot = fleet(images="http://images.example.com:8080/live").provisioning.boot
    live = live_of(SERVER, boot)
    assert "kernel http://images.example.com:8080/live/arm64/vmlinuz" in ipxe(TO_LIVE, live, NOBODY, "arm64")


def test_the_folder_holds_what_dhcp_and_grub_need() -> None:
    texts = written(EVERYTHING, "/srv/boot")
    assert set(texts) == {"dnsmasq.conf", "dhcpd.conf", "tftp/grub/grub.cfg"}
    assert "tftp-root=/srv/boot/tftp\n" in texts["dnsmasq.conf"]
