"""The script of the image-based installer, run for real on disks that are files.

What stands in: ``udevadm``, which here also does the kernel's part of finding partitions (this kernel may know no GPT);
``mount`` of the EFI partition where the kernel knows no FAT; and inside the tarball the programs that a distribution
brings, which write down how they were called.
"""

import hashlib
import http.server
import os
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from reconciler.model.actions import InstallOs, RootImage
from reconciler.model.files import private, public
from reconciler.model.hardware import Cpu, Nic
from reconciler.model.interfaces import NodeInterface
from reconciler.provisioning import commands, fence, fence_script, root_image
from reconciler.provisioning import tarball as tarball_of
from reconciler.provisioning.install import install_command

from .. import loops
from ..ports import closed_port
from .build import FLEET, R640, an_install

NEEDED = {
    "losetup": "mount", "sgdisk": "gdisk", "mkfs.ext4": "e2fsprogs", "mkfs.vfat": "dosfstools", "curl": "curl",
    "busybox": "busybox", "mkfs.xfs": "xfsprogs",
}  # fmt: skip
MISSING = [f"{tool} (apt: {package})" for tool, package in NEEDED.items() if shutil.which(tool) is None]
BRIDGED = NodeInterface(network="m", kind="bond", nics=("eno1", "eno2"), address="192.0.2.5/24", bridge="br-ex")
ROUTED = NodeInterface(network="m", kind="bgp", nics=("eno1", "eno2"), address="192.0.2.5/32", asn=64512)
runs_for_real = pytest.mark.skipif(
    bool(MISSING) or os.geteuid() != 0, reason=f"needs root and {', '.join(MISSING) or 'loop devices'}"
)

_UDEVADM = """\
#!/bin/sh
for disk in {disks}; do
    for number in 1 2 3; do
        [ ! -e "/dev/${{disk}}p$number" ] || continue
        told=$(sgdisk --info=$number "/dev/$disk")
        first=$(echo "$told" | sed -n 's/^First sector: \\([0-9]*\\) .*/\\1/p')
        last=$(echo "$told" | sed -n 's/^Last sector: \\([0-9]*\\) .*/\\1/p')
        [ -n "$first" ] || continue
        file=$(losetup --noheadings --output BACK-FILE "/dev/$disk")
        made=$(losetup --find --show --offset $((first * 512)) --sizelimit $(((last - first + 1) * 512)) "$file")
        ln -s "$made" "/dev/${{disk}}p$number"
        echo "$made /dev/${{disk}}p$number" >> {made}
    done
done
"""
_MOUNT = """\
#!/bin/sh
case "$2" in
    */boot/efi) grep -q vfat /proc/filesystems || exec /bin/mount -t tmpfs esp "$2" ;;
esac
exec /bin/mount "$@"
"""
_TOLD = '#!/bin/sh\necho "${0##*/} $*" >> /calls\n'


class Disks:
    """Disks that are files, and a live system's folders."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.made = folder, folder / "made"
        attached = [loops.attach(folder / f"disk{n}", megabytes=700) for n in range(count)]
        self.names = [device.removeprefix("/dev/") for device in attached]
        programs = folder / "programs"
        programs.mkdir()
        for name, text in {
            "udevadm": _UDEVADM.format(disks=" ".join(self.names), made=self.made),
            "mount": _MOUNT,
        }.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.path = f"{programs}:{os.environ['PATH']}"
        (folder / "authorized_keys").write_text("ssh-ed25519 AAAA live\n")
        (folder / "resolv.conf").write_text("nameserver 192.0.2.53\n")

    def detach(self) -> None:
        for line in self.made.read_text().splitlines() if self.made.exists() else ():
            loop, link = line.split()
            Path(link).unlink(missing_ok=True)
            loops.detach(loop)
        loops.detach(*(f"/dev/{name}" for name in self.names))

    def run(self, text: str, before: str = "") -> subprocess.CompletedProcess[str]:
        """The script in a mount namespace of its own, its folders below this one's; ``before``: a command there."""
        moved = {
            f"WORK={root_image.WORK}\n": f"WORK={self.folder}/work\n",
            root_image.ROOT: f"{self.folder}/root",
            "FILES=" + commands.TARGET: f"FILES={self.folder}{commands.TARGET}",
            '"$keys/authorized_keys" >>': f"{self.folder}/authorized_keys >>",
            " /etc/resolv.conf": f" {self.folder}/resolv.conf",
        }
        for old, new in moved.items():
            assert old in text
            text = text.replace(old, new)
        script = self.folder / "image.sh"
        script.write_text(text)
        (self.folder / "work").mkdir(exist_ok=True)
        return subprocess.run(
            ["unshare", "--mount", "sh", "-ec", f"{before}\nexec sh {script}"],
            env=os.environ | {"PATH": self.path, "no_proxy": "127.0.0.1"}, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    def read(self, name: str, number: int = 3) -> dict[str, tuple[str, int]]:
        """Every file of a partition: path to text and mode."""
        mounted = self.folder / "look"
        mounted.mkdir(exist_ok=True)
        subprocess.run(["mount", "-o", "ro", os.path.realpath(f"/dev/{name}p{number}"), str(mounted)], check=True)
        try:
            return {
                str(path.relative_to(mounted)): (path.read_text(errors="replace"), path.stat().st_mode & 0o7777)
                for path in mounted.rglob("*")
                if path.is_file() and not path.is_symlink()
            }
        finally:
            subprocess.run(["umount", str(mounted)], check=True)


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Disks]:
    made = Disks(tmp_path, 2)
    yield made
    made.detach()


PACKAGES = (
    "linux-image-6.12.1-amd64", "initramfs-tools", "grub2-common", "grub-pc-bin", "grub-efi-amd64-bin", "ifupdown",
    "iputils-ping", "openssh-server", "ca-certificates", "puppet-agent", "openstack-cluster-installer-utils",
    "lvm2:amd64", "xfsprogs", "ssl-cert",
)  # fmt: skip
"""dpkg's names: those of libraries and tools that several architectures share have theirs in it."""
COMPRESSED = {"gz": "w:gz", "xz": "w:xz", "bz2": "w:bz2", "tar": "w"}


@dataclass(frozen=True)
class Tarballs:
    """A root file system of busybox, over HTTP."""

    server: str
    folder: Path

    def get(self, suffix: str) -> RootImage:
        digest = hashlib.sha256((self.folder / f"root.{suffix}").read_bytes()).hexdigest()
        return RootImage(url=f"{self.server}/root.{suffix}", sha256=digest)


@pytest.fixture(scope="session")
def tarballs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tarballs]:
    folder = tmp_path_factory.mktemp("image")
    root = folder / "root"
    busybox = shutil.which("busybox") or ""
    libraries = subprocess.run(["ldd", busybox], capture_output=True, text=True, check=False).stdout
    for path in [busybox, *re.findall(r"(/\S+) \(0x", libraries)]:
        place = root / path.removeprefix("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    for link in ("bin/sh", "usr/bin/env"):
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to("/" + busybox.removeprefix("/"))
    programs = ("grub-install", "update-grub", "update-initramfs", "ssh-keygen", "update-ca-certificates", "systemctl")
    for name in programs:
        program = root / "usr/sbin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(_TOLD)
        program.chmod(0o755)
    old = {
        "etc/machine-id": "old\n",
        "etc/ssh/ssh_host_rsa_key": "old\n",
        "etc/cloud/cloud.cfg": "x",
        "etc/resolv.conf": "old",
        "etc/group": "root:x:0:\nssl-cert:x:117:\n",
        "etc/modules": "# nf_conntrack is not named here\n",
        "etc/ca-certificates.conf": "mozilla/One.crt\noci/OCI_1_selfsigned-root-ca.crt\n",
        **{f"var/lib/dpkg/info/{name}.list": "/.\n" for name in PACKAGES},
    }
    for name, text in old.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for suffix, mode in COMPRESSED.items():
        with tarfile.open(folder / f"root.{suffix}", mode) as made:
            made.add(root, ".")
    if zstd := shutil.which("zstd"):
        subprocess.run([zstd, "-q", folder / "root.tar", "-o", folder / "root.zst"], check=True)
    (folder / "root.txt").write_text("no tarball\n" * 1000)
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Tarballs(f"http://127.0.0.1:{server.server_port}", folder)
        server.shutdown()


@pytest.fixture
def tarball(tarballs: Tarballs) -> RootImage:
    return tarballs.get("gz")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


CAS = ("OCI_1_selfsigned-root-ca.crt", "OCI_2_oci-ca.crt")


def an_image_install(picture: RootImage, disks: Disks, **differs: object) -> InstallOs:
    given = {"image": picture, "system_disks": (disks.names[0],), "hostname": "n1.example.com"}
    return an_install(**given | differs)


def uploaded(disks: Disks, action: InstallOs, *, uefi: bool) -> str:
    """Lay out what the handler uploads; the script's text."""
    before = {
        "/n1.example.com.crt": public("the crt\n"),
        commands.TARGET + "/etc/hosts": public("192.0.2.5 n1\n"),
        commands.TARGET + "/etc/puppet/puppet.conf": public("[main]\n"),
        f"{commands.TARGET}{commands.ROOT_HOME}/.ssh/id_rsa.pub": public("ssh-rsa AAAA controllers\n"),
        "/oci-pki-root-ca.pem": public("the root\n"),
        "/oci-pki-oci-ca.pem": public("the other\n"),
        "/n1.example.com.key": private("the key\n"),
    }
    files = {
        **root_image.image_files(action, replace(R640, uefi=uefi), before),
        commands.TARGET + commands.MARKER_FILE: commands.install_files(action, "true")[
            commands.TARGET + commands.MARKER_FILE
        ],
    }
    for path, file in files.items():
        place = disks.folder / path.removeprefix("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
        place.chmod(file.mode)
    return files[root_image.SCRIPT_FILE].content.decode()


@pytest.mark.parametrize(("fails", "calls"), [(0, 1), (2, 3), (99, 9)])
def test_a_first_boot_begins_with_the_lists_of_packages(fails: int, calls: int, tmp_path: Path) -> None:
    """A mirror that is away is waited for, a while."""
    action = an_install(image=RootImage(url="http://192.0.2.1/root.tar", sha256="a" * 64), system_disks=("sda",))
    unit = root_image.image_files(action, R640, {})[
        f"{commands.TARGET}/etc/systemd/system/oci-first-boot.service.d/package-lists.conf"
    ]
    (line,) = re.findall(r"^ExecStartPre=-/bin/sh -c '(.*)'$", unit.content.decode(), re.MULTILINE)
    told = tmp_path / "told"
    programs = {"apt-get": f'echo "$*" >> {told}; test "$(grep -c . {told})" -gt {fails}', "sleep": "true"}
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    subprocess.run(["sh", "-c", line], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False)
    assert told.read_text().splitlines() == ["-q update --error-on=any"] * calls


@runs_for_real
class TestForReal:
    def test_a_bios_machine(self, disks: Disks, tarball: RootImage) -> None:
        action = an_image_install(tarball, disks, data_disks=(disks.names[1],))
        ran = disks.run(uploaded(disks, action, uefi=False))
        assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "Done"), ran.stderr + ran.stdout
        disk = disks.names[0]
        table = subprocess.run(["sgdisk", "--print", f"/dev/{disk}"], capture_output=True, text=True, check=True).stdout
        assert [line.split()[-2:] for line in table.splitlines()[-3:]] == [
            ["EF02", "bios"], ["EF00", "esp"], ["8300", "root"],
        ]  # fmt: skip
        root = f"/dev/{disk}p3"
        subprocess.run(["e2fsck", "-fn", os.path.realpath(root)], check=True, capture_output=True)
        found = disks.read(disk)
        assert found["etc/fstab"][0] == f"UUID={_blkid(root, 'UUID')} / ext4 errors=remount-ro 0 1\n"
        assert _blkid(root, "LABEL") == "root"
        assert found["etc/hostname"][0] == "n1.example.com\n"
        assert found["etc/machine-id"][0] == found["etc/cloud/cloud-init.disabled"][0] == ""
        assert found["etc/resolv.conf"][0] == "nameserver 192.0.2.53\n"
        assert found["etc/hosts"] == ("192.0.2.5 n1\n", 0o644)
        assert found["etc/ssl/certs/ssl-cert-snakeoil.pem"][0] == "the crt\n"
        assert found["etc/ssl/private/ssl-cert-snakeoil.key"] == ("the key\n", 0o640)
        assert found["etc/puppet/puppet.conf"][0] == "[main]\n"
        assert found["etc/modules"][0].splitlines()[-1] == "nf_conntrack"
        assert found["etc/ca-certificates.conf"][0].splitlines() == ["mozilla/One.crt", *(f"oci/{ca}" for ca in CAS)]
        assert found["etc/apt/apt.conf.d/80norecommends"][0] == 'APT::Install-Recommends "0";\n'
        assert "ListenStream=4369\n" in found["etc/systemd/system/epmd.socket"][0]
        assert "iface eno1 inet static\n" in found["etc/network/interfaces"][0]
        assert 'console=ttyS1,115200n8"' in found["etc/default/grub.d/reconciler.cfg"][0]
        keys = "ssh-ed25519 AAAA live\nssh-rsa AAAA controllers\n"
        assert found["root/.ssh/authorized_keys"] == (keys, 0o600)
        assert "etc/ssh/ssh_host_rsa_key" not in found
        assert found["calls"][0].splitlines() == [
            "ssh-keygen -A", "update-ca-certificates --fresh", f"grub-install --target=i386-pc /dev/{disk}",
            "update-grub ", "systemctl enable oci-first-boot.service oci-report-status.service",
        ]  # fmt: skip
        assert _blkid(f"/dev/{disks.names[1]}", "TYPE") == "xfs"

    def test_its_marker_is_finished_after_it_ended_well(self, disks: Disks, tarball: RootImage) -> None:
        action = an_image_install(tarball, disks)
        ran = disks.run(uploaded(disks, action, uefi=False))
        assert ran.returncode == 0, ran.stderr + ran.stdout
        assert commands.parse_marker(disks.read(disks.names[0])["etc/reconciler/install.json"][0]).finished is False
        script = disks.folder / "fence.sh"
        text = commands.fence_file(action)[fence.SCRIPT_FILE].content.decode()
        script.write_text(text.replace(fence.MOUNT, f"{disks.folder}/look"))
        ended = [subprocess.run(["sh", script, mode], capture_output=True).returncode for mode in ("finish", "look")]
        assert ended == [0, fence_script.ENDED]

    def test_a_uefi_machine_twice(self, disks: Disks, tarball: RootImage) -> None:
        script = uploaded(disks, an_image_install(tarball, disks), uefi=True)
        disk = disks.names[0]
        for _ in range(2):  # the second erases what the first made
            ran = disks.run(script)
            assert ran.returncode == 0, ran.stderr + ran.stdout
        esp = f"/dev/{disk}p2"
        assert (_blkid(esp, "TYPE"), _blkid(esp, "LABEL")) == ("vfat", "ESP")
        found = disks.read(disk)
        assert f"UUID={_blkid(esp, 'UUID')} /boot/efi vfat umask=0077,nofail 0 1\n" in found["etc/fstab"][0]
        assert (
            "grub-install --target=x86_64-efi --bootloader-id=debian --efi-directory=/boot/efi --no-nvram "
            "--force-extra-removable\n" in found["calls"][0]
        )

    def test_mounts_below_proc_of_the_live_system_do_not_matter(self, disks: Disks, tarball: RootImage) -> None:
        """A container has such mounts, some of them below others: taken off as they were laid, they cannot be."""
        number = "/proc/sys/kernel/random/boot_id"
        stacked = f"mount --bind /etc/hostname {number}; mount --rbind /proc/sys /proc/sys"
        stacked += f"; mount --bind /etc/hostname {number}"
        ran = disks.run(uploaded(disks, an_image_install(tarball, disks), uefi=False), before=stacked)
        assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "Done"), ran.stderr + ran.stdout

    def test_a_disk_that_is_mounted_is_not_touched(self, disks: Disks, tarball: RootImage) -> None:
        device = f"/dev/{disks.names[0]}"
        subprocess.run(["mkfs.ext4", "-q", "-L", "precious", device], check=True)
        (disks.folder / "mounted").mkdir()
        subprocess.run(["mount", device, disks.folder / "mounted"], check=True)
        try:
            ran = disks.run(uploaded(disks, an_image_install(tarball, disks), uefi=False))
        finally:
            subprocess.run(["umount", disks.folder / "mounted"], check=True)
        assert (ran.returncode, _blkid(device, "LABEL")) == (1, "precious")
        assert f"{device} is mounted" in ran.stdout

    @pytest.mark.parametrize("suffix", [*COMPRESSED, "zst"])
    def test_any_compression_is_understood(self, disks: Disks, tarballs: Tarballs, suffix: str) -> None:
        if suffix == "zst" and shutil.which("zstd") is None:
            pytest.skip("needs zstd (apt: zstd)")
        ran = disks.run(uploaded(disks, an_image_install(tarballs.get(suffix), disks), uefi=False))
        assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "Done"), ran.stderr + ran.stdout

    @pytest.mark.parametrize(
        ("suffix", "wrong", "says"),
        [
            ("gz", {"sha256": "0" * 64}, "is not the tarball with SHA-256 000"),
            ("txt", {}, "tar cannot read"),
        ],
    )
    def test_a_wrong_image_is_said_before_anything_is_erased(
        self, disks: Disks, tarballs: Tarballs, suffix: str, wrong: dict[str, str], says: str
    ) -> None:
        action = an_image_install(replace(tarballs.get(suffix), **wrong), disks)
        _refused(disks, uploaded(disks, action, uefi=False), says)

    def test_a_server_that_is_away_is_said_before_anything_is_erased(self, disks: Disks, tarball: RootImage) -> None:
        with closed_port() as port:
            url = f"http://127.0.0.1:{port}/root.tar"
            action = an_image_install(replace(tarball, url=url), disks)
            _refused(disks, uploaded(disks, action, uefi=False), f"cannot fetch {url}")

    @pytest.mark.parametrize(
        ("differs", "lacks"),
        [
            ({"role": "compute"}, "adduser, lsb-release"),
            ({"packages": ("libstdc++6", "nginx:amd64", "openssh-server/trixie-backports")}, "libstdc++6, nginx"),
            ({"interfaces": (BRIDGED,)}, "ifenslave, openvswitch-switch"),
            ({"interfaces": (ROUTED,)}, "frr"),
        ],
    )
    def test_what_the_tarball_lacks_for_this_node_is_said_before_anything_is_erased(
        self, disks: Disks, tarball: RootImage, differs: dict[str, object], lacks: str
    ) -> None:
        text = uploaded(disks, an_image_install(tarball, disks, **differs), uefi=False)
        _refused(disks, text, f"root.gz lacks {lacks}: nothing was erased")


def _refused(disks: Disks, text: str, says: str) -> None:
    device = f"/dev/{disks.names[0]}"
    subprocess.run(["mkfs.ext4", "-q", "-L", "precious", device], check=True)
    ran = disks.run(text.replace("--retry 5 --retry-connrefused", ""))
    assert (ran.returncode, _blkid(device, "LABEL")) == (1, "precious")
    assert says in ran.stdout.splitlines()[-1]


def _blkid(device: str, tag: str) -> str:
    asked = ["blkid", "--probe", "--match-tag", tag, "--output", "value", os.path.realpath(device)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


PICTURE = RootImage(url="http://192.0.2.1/root.tar", sha256="a" * 64)


@pytest.mark.parametrize(
    ("differs", "why"),
    [
        ({"system_disks": ("sda", "sdb")}, "software RAID None of 2 disks"),
        ({"raid": 1}, "software RAID 1 of 1 disks"),
        ({"system_disks": ("sda", "sdb", "sdc"), "raid": 5}, "software RAID 5 of 3 disks"),
        ({"system_disks": ("sda", "sdb"), "raid": 0}, "GRUB cannot be relied on"),
        ({"image": None}, "no image is given"),
    ],
)
def test_what_the_script_cannot_make_is_refused(differs: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        root_image.image_script(an_install(**{"image": PICTURE} | differs), R640)


@pytest.mark.parametrize(("interface", "runs"), [(ROUTED, True), (BRIDGED, False)], ids=["BGP", "no BGP"])
def test_bgpd_runs_where_the_node_speaks_bgp(interface: NodeInterface, runs: bool, tmp_path: Path) -> None:
    hardware = replace(R640, nics=tuple(replace(R640.nics[0], name=name) for name in interface.nics))
    files = root_image.image_files(an_install(image=PICTURE, interfaces=(interface,)), hardware, {})
    daemons = tmp_path / "root/etc/frr/daemons"
    daemons.parent.mkdir(parents=True)
    daemons.write_text('bgpd=no\nospfd=no\nbgpd_options="   -A 127.0.0.1"\n')
    for path, file in files.items():
        (tmp_path / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.lstrip("/")).write_bytes(file.content)
    functions = (tmp_path / root_image.SCRIPT_FILE.lstrip("/")).read_text().removesuffix("\nmain\n")
    moved = f"FILES={tmp_path}{commands.TARGET}\nROOT={tmp_path}/root\n"
    subprocess.run(["sh", "-ec", f"{functions}\n{moved}add_files"], check=True)
    said = "yes" if runs else "no"
    assert daemons.read_text() == f'bgpd={said}\nospfd=no\nbgpd_options="   -A 127.0.0.1"\n'


def _in_target(**differs: object) -> dict[str, str]:
    """What is uploaded for a node's own files, as texts by path there."""
    hardware = replace(R640, cpu=Cpu(vendor=str(differs.pop("vendor", "GenuineIntel"))))
    files = root_image.image_files(an_install(image=PICTURE, **differs), hardware, {})
    target = commands.TARGET + "/"
    return {path.removeprefix(target): file.content.decode() for path, file in files.items() if path.startswith(target)}


@pytest.mark.parametrize(("vendor", "words"), [("GenuineIntel", ""), ("AuthenticAMD", " iommu=pt")])
@pytest.mark.parametrize("console", ["ttyS1", None])
def test_the_kernel_is_told_what_suits_a_server(vendor: str, words: str, console: str | None) -> None:
    lines = _in_target(vendor=vendor, console=console)["etc/default/grub.d/reconciler.cfg"].splitlines()
    told = "text consoleblank=0 systemd.show_status=true processor.max_cstate=0" + words
    assert f'GRUB_CMDLINE_LINUX_DEFAULT="{told}"' in lines
    assert len(lines) == (5 if console else 2)


@pytest.mark.parametrize(("name", "told"), [("eth0", True), ("eno1", False)])
def test_a_node_renames_interfaces_where_the_live_system_did(name: str, told: bool) -> None:
    hardware = replace(R640, nics=(Nic(name, "52:54:00:00:00:01"),))
    plain = (NodeInterface(network="m", kind="normal", nics=(name,)),)
    files = root_image.image_files(an_install(image=PICTURE, interfaces=plain), hardware, {})
    text = files[f"{commands.TARGET}/etc/default/grub.d/reconciler.cfg"].content.decode()
    assert (" net.ifnames=0" in text) is told


@pytest.mark.parametrize(("interface", "there"), [(BRIDGED, True), (ROUTED, False)], ids=["a bond", "none"])
def test_bonds_have_the_options_that_debians_installer_gives_them(interface: NodeInterface, there: bool) -> None:
    assert ("etc/modprobe.d/bonding.conf" in _in_target(interfaces=(interface,))) == there


@pytest.mark.parametrize("role", ["controller", "compute", "swiftstore"])
@pytest.mark.parametrize("firmware", ["bios", "x86_64-efi"])
def test_the_tarball_of_the_manual_serves_every_node(role: str, firmware: str) -> None:
    brings = _of_the_manual()
    action = an_install(role=role, interfaces=(BRIDGED, ROUTED), system_disks=("sda", "sdb"), raid=1)
    needs = tarball_of.packages(action, firmware)
    assert [need for need in needs if not any(re.fullmatch(need, one) for one in brings)] == []
    assert "openvswitch-switch" in needs


@pytest.mark.parametrize("vendor", ["GenuineIntel", "AuthenticAMD"])
def test_the_tarball_of_the_manual_brings_what_debians_installer_is_told_to_install(vendor: str) -> None:
    hardware = replace(R640, cpu=Cpu(vendor=vendor))
    command = install_command(an_install(interfaces=(BRIDGED,)), FLEET, hardware)
    asked = [command[command.index(option) + 1] for option in ("--extra-packages", "--postinstall-packages")]
    assert sorted(set(",".join(asked).split(",")) - set(_of_the_manual())) == []


def _of_the_manual() -> list[str]:
    """Packages that its tarball names."""
    manual = Path(__file__).parents[2] / "docs/operating.md"
    found = re.search(r"--include=(\S+(?:\\\n\S+)*) ", manual.read_text())
    assert found is not None
    return found[1].replace("\\\n", "").split(",")
