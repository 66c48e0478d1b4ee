"""Software RAID and LVM with a system of ours: assembled read-only, judged, taken apart, and not a bit written.

``make test-lab``, in half a minute each; by itself: ``pytest -m live tests/lab/test_assembled.py`` after
``python -m tests.lab.prepare``.
"""

import json
import os
from pathlib import Path

import pytest

from reconciler.provisioning import fence, remote

from .disks import MARKER, ROOTS, blank, making, run
from .prepare import KERNEL

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

LEVELS = {
    "raid5": "mdadm --create /dev/md7 --run --level=5 --raid-devices=3 /dev/vda /dev/vdb /dev/vdc",
    "raid10": "mdadm --create /dev/md7 --run --level=10 --raid-devices=2 /dev/vda /dev/vdb",
}

LOOK = """
sum() { cksum /dev/vda /dev/vdb /dev/vdc; }
before=$(sum)
dash /fence.sh look
echo "status $?"
[ "$before" = "$(sum)" ] && echo untouched
cat /proc/mdstat | grep -c '^md'
lsblk --noheadings --list --output NAME | grep -c '^system'
"""


@pytest.mark.parametrize("name", [*ROOTS, *LEVELS])
@pytest.mark.parametrize(
    ("allowed", "status", "verdict"), [((), fence.REFUSED, "refused"), ((MARKER.id,), 0, "allowed")]
)
def test_a_system_of_ours_is_found(
    name: str, allowed: tuple[str, ...], status: int, verdict: str, tmp_path: Path
) -> None:
    if os.geteuid() != 0 or not KERNEL.exists():
        pytest.skip("needs root and a kernel: make test-lab")
    script = making(name) if name in ROOTS else making("raid1-1.2").replace(_mirror(), LEVELS[name])
    text = fence.script(("vda", "vdb"), remote.MARKER_FILE, install="ffffffffffff", allowed=allowed)
    said = run(tmp_path, script + LOOK, blank(tmp_path, 32, 3), {"/fence.sh": text})
    facts = [json.loads(line) for line in said.splitlines() if line.startswith('{"disk"')]
    met = fence.parse(facts)
    assert {(each.disk, each.verdict, each.text) for each in met.markers} == {
        (disk, verdict, MARKER.render().strip()) for disk in (("vda",) if name == "lvm" else ("vda", "vdb"))
    }, said
    assert met.unread == ()
    assert f"status {status}\nuntouched\n0\n0\n" in said  # nothing is left assembled


def _mirror() -> str:
    return ROOTS["raid1-1.2"][0].format(array="/dev/md7", two="/dev/vda /dev/vdb")
