"""``python -m tests.lab.prepare``: what the lab boots from, below ``var/lab``; a live image that is current is kept.

Needs the Debian mirror, which the lab's own network does not reach. The first time takes some minutes.
"""

import shutil
import sys
from pathlib import Path

from reconciler.cli.app import run

LAB = Path("var/lab").absolute()
CONFIG = LAB / "reconciler.yaml"
SERVER, NETWORK = "192.168.100.1", "192.168.100.0/24"

_FLEET = f"""\
apiVersion: reconciler/v1
kind: Fleet
metadata: {{name: lab}}
spec:
  provisioning:
    address: {SERVER}
    trusted_networks: [{NETWORK}]
    boot:
      consoles: ["ttyS0,115200"]
      kernel_arguments: [mitigations=off, nomodeset]
"""
_CONFIG = f"""\
specs: {LAB}/specs
database: sqlite:///{LAB}/reconciler.db
state: {LAB}
listen: {{address: {SERVER}, port: 80}}
dashboard_networks: [{SERVER}/32]
"""


def main() -> int:
    """Lay everything out, and return an exit status."""
    shutil.rmtree(LAB / "specs", ignore_errors=True)
    (LAB / "specs").mkdir(parents=True)
    (LAB / "specs/fleet.yaml").write_text(_FLEET)
    CONFIG.write_text(_CONFIG)
    site = ("--config", str(CONFIG))
    if status := run([*site, "boot-files"]):
        return status
    if run([*site, "boot-image", "check"]) == 0:
        return 0
    return run([*site, "boot-image", "build", "--compression", "lz4"])  # unpacked fastest where the processor is slow


if __name__ == "__main__":
    sys.exit(main())
