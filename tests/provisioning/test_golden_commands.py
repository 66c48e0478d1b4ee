"""The command that the planner and the installer's words make together, against what OCI printed for the same node."""

from datetime import UTC, datetime

import pytest

from reconciler.hardware.report import parse_report
from reconciler.model.machine import Allocation, DiskChoice, MachineView, Seen
from reconciler.model.plan import Timings
from reconciler.model.tree import SpecTree
from reconciler.planning.context import Context
from reconciler.planning.install import install
from reconciler.provisioning.install import install_command

from ..enc.oci_recorded import Recorded
from ..reference.clusters import CLUSTERS, WITH_REPORTS
from ..reference.database import Row
from ..reference.reports import Report, as_sent

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOME = "/root"
"""Of root, on the installed system; the reference says ``~root``."""

DIFFERENCES: dict[str, tuple[list[str], list[str]]] = {
    # reason: OCI's words, ours
    "that wrapper ends with 0 when the installer failed; ours reports by itself": (
        ["oci-install-with-report"],
        ["build-openstack-debian-image"],
    ),
    "we boot from disk through the BMC, once the install is known to have ended well": (["--reboot-after-install"], []),
    "the output goes to the same log, by way of the wrapper": ([">/var/log/oci.log", "2>&1", "&"], []),
}
"""Every difference, and why."""


@pytest.mark.parametrize("shape", WITH_REPORTS)
def test_every_node_is_installed_as_oci_would(shape: str) -> None:
    cluster = CLUSTERS[shape]
    given = Recorded(cluster).given()
    rows = {row["serial"]: row for row in cluster.tables["machines"]}
    ours, golden = {}, {}
    for member in given.members:
        held = member.allocation
        ours[held.hostname] = _words(given.tree, held, rows[member.serial], cluster.reports[member.serial])
        golden[held.hostname] = _corrected(cluster.machines[held.hostname].install.replace("~root", HOME).split())
    assert ours == golden
    assert len(ours) > 10


def _corrected(words: list[str]) -> list[str]:
    """OCI's command with every difference made; each must be there to be made."""
    text = f" {' '.join(words)} "
    for oci, ours in DIFFERENCES.values():
        before = f" {' '.join(oci)} "
        assert before in text
        text = text.replace(before, f" {' '.join(ours)} " if ours else " ")
    return text.split()


def _words(tree: SpecTree, held: Allocation, row: Row, report: Report) -> list[str]:
    hardware = parse_report(as_sent(report))
    seen = Seen(hardware, "digest", NOW, "192.168.100.50")
    m = MachineView(serial=hardware.serial, seen=seen, disks=_disks(row, report))
    return install_command(install(m, held, Context(tree, NOW, Timings(), {})), tree.fleet, hardware)


def _disks(row: Row, report: Report) -> DiskChoice:
    """As OCI's own table says, for lack of a profile in it: else NVMe first, then what ends with an a."""
    names = sorted(disk["name"] for disk in report["blockdevices"])
    if row["install_on_raid"] == "yes":
        system, raid = [str(row["raid_dev0"]), str(row["raid_dev1"])], 1
    else:
        system, raid = [next((name for name in names if name == "nvme0n1"), names[0])], None
    data = [name for name in names if name not in system] if row["role"] in ("swiftproxy", "swiftstore") else []
    return DiskChoice(tuple(system), raid, tuple(data), ())
