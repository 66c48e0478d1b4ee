"""Which profile a machine of OCI's has: one that takes the disks on which OCI installed it."""

import pytest

from reconciler.model.hardware import Disk, Hardware
from reconciler.model.kinds import HardwareProfileSpec
from reconciler.oci_import.machines import OciMachine
from reconciler.oci_import.made_profiles import assign_profiles

SORTED = (Disk("slot0", "sdb", 480 * 10**9, "SSD"), Disk("slot1", "sda", 12 * 10**12, "HDD"))
"""Disks by the names that the agent sorts them by, and the kernel's."""


@pytest.mark.parametrize(("installed_on", "profile"), [("slot0", "small"), ("slot1", "compute-poweredge-r640")])
def test_disks_are_those_of_oci_by_the_names_that_its_agent_gives_them(installed_on: str, profile: str) -> None:
    hardware = Hardware("S1", "Dell Inc.", "PowerEdge R640", 2**36, disks=SORTED, sort_devices=True)
    machine = OciMachine(
        {"dest_blk": installed_on}, "S1", hardware, "cl1", "compute", None, "c-1", {}, "192.0.2.9", None, None, True
    )
    known = HardwareProfileSpec.model_validate({"role": "compute", "disks": [{"size": {"max": "1TB"}}]})
    assert assign_profiles([machine], {"small": known}).of == {"S1": profile}
