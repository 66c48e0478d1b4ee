"""The installer's command line, against what OCI printed for the same machines."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model.actions import InstallOs
from reconciler.model.hardware import Cpu, Hardware, Nic
from reconciler.model.spec import FleetSpec
from reconciler.provisioning import install

FLEET = FleetSpec.model_validate(
    {
        "mirrors": {
            "debian": "http://mirror.example.com/debian",
            "security": "http://security.example.com/debian-security",
        },
        "provisioning": {"address": "192.168.100.2", "trusted_networks": ["192.168.100.0/24"]},
    }
)
NICS = tuple(Nic(f"eno{i}", f"52:54:00:00:00:0{i}", speed) for i, speed in enumerate((1000, 1000, 10000, 10000), 1))
R640 = Hardware("A001", "Dell Inc.", "PowerEdge R640", 2**36, cpu=Cpu(vendor="GenuineIntel"), nics=NICS)


def an_install(**differs: object) -> InstallOs:
    return replace(
        InstallOs(
            serial="A001", generation=1, hostname="cl1-controller-1.example.com", role="controller", cluster="cl1",
            release="trixie", address="192.168.10.2", network="192.168.10.0/24", gateway="192.168.10.1",
            interfaces=("10g1", "10g2"), vlan=None, system_disks=("sda",), raid=None, data_disks=(), identity=(),
        ),
        **differs,
    )  # fmt: skip


def after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


@pytest.mark.parametrize(
    ("cluster", "roles"), [("a_swift_only", None), ("c_compute_ceph", {"controller", "volume", "compute", "network"})]
)
def test_every_machine_is_installed_as_oci_would(shared: Path, cluster: str, roles: set[str] | None) -> None:
    aux = json.loads((shared / "oci-golden" / cluster / "aux.json").read_text())
    lines = (shared / "oci-golden" / cluster / "reports.jsonl").read_text().splitlines()
    reports = [json.loads(line)["report"] for line in lines]
    by_serial = {report["machine"][0]["serial"]: report for report in reports}
    compared = 0
    for machine in aux["machine_list.json"]["data"]:
        if roles is not None and machine["role"] not in roles:
            continue
        golden = aux[f"{machine['hostname']}.install_cmd.txt"].removeprefix("ArrayRunning: ").split()
        golden = golden[: golden.index(">/var/log/oci.log")]
        golden.remove("--reboot-after-install")
        words = install.install_command(*_read(golden, machine, by_serial[machine["serial"]]))
        assert golden[0] == "oci-install-with-report"
        assert words[1:] == golden[1:]
        compared += 1
    assert compared > 5


def _read(
    golden: list[str], machine: dict[str, str], report: dict[str, list[dict[str, str]]]
) -> tuple[InstallOs, FleetSpec, Hardware]:
    """The action that the planner would make of it: what was decided comes from the golden command, the rest not."""
    address, gateway = after(golden, "--static-iface").split("addr=")[1].split(",")[0].split(":")
    nics = tuple(Nic(nic["name"], nic["macaddr"], int(nic["max_speed"])) for nic in report["interfaces"])
    raid = after(golden, "--dest-hdd")
    action = an_install(
        serial=machine["serial"], hostname=machine["hostname"], role=machine["role"], address=address.split("/")[0],
        network=f"{address.rpartition('.')[0]}.0/24", gateway=gateway,
        system_disks=tuple(after(golden, "--raid-devices").split(",")) if raid.startswith("raid") else (raid,),
        raid=int(raid.removeprefix("raid")) if raid.startswith("raid") else None,
        data_disks=tuple(after(golden, "--xfsformat").split(",")) if "--xfsformat" in golden else (),
    )  # fmt: skip
    said = report["machine"][0]
    hardware = replace(R640, nics=nics, uefi=said["boot_uefi"] == "yes", cpu=Cpu(vendor=said["cpu_vendor"]))
    return action, FLEET, hardware


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        ({}, "type=bond,iface0=eno3,iface1=eno4,addr=192.168.10.2/24:192.168.10.1"),
        ({"interfaces": ("eno1",)}, "type=normal,iface0=eno1,addr=192.168.10.2/24:192.168.10.1"),
        ({"vlan": 110}, "type=bondvlan,vlannum=110,iface0=eno3,iface1=eno4,addr=192.168.10.2/24:192.168.10.1"),
        ({"interfaces": ("eno1",), "vlan": 7}, "type=normal,vlannum=7,iface0=eno1,addr=192.168.10.2/24:192.168.10.1"),
        (
            {"role": "compute"},
            "type=bond,iface0=eno3,iface1=eno4,addr=192.168.10.2/24:192.168.10.1,extra_ovs=yes,ovsbr=br-ex",
        ),
    ],
)  # fmt: skip
def test_the_management_interface(differs: dict[str, object], expected: str) -> None:
    assert after(install.install_command(an_install(**differs), FLEET, R640), "--static-iface") == expected


@pytest.mark.parametrize(
    ("disks", "raid", "expected"),
    [
        (("nvme0n1",), None, ["--dest-hdd", "nvme0n1"]),
        (("sda", "sdb"), 0, ["--dest-hdd", "raid0", "--raid-devices", "sda,sdb"]),
        (("sda", "sdb", "sdc", "sdd"), 10, ["--dest-hdd", "raid10", "--raid-devices", "sda,sdb,sdc,sdd"]),
    ],
)
def test_where_debian_goes(disks: tuple[str, ...], raid: int | None, expected: list[str]) -> None:
    words = install.install_command(an_install(system_disks=disks, raid=raid), FLEET, R640)
    assert words[(at := words.index("--dest-hdd")) : at + len(expected)] == expected


@pytest.mark.parametrize(
    ("disks", "raid", "why"),
    [
        (("sda", "sdb"), None, "2 system disks need a RAID level"),
        ((), None, "0 system disks"),
        (("sda", "sdb", "sdc"), 5, "software RAID 5 of 3 disks is not possible"),
        (("sda",), 1, "software RAID 1 of 1 disks is not possible"),
    ],
)
def test_an_impossible_disk_layout_is_refused(disks: tuple[str, ...], raid: int | None, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        install.install_command(an_install(system_disks=disks, raid=raid), FLEET, R640)


def test_a_machine_learns_where_this_server_is() -> None:
    assert install.target_files(FLEET) == {"/oci-in-target/etc/oci/pxe-server-ip": b"192.168.100.2\n"}
    proxied = FLEET.model_copy(update={"http_proxy": FLEET.http_proxy.model_copy(update={"enabled": True})})
    assert install.target_files(proxied)["/oci-in-target/etc/oci/http_proxy_addr"] == b"example.com:3128\n"
