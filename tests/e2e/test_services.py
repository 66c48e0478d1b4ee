"""Services that do not come up, and what waits for them: in service is what answers, not what Puppet once finished."""

from pathlib import Path

from reconciler.simulator.hardware import CONTROLLER, PROXY, STORE

from .checks import assert_sound
from .world import ONE, only, world

OFTEN = {"gate_poll": "1s"}


async def test_what_needs_keystone_waits_for_it_and_a_service_that_dies_is_seen(tmp_path: Path) -> None:
    racks = {"zone-1": (CONTROLLER, PROXY, STORE)}
    async with world(tmp_path, racks=racks, config=OFTEN) as w:
        controller, proxy, store = w.servers.values()
        controller.services.break_down("keystone")
        await w.started()
        await w.fleet.press_power_buttons()

        row = await w.until_row(controller.serial, lambda row: row["reason"] == "gate-closed")
        assert row["phase"] == "installed" and row["closed_gates"] == ["keystone", "catalog"]
        assert 'keystone is "no token: HTTP/1.1 503 Service Unavailable" since' in row["because"]
        row = await w.until_row(proxy.serial, lambda row: row["reason"] == "bring-up")
        assert row["phase"] == "installed" and f"{controller_name(w, controller)}: " in row["because"]
        assert proxy.first_runs == 0, "its first boot ran Puppet before what it needs was there"
        await w.until_row(store.serial, lambda row: row["phase"] == "in-service" and row["kind"] == "settled")
        plan = await w.get("/v1/plan")
        waits = next(step for step in plan["steps"] if step["serial"] == controller.serial)
        assert [(gate["name"], gate["threshold"], gate["holds"]) for gate in waits["gates"]] == [
            ("keystone", "token", False), ("catalog", "1 or more", False)
        ]  # fmt: skip

        controller.services.mend()
        await w.until_in_service(3)
        told = [event.text for event in w.events(proxy.serial)]
        assert told.count("begin_puppet succeeded") == 1 and proxy.first_runs == 1

        store.services.break_down("swift")
        row = await w.until_row(store.serial, lambda row: row["kind"] == "wait")
        assert (row["phase"], row["reason"], row["closed_gates"]) == ("in-service", "gate-closed", ["swift-servers"])
        counted = 'reconciler_gates_closed{cluster="swift01",gate="swift-servers"} 1.0'
        assert counted in (await w.ask("/metrics")).text
        shown = (await w.get(f"/v1/machines/{store.serial}"))["gates"]
        assert [gate["name"] for gate in shown if not gate["holds"]] == ["swift-servers"] and len(shown) == 5
        page = await w.cli("machines", store.serial)
        assert "swift-servers: account on 6202: curl: (7)" in page and "CLOSED, opens at: all answer" in page
        store.services.mend()
        await w.until_in_service(3)
        assert {server.installs for server in w.servers.values()} == {1}
        await w.daemons[-1].terminate()
        assert_sound(w)


def controller_name(w, server) -> str:
    return (server.disk / "etc/motd").read_text().split()[2]


async def test_a_certificate_that_cannot_be_cleaned_stops_the_install_before_it_erases(tmp_path: Path) -> None:
    authority, asked, down = tmp_path / "puppetserver", tmp_path / "asked", tmp_path / "down"
    authority.write_text(
        f'#!/bin/sh\necho "$@" >> {asked}\n'
        f'if [ -e {down} ]; then echo "Error: Failed connecting to puppet:8140" >&2; exit 1; fi\n'
        'echo "Error:" >&2; echo "    Could not find files to clean for $4" >&2; exit 1\n'
    )
    authority.chmod(0o755)
    down.touch()
    config = {"puppet_ca": {"command": [str(authority), "ca", "clean", "--certname", "{certname}"]}}
    async with world(tmp_path, racks=ONE, config=config) as w:
        server = only(w)
        await w.started()
        await w.fleet.press_power_buttons()
        row = await w.until_row(server.serial, lambda row: row["failures"])
        assert "was not cleaned by" in row["last_error"] and "Failed connecting to puppet:8140" in row["last_error"]
        assert server.installs == 0
        down.unlink()
        hostname = (await w.until_in_service(1))["machines"][0]["hostname"]
        assert server.installs == 1
        assert set(asked.read_text().splitlines()) == {f"ca clean --certname {hostname}"}
        await w.daemons[-1].terminate()
        assert_sound(w)
