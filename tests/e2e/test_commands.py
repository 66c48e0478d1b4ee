"""The commands beside the daemon: what they say is what it does."""

import http.client
from contextlib import closing
from pathlib import Path
from typing import Any

from ..server.promised import broken
from ..waiting import LONG
from .checks import assert_sound
from .world import THREE, World, as_json, parsed, world


async def test_a_paused_fleet_is_left_alone_until_the_pause_ends(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        await w.started()
        await w.cli("pause", "--why", "the electrician is here")
        await w.fleet.press_power_buttons()
        for serial in w.servers:
            row = await w.until_row(serial, lambda row: row["kind"] == "wait")
            assert "the end of a pause (fleet, by " in row["because"]
            assert "the electrician is here" in row["because"]
        assert "the electrician is here" in await w.cli("plan")
        assert "the electrician is here" in await w.cli("machines")
        assert [event for event in w.events() if event.kind == "started"] == []

        await w.cli("resume", "--why", "he has left")
        await w.until_in_service(3)
        assert [event.kind for event in w.events() if event.who and event.kind != "secret-set"] == ["paused", "resumed"]
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_everybody_sees_the_same_plan_and_the_same_classes(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        fleet = await w.until_in_service(3)
        saved = tmp_path / "observation.json"
        await w.cli("observe", "--output", str(saved))
        plans = [
            as_json(await w.cli("plan", "--format", "json", *where))
            for where in (("--observed", str(saved)), ("--server", w.demo.url), ())
        ]
        plans.append(await w.get("/v1/plan"))
        for each in plans:
            each.pop("observed")  # machines were heard in between
        assert plans == plans[:1] * 4
        assert plans[0]["summary"]["settled"] == 3
        assert "swift01 has 2 of 6 swiftstore" in await w.cli("plan", "--detailed-exitcode", expect=2)

        for row in fleet["machines"]:
            printed = await w.cli("enc", row["hostname"])
            assert printed == _served(w, f"/v1/enc/{row['hostname']}")
            answer = as_json(_served(w, f"/oci/api.php?action=enc&hostname={row['hostname']}"))
            assert parsed(answer["data"]) == parsed(printed)
            assert "sanboot" in _served(w, f"/oci/ipxe.php?serial={row['serial']}")
        assert "boot=live" in _served(w, "/v1/boot/ipxe?serial=new")
        text = "".join(plan["because"] for plan in plans[0]["steps"]) + saved.read_text()
        with closing(w.site()) as site:
            for ref, _ in site.store.list_secrets():
                assert (site.store.secret(ref) or "-") not in text


async def test_commands_and_api_show_the_same_rows_and_openapi_describes_each_answer(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        fleet = await w.until_in_service(3)
        printed = as_json(await w.cli("machines", "--format", "json"))
        rows = as_json(_served(w, "/v1/machines"))
        assert {frozenset(row) for row in rows} == {frozenset(row) for row in printed}
        for shown in (rows, fleet["machines"]):
            for row, other in zip(_by_serial(printed), _by_serial(shown), strict=True):
                assert other.keys() <= row.keys()
                changed = {key for key in other if row[key] != other[key]}
                assert changed <= {"last_heard", "power"}, "more than it said, and its BMC, in between"
        clusters = as_json(await w.cli("clusters", "--format", "json"))
        assert clusters == as_json(_served(w, "/v1/clusters")) == fleet["clusters"]

        serial = fleet["machines"][0]["serial"]
        page = as_json(await w.cli("machines", serial, "--format", "json"))
        assert page.keys() == as_json(_served(w, f"/v1/machines/{serial}")).keys()
        for path in (
            "/v1/fleet",
            "/v1/plan",
            "/v1/observation",
            "/v1/events?limit=1000",
            "/metrics",
            "/readyz",
            "/healthz",
        ):
            assert _served(w, path)


def _by_serial(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["serial"])


def _served(w: World, path: str) -> str:
    """What the daemon answers, as OpenAPI has it."""
    connection = http.client.HTTPConnection("127.0.0.1", w.demo.port, timeout=30)
    with closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        kind = answer.headers["content-type"]
        assert not (wrong := broken("GET", path.partition("?")[0], 200, kind, body)), wrong
        return body.decode()


async def test_apply_converges_without_a_daemon(tmp_path: Path) -> None:
    slow = {"timings": {"report_every": "60s", "first_boot": "2s", "back_off": "1s", "puppet_silence": "2s"}}
    async with world(tmp_path, racks=THREE, config=slow) as w:
        listener = await w.started()
        await w.cli("pause", "--why", "only listen")
        await w.fleet.press_power_buttons()
        for serial in w.servers:
            await w.until_row(serial, lambda row: "pause" in row["because"])
        assert await listener.terminate() == 0
        await w.cli("resume")

        async def apply() -> bool:
            await w.cli("apply", "--timeout", f"{LONG:.0f}")  # no first boot is heard: their silence is waited for
            return "3 settled" in await w.cli("plan")

        await w.until("all have settled", apply)
        assert_sound(w)
        with closing(w.site()) as site:
            assert {h.phase for h in site.store.histories().values()} == {"in-service"}
