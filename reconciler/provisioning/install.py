"""The installer's command line, and what a machine is given for its first boot."""

from collections.abc import Sequence
from ipaddress import IPv4Network

from ..model.actions import InstallOs
from ..model.hardware import Hardware
from ..model.spec import FleetSpec
from . import interfaces, remote

PROGRAM = "build-openstack-debian-image"
"""What OCI's ``oci-install-with-report`` runs. We run it ourselves and send the status calls ourselves
(``remote.install_script``), because that wrapper ends with exit status 0 when the installer failed."""

_EXTRA_PACKAGES = (
    "gnupg2", "haveged", "uuid-runtime", "iotop", "iftop", "man-db", "curl", "less", "lsb-release", "joe", "ssl-cert",
    "most", "screen", "vim", "vim-tiny", "tcpd", "xfsdump", "unzip", "tcpdump", "ca-certificates", "lftp", "at", "tree",
    "lsof", "bind9-host", "strace", "tmux", "nano", "bash-completion", "openssl", "file", "net-tools", "iproute2",
    "ipmitool", "ca-certificates", "xfsprogs", "e2fsprogs", "parted", "nmap", "mtr-tiny",
)  # fmt: skip
_FIRMWARE_AND_TOOLS = (
    "q-text-as-data", "firmware-bnx2", "firmware-bnx2x", "firmware-linux-free", "firmware-misc-nonfree",
    "firmware-qlogic", "plymouth", "puppet", "bridge-utils", "grc", "ccze", "ncdu", "lvm2",
)  # fmt: skip
_MORE_TOOLS = (
    "smartmontools", "kexec-tools", "iptables-persistent", "lshw", "jq", "apg", "dmsetup", "eperl", "gettext-base",
    "lynx", "quota", "acct", "psmisc", "chrony",
)  # fmt: skip
_MICROCODE = {"GenuineIntel": ("intel-microcode",), "AuthenticAMD": ("amd64-microcode",)}
_ON_OPEN_VSWITCH = frozenset({"compute", "network"})  # their management interface becomes a port of br-ex
_FORMATTED = frozenset({"swiftstore", "swiftproxy"})

DEFAULT_CONSOLE = "ttyS1"
"""Where servers' BMCs put the serial console; OCI's default."""


def install_command(
    action: InstallOs, fleet: FleetSpec, hardware: Hardware, *, console: str | None = DEFAULT_CONSOLE
) -> list[str]:
    """The words of the command that installs the machine. It does not reboot: ``BootDisk`` does, through the BMC.

    Args:
        action: What to install, as it was planned.
        fleet: For its mirrors.
        hardware: The machine's report: its NICs, firmware kind and CPU vendor.
        console: Kernel name of the serial console that gets a login; None for none.

    Raises:
        ValueError: An interface the network asks for is not on this machine, or the RAID level is not possible.
    """
    return [
        PROGRAM,
        "--static-iface", _interface(action, hardware),
        "--release", action.release,
        "--debootstrap-url", fleet.mirrors.debian,
        "--sources.list-mirror", fleet.mirrors.debian,
        "--security-mirror", fleet.mirrors.security,
        *(("--boot-type", "uefi") if hardware.uefi else ()),
        *_destination(action),
        "--no-cloud-init",
        "--extra-packages", ",".join(_EXTRA_PACKAGES),
        "--hook-script", "/usr/bin/openstack-cluster-installer-bodi-hook-script",
        "--root-ssh-key", "/root/.ssh/authorized_keys",
        "--install-nonfree-repo",
        "--postinstall-packages", ",".join(_packages(action, hardware)),
        "--hostname", action.hostname,
        *(("--add-serial-getty", console) if console else ()),
        "--tty-autologin", "yes",
        *(("--xfsformat", ",".join(action.data_disks)) if action.data_disks and action.role in _FORMATTED else ()),
    ]  # fmt: skip


def _interface(action: InstallOs, hardware: Hardware) -> str:
    nics = interfaces.resolve(action.interfaces, hardware.nics)
    kind = "bond" if len(nics) == 2 else "normal"
    if action.vlan is not None:
        kind = f"bondvlan,vlannum={action.vlan}" if len(nics) == 2 else f"normal,vlannum={action.vlan}"
    prefix = IPv4Network(action.network).prefixlen
    parts = [f"type={kind}", *(f"iface{i}={nic}" for i, nic in enumerate(nics))]
    parts.append(f"addr={action.address}/{prefix}:{action.gateway}")
    if action.role in _ON_OPEN_VSWITCH:
        parts.append("extra_ovs=yes,ovsbr=br-ex")
    return ",".join(parts)


_RAID_MEMBERS = {0: 2, 1: 2, 10: 4}
"""Levels the installer knows, and how many disks each takes."""


def _destination(action: InstallOs) -> Sequence[str]:
    if action.raid is None:
        if len(action.system_disks) != 1:
            raise ValueError(f"{len(action.system_disks)} system disks need a RAID level")
        return "--dest-hdd", action.system_disks[0]
    members = _RAID_MEMBERS.get(action.raid)
    if members is None or len(action.system_disks) < members:
        raise ValueError(f"software RAID {action.raid} of {len(action.system_disks)} disks is not possible")
    return "--dest-hdd", f"raid{action.raid}", "--raid-devices", ",".join(action.system_disks[:members])


def _packages(action: InstallOs, hardware: Hardware) -> list[str]:
    switch = ["openvswitch-switch"] if action.role in _ON_OPEN_VSWITCH else []
    return [*_FIRMWARE_AND_TOOLS, *_MICROCODE.get(hardware.cpu.vendor, ()), *_MORE_TOOLS, *switch]


def target_files(fleet: FleetSpec) -> dict[str, bytes]:
    """What every installed system needs to find us at its first boot, by absolute path in the live system."""
    files = {remote.TARGET + remote.SERVER_FILE: f"{fleet.provisioning.address}\n".encode()}
    if fleet.http_proxy.enabled:
        files[f"{remote.TARGET}/etc/oci/http_proxy_addr"] = f"{fleet.http_proxy.address}\n".encode()
    return files
