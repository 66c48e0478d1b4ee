"""Values that the store's tests share."""

from datetime import UTC, datetime, timedelta

from reconciler.model.actions import Enroll, InstallOs
from reconciler.model.disk_id import DiskId
from reconciler.model.hardware import Cpu, Disk, DiskController, Hardware, Nic, PhysicalDisk
from reconciler.model.interfaces import NodeInterface
from reconciler.model.observations import Heard

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def hardware(serial: str = "A", memory: int = 2**38, disks: int = 2) -> Hardware:
    return Hardware(
        serial=serial,
        manufacturer="Dell Inc.",
        product="PowerEdge R640",
        memory=memory,
        cpu=Cpu("Intel", "Xeon Gold 6132", 56, 14, 2, 2600.0),
        disks=tuple(Disk(f"sd{n}", f"/dev/sd{n}", 480 * 10**9, "SSD", f"{serial}-{n}") for n in range(disks)),
        physical_disks=(PhysicalDisk(0, 32, 0, 480 * 10**9, "SSD"),),
        nics=(Nic("eth0", "aa:bb:cc:00:00:01", 10000, "dc2-b3-5", "swp14"),),
        controllers=(DiskController("1000:005d", "LSI", "MegaRAID", "LSI-raid"),),
        bmc_address="192.168.200.7",
        memory_modules=({"size": "32 GB", "speed": "2666"},),
        extra={"some": {"field": [1, None, "x"]}},
    )


def report(serial: str = "A", at: datetime = NOW, **change: int) -> Heard:
    seen = hardware(serial, **change)
    return Heard(serial, at, "192.168.100.20", hardware=seen, digest=f"digest-{seen.memory}-{len(seen.disks)}")


def enroll(serial: str = "A", number: int = 1, **change: object) -> Enroll:
    given: dict[str, object] = {
        "serial": serial,
        "generation": 1,
        "cluster": "cl1",
        "role": "swiftstore",
        "profile": "store-r740",
        "location": "zone-1",
        "hostname": f"cl1-swiftstore-{number}.example.com",
        "number": number,
        "addresses": {"mgmt": f"192.168.101.{10 + number}", "a-storage": f"192.168.102.{10 + number}"},
    }
    return Enroll(**(given | change))


def install(serial: str = "A") -> InstallOs:
    return InstallOs(
        serial=serial, generation=1, hostname="cl1-swiftstore-1.example.com", role="swiftstore", cluster="cl1",
        release="trixie", system_disks=("sda", "sdb"), raid=1, data_disks=(),
        interfaces=(NodeInterface(network="mgmt", kind="normal", nics=("eth0",), address="192.168.101.11/24"),),
        identity=(DiskId.parse("sda SSD A-0 480"),),
    )  # fmt: skip
