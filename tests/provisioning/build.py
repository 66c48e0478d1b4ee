"""An install, and the machine for it, as the tests of what is said to machines have them."""

from dataclasses import replace

from reconciler.model.actions import InstallOs
from reconciler.model.hardware import Cpu, Hardware, Nic
from reconciler.model.interfaces import NodeInterface
from reconciler.model.kinds import FleetSpec

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
            release="trixie", interfaces=(NodeInterface(network="m", kind="normal", nics=("eno1",)),),
            system_disks=("sda",), raid=None, data_disks=(), identity=(),
        ),
        **differs,
    )  # fmt: skip
