"""The facts that a node is given of its own hardware."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from reconciler.enc import node_texts
from reconciler.enc.view import View
from reconciler.model.hardware import DiskController, Hardware, PhysicalDisk, ReportSection

SATA = DiskController("sata", "Intel", "C620 Series", "none")
MEGARAID = DiskController("raid", "Broadcom / LSI", "MegaRAID SAS-3", "LSI-raid")
UNREAD = (ReportSection.CONTROLLERS,)
BEHIND = (PhysicalDisk(0, 32, 0, 240 * 10**9),)
BLANK = Hardware("S1", "Dell Inc.", "PowerEdge R640", 2**36)


@pytest.mark.parametrize(
    ("hardware", "told"),
    [
        ({"controllers": (SATA,)}, {"blkdev_ctrls": ["C620 Series"], "has_megaraid": False}),
        ({"controllers": (MEGARAID,)}, {"blkdev_ctrls": ["MegaRAID SAS-3"], "has_megaraid": True}),
        ({}, {"blkdev_ctrls": [], "has_megaraid": False}),
        ({"unread": UNREAD}, {}),
        ({"unread": UNREAD, "physical_disks": BEHIND}, {"has_megaraid": True}),
        ({"unread": (ReportSection.RAID_DISKS,)}, {"blkdev_ctrls": [], "has_megaraid": False}),
    ],
)
def test_puppet_is_told_of_controllers_what_is_known(hardware: dict[str, Any], told: dict[str, Any]) -> None:
    node = SimpleNamespace(role="compute", hardware=replace(BLANK, **hardware))
    view = cast(View, SimpleNamespace(node=node, cluster=SimpleNamespace(name="cl1")))
    found = yaml.safe_load(node_texts.facts(view))
    assert found == {"role": "compute", "cluster": "cl1", **told, "nic_drivers": []}
