"""The installer's command line, and what a machine is given for its first boot."""

from collections.abc import Sequence

from ..model.actions import InstallOs
from ..model.hardware import Hardware
from ..model.installable import DEBIAN, nvme_controller, why_not_debian
from ..model.kinds import FleetSpec
from ..model.nics import NO_RENAMING
from ..model.roles import facts_of
from . import commands, interfaces
from .nic_names import keeps_kernels_names

PROGRAM = DEBIAN
"""What OCI's ``oci-install-with-report`` runs. We run it ourselves and send the status calls ourselves
(``commands.install_script``), because that wrapper ends with exit status 0 when the installer failed."""

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


def install_command(action: InstallOs, fleet: FleetSpec, hardware: Hardware) -> list[str]:
    """The words of the command that installs the machine. It does not reboot: ``BootDisk`` does, through the BMC.

    Args:
        action: What to install, as it was planned.
        fleet: For its mirrors.
        hardware: The machine's report: its NICs, firmware kind and CPU vendor.

    Raises:
        ValueError: A NIC of the plan is not in this machine, or would have another name on the node; the installer
            cannot boot from such disks; or nobody said how the machine boots.
    """
    interfaces.check_present(action.interfaces, hardware.nics)
    _check_names(action, fleet, hardware)
    uefi = hardware.boots_with_uefi
    formatted = action.data_disks if facts_of(action.role).installer_formats_data else ()
    return [
        PROGRAM,
        *(word for value in interfaces.static_ifaces(action.interfaces) for word in ("--static-iface", value)),
        "--release", action.release,
        "--debootstrap-url", fleet.mirrors.debian,
        "--sources.list-mirror", fleet.mirrors.debian,
        "--security-mirror", fleet.mirrors.security,
        *(("--boot-type", "uefi") if uefi else ()),
        *_destination(action, uefi=uefi),
        "--no-cloud-init",
        "--extra-packages", ",".join((*_EXTRA_PACKAGES, *action.packages)),
        "--hook-script", "/usr/bin/openstack-cluster-installer-bodi-hook-script",
        "--root-ssh-key", commands.ROOT_KEYS_FILE,
        "--install-nonfree-repo",
        "--postinstall-packages", ",".join(_packages(action, hardware)),
        "--hostname", action.hostname,
        *(("--add-serial-getty", action.console) if action.console else ()),
        "--tty-autologin", "yes",
        *(("--xfsformat", ",".join(formatted)) if formatted else ()),
        *(("--kernel-from-backports", "yes") if action.backports_kernel else ()),
    ]  # fmt: skip


def _check_names(action: InstallOs, fleet: FleetSpec, hardware: Hardware) -> None:
    """The installer writes GRUB's menu itself, and takes no words for the kernel: the node would rename interfaces."""
    told = NO_RENAMING in fleet.provisioning.boot.kernel_arguments
    if told and keeps_kernels_names(hardware.nics):
        named = ", ".join(dict.fromkeys(nic for one in action.interfaces for nic in one.nics))
        raise ValueError(
            f"the live system's kernel is told {NO_RENAMING}, so that its interfaces are called {named}. The installer "
            "debian cannot tell the node's kernel, and the node would have no network. Take it out of the fleet's "
            "provisioning.boot.kernel_arguments and have the machine boot the live system anew, or give its profile "
            "installer: image"
        )


def _destination(action: InstallOs, *, uefi: bool) -> Sequence[str]:
    disks = action.system_disks
    if why := why_not_debian(disks, action.raid, uefi=uefi):
        raise ValueError(why)
    if action.raid is None:
        return "--dest-hdd", nvme_controller(disks[0]) or disks[0]  # of NVMe it looks for the first namespace itself
    return "--dest-hdd", "raid1", "--raid-devices", ",".join(disks)


def _packages(action: InstallOs, hardware: Hardware) -> list[str]:
    switch = ["openvswitch-switch"] if any(one.bridge or one.ovs_ports for one in action.interfaces) else []
    return [*_FIRMWARE_AND_TOOLS, *_MICROCODE.get(hardware.cpu.vendor, ()), *_MORE_TOOLS, *switch]
