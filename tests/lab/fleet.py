"""The lab's specs: what is in git before, and the one commit after which servers come up by themselves."""

from collections.abc import Mapping
from string import Template

from ..debian import mirror

SERVER, NETWORK = "192.168.100.1", "192.168.100.0/24"
"""The daemon's address, and where machines boot."""
GATEWAY, NODES = "192.168.101.1", "192.168.101.0/24"
"""Where installed systems have their addresses."""
BMC_GATEWAY, BMCS = "192.168.200.1", "192.168.200.0/24"

IMAGES_PORT = 8080
"""Of the web server that has the root tarball."""
SWITCH = "tor-lab-1"
USERNAME, PASSWORD = "oci", "factory-login"  # what the BMCs are delivered with

_FLEET = """\
apiVersion: reconciler/v1
kind: Fleet
metadata: {name: lab}
spec:
  mirrors: {debian: "$mirror"}
  provisioning:
    address: $server
    trusted_networks: [$network]
    boot:
      consoles: ["ttyS0,115200"]
      kernel_arguments: [mitigations=off, nomodeset]
  bmc:
    username: $username
    manage: true
    networks: [{name: bmcs, subnet: $bmcs, gateway: $bmc_gateway, for_machines_in: $network}]
"""

_CLUSTER = """\
apiVersion: reconciler/v1
kind: Cluster
metadata: {name: lab}
spec:
  domain: example.com
  networks:
    lab-nodes: {subnet: $nodes, location: room-1, role: all, interfaces: [10g1]}    # speed that lab.py gives the NIC
  settings: {serial_console_dev: ttyS0}
  roles: {swiftstore: {}}
---
apiVersion: reconciler/v1
kind: Location
metadata: {name: room-1}
spec: {}
---
apiVersion: reconciler/v1
kind: Racking
metadata: {name: lab}
spec:
  switches: {$switch: {dc: "1", row: a, rack: "1", location: room-1}}
  ports: {pattern: 'swp(?P<unit>\\d+)'}
---
apiVersion: reconciler/v1
kind: HardwareProfile
metadata: {name: swiftstore}
spec:
  role: swiftstore
  match: {product: [PowerEdge R640]}
  disks:
    - {size: {min: 8GB, max: 12GB}, count: {min: 1, max: 1}}
    - {size: {min: 1GB, max: 3GB}}
  installer: image
  image: {url: "http://$server:$port/root.tar.zst", sha256: $sha256}
"""
_MACHINE = """\
---
apiVersion: reconciler/v1
kind: Machine
metadata: {name: $serial}
spec: {bmc: {address: $address}}
"""


def fleet() -> str:
    """What is in git from the beginning."""
    return Template(_FLEET).substitute(
        server=SERVER, network=NETWORK, username=USERNAME, bmcs=BMCS, bmc_gateway=BMC_GATEWAY, mirror=mirror()
    )


def commit(sha256: str, machines: Mapping[str, str]) -> str:
    """A cluster that takes every server, and where the BMCs of servers are that nobody has seen yet.

    Args:
        sha256: Of the root tarball.
        machines: Address of the BMC by serial.
    """
    cluster = Template(_CLUSTER).substitute(
        server=SERVER, port=IMAGES_PORT, nodes=NODES, switch=SWITCH, sha256=f'"{sha256}"'
    )
    pins = (Template(_MACHINE).substitute(serial=serial, address=at) for serial, at in sorted(machines.items()))
    return cluster + "".join(pins)
