"""Where the cloud has its files, and the addresses of its network."""

import os
from pathlib import Path

from .. import debian
from ..lab import fleet

WORK = Path(os.environ.get("CLOUD_FOLDER") or "var/cloud").absolute()
"""Of the cloud that runs, or ran last: everything here goes with ``make cloud-down``, the logs excepted."""

CACHE = debian.CACHE / "cloud"
"""Of the user, outside of every clone: roots, by the archive that they were made from, and packages."""

NAMESPACE = "cloud"
"""The network namespace that the daemon, the Puppet server and the mirror share; each node has one of its own."""

SERVER, MACHINES = fleet.SERVER, fleet.NETWORK
"""The daemon's address, and where machines boot."""
NODES_GATEWAY, NODES = fleet.GATEWAY, fleet.NODES
"""Where installed systems have their addresses."""
BMCS_GATEWAY, BMCS = fleet.BMC_GATEWAY, fleet.BMCS
PUBLIC_GATEWAY, PUBLIC = "203.0.113.1", "203.0.113.0/28"
VIP = "203.0.113.2"
"""The first free address of the public network: of the API."""

MIRROR_PORT = 3142
IMAGES_PORT = fleet.IMAGES_PORT
"""Of the web server that has the root tarball."""

DOMAIN = "example.com"
API = f"cl1-api.{DOMAIN}"
