"""What must hold at the end of every story, whatever happened in it."""

from collections import Counter
from contextlib import closing

from .world import World


def begun(world: World) -> list[str]:
    """What was begun so far, but for Puppet runs: they follow when a document changes, such as by a peer's disks."""
    return [e.text for e in world.events() if e.kind == "started" and not e.text.startswith("roll_out")]


def assert_sound(world: World, *, installed_once: bool = True, most_boots: int = 8) -> None:
    """Nothing was given twice, nothing is open, and no server was told or done what it should not."""
    with closing(world.site()) as site:
        snapshot = site.store.snapshot()
    held = snapshot.allocations.values()
    names = Counter(each.hostname for each in held)
    addresses = Counter(address for each in held for address in each.addresses.values())
    addresses.update(vip.address for vip in snapshot.vips)
    assert {name: times for name, times in names.items() if times > 1} == {}
    assert {address: times for address, times in addresses.items() if times > 1} == {}
    assert {serial: h.open_action for serial, h in snapshot.histories.items() if h.open_action} == {}
    servers = world.servers.values()
    assert {s.serial: s.surprises for s in servers if s.surprises} == {}
    assert {s.serial: s.boots for s in servers if len(s.boots) > most_boots} == {}
    if installed_once:
        assert {s.serial: s.installs for s in servers} == {
            s.serial: int(s.serial in snapshot.allocations) for s in servers
        }
