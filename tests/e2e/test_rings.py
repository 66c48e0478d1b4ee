"""Swift's rings by the real daemon and Swift's own library: built, placed, grown by one approved round, mended."""

import hashlib
import json
from pathlib import Path
from typing import Any

from reconciler.simulator.demo import Racks
from reconciler.simulator.hardware import CONTROLLER, STORE

from .world import World, world

CLUSTER = "clusters/swift01.yaml"
TWO_ZONES: Racks = {"zone-1": (CONTROLLER, STORE), "zone-2": (STORE, STORE), "zone-3": (STORE,)}


def md5s(w: World) -> dict[str, dict[str, str]]:
    """By server that was installed, the md5 of each of its ring files, as they lie on its disk."""
    return {
        serial: {
            file.name: hashlib.md5(file.read_bytes()).hexdigest()
            for file in sorted((server.disk / "etc/swift").glob("*.ring.gz"))
        }
        for serial, server in w.servers.items()
        if (server.disk / "etc/swift").is_dir()
    }


def agree(w: World, nodes: int) -> dict[str, str] | None:
    """The files that so many nodes have, if all have the same."""
    found = md5s(w)
    (some, *others) = found.values() or ({},)
    return some if len(found) == nodes and all(other == some for other in others) and some else None


def others(now: dict[str, str] | None, before: dict[str, str]) -> dict[str, str] | None:
    """The files, if each of them is another one than before; they are put into place one by one."""
    return now if now and all(now[name] != md5 for name, md5 in before.items()) else None


async def asked(w: World) -> dict[str, Any] | None:
    """The machine that waits for an approval of a round."""
    fleet = await w.fleet_view()
    rows = fleet["machines"] if fleet else []
    return next((row for row in rows if row["needs_approval"] == "change_rings"), None)


def three_stores(specs: Path) -> None:
    file = specs / CLUSTER
    text = file.read_text().replace(", begin_with: 4", "")
    text = text.replace("swiftstore: {count: 6", "swiftstore: {count: 3")
    file.write_text(text.replace("swiftproxy: {count: 3", "swiftproxy: {count: 0"))


async def test_stores_come_up_with_the_same_rings_and_grow_by_a_round_that_was_approved(tmp_path: Path) -> None:
    async with world(tmp_path, racks=TWO_ZONES, specs=three_stores) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(4)
        first = await w.until("three stores have the same rings", lambda: agree(w, 3))
        assert sorted(first) == ["account.ring.gz", "container.ring.gz", "object.ring.gz"]
        told = [(event.serial, event.text) for event in w.events()]
        installs = [n for n, (serial, text) in enumerate(told) if text == "install_os began" and serial in md5s(w)]
        built = next(n for n, (_, text) in enumerate(told) if text == "build_rings succeeded")
        assert built < min(installs) and len(installs) == 3

        w.edit(CLUSTER, "swiftstore: {count: 3", "swiftstore: {count: 4")
        await w.until_in_force(w.commit("Grow Swift by a store"))
        await w.until("four stores have the rings of before", lambda: agree(w, 4) == first)
        row = await w.until("a round waits for an approval", lambda: asked(w))
        assert "partitions move" in row["because"]
        assert agree(w, 4) == first, "nothing changes unasked"

        await w.cli("approve", row["serial"], "--why", "at night")
        second = await w.until("four stores have other rings", lambda: others(agree(w, 4), first))
        again = await w.until("the next round waits for an approval of its own", lambda: asked(w))
        assert "3000.03 -> 6000.06" in again["because"], again["because"]

        (serial, node) = next(iter((s, server) for s, server in w.servers.items() if s in md5s(w)))
        (node.disk / "etc/swift/object.ring.gz").write_bytes(b"by hand")
        await w.until("a ring that was changed by hand is put back", lambda: agree(w, 4) == second)
        told = [event.text for event in w.events() if event.serial == serial and "its ring files" in event.text]
        assert any(hashlib.md5(b"by hand").hexdigest() in text for text in told), json.dumps(told)
        assert [server.surprises for server in w.servers.values() if server.surprises] == []
