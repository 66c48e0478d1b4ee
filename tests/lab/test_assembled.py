"""Software RAID and LVM with a system of ours: assembled read-only and judged, or marked as finished, and taken apart.

``make test-lab``, in half a minute each; by itself: ``pytest -m live tests/lab/test_assembled.py`` after
``python -m tests.lab.prepare``.
"""

import json
import os
from pathlib import Path

import pytest

from reconciler.provisioning import commands, fence, fence_script

from .disks import MARKER, ROOTS, blank, making, run
from .prepare import KERNEL

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0 or not KERNEL.exists(), reason="needs root and a kernel: make test-lab"),
]

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

FINISH = """
dash /fence.sh finish
echo "status $?"
cat /proc/mdstat | grep -c '^md'
lsblk --noheadings --list --output NAME | grep -c '^system'
dash /fence.sh look
echo "status $?"
"""


@pytest.mark.parametrize("name", [*ROOTS, *LEVELS])
@pytest.mark.parametrize(
    ("allowed", "status", "verdict"), [((), fence_script.REFUSED, "refused"), ((MARKER.id,), 0, "allowed")]
)
def test_a_system_of_ours_is_found(
    name: str, allowed: tuple[str, ...], status: int, verdict: str, tmp_path: Path
) -> None:
    text = fence.script(("vda", "vdb"), commands.MARKER_FILE, fence.Terms("ffffffffffff", tuple(allowed)))
    said = run(tmp_path, _making(name) + LOOK, blank(tmp_path, 32, 3), {"/fence.sh": text})
    _expect(name, said, verdict)
    assert f"status {status}\nuntouched\n0\n0\n" in said  # nothing is left assembled


@pytest.mark.parametrize("name", [*ROOTS, *LEVELS])
def test_an_install_that_ended_well_is_noted_on_it(name: str, tmp_path: Path) -> None:
    """Debian's installer stops its arrays in the end, so that the script has to assemble them, and to write."""
    script = _making(name).replace('"finished": true', '"finished": false')
    text = fence.script(("vda", "vdb"), commands.MARKER_FILE, fence.Terms(MARKER.id))
    said = run(tmp_path, script + FINISH, blank(tmp_path, 32, 3), {"/fence.sh": text})
    assert "status 0\n0\n0\n" in said, said  # noted, and nothing is left assembled
    _expect(name, said, "ended")
    assert f"status {fence_script.ENDED}\n" in said


def _making(name: str) -> str:
    if name in ROOTS:
        return making(name)
    mirror = ROOTS["raid1-1.2"][0].format(array="/dev/md7", two="/dev/vda /dev/vdb")
    return making("raid1-1.2").replace(mirror, LEVELS[name])


def _expect(name: str, said: str, verdict: str) -> None:
    """Each disk with the system was said to hold its finished marker, with this verdict, and nothing was unread."""
    found = fence.parse(json.loads(line) for line in said.splitlines() if line.startswith('{"disk"'))
    assert {(each.disk, each.verdict, each.text) for each in found.markers} == {
        (disk, verdict, MARKER.render().strip()) for disk in (("vda",) if name == "lvm" else ("vda", "vdb"))
    }, said
    assert found.unread == ()
