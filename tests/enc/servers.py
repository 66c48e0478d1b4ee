"""The simulated servers that ``examples/all-roles`` is tried with: every rack has one for each profile."""

from reconciler.simulator.hardware import Model, RackedServer

_SYSTEM = ("MZ7L3480HCHQ", 480_103_981_056)
_SSD = ("MZ7L31T9HBLT", 1_920_383_410_176)
_NVME = ("MZQL23T8HCLS", 3_840_755_982_336)
_HDD = ("ST8000NM000A", 8_001_563_222_016)
_LARGE_HDD = ("ST16000NM001G", 16_000_900_661_248)


def _server(product: str, gib: int, *data: tuple[str, int]) -> Model:
    return Model(product, gib * 1024, (_SYSTEM, _SYSTEM, *data))


SERVERS = (
    *[_server("PowerEdge R650", gib) for gib in (384, 384, 256, 192, 128, 64)],  # controllers for two clusters
    _server("PowerEdge R7525", 512),
    _server("PowerEdge R7525", 512, *[_NVME] * 8),
    _server("PowerEdge R7525", 256),
    *[_server("PowerEdge R450", gib) for gib in (128, 64, 32)],
    _server("PowerEdge R740xd", 128, *[_HDD] * 12),
    _server("PowerEdge R740xd", 64, *[_SSD] * 4),
    _server("PowerEdge R750", 128, *[_NVME] * 4),
    _server("PowerEdge R6525", 128, *[_SSD] * 2),
    _server("PowerEdge R740xd2", 128, *[_LARGE_HDD] * 12),
    *[_server("PowerEdge R250", gib) for gib in (32, 16)],
    Model("PowerEdge R640", 65536, (_SSD,) * 4),
    Model("PowerEdge R540", 65536, (_HDD,) * 2),
)
"""One for each profile. Every rack has them all."""

RACKS = ("gva-a1", "gva-b1", "gva-c1")


def placed() -> list[RackedServer]:
    """Every server in every rack, each in a unit of its own."""
    return [
        RackedServer(f"{rack}-{unit}", model, (f"{rack}-l", f"{rack}-r"), f"swp{unit}", 100 * n + unit)
        for n, rack in enumerate(RACKS)
        for unit, model in enumerate(SERVERS, 1)
    ]
