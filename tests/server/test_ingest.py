"""What machines may say, what becomes of it, and that a refused word leaves no trace."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.hardware.fields import MAX_BLOCK_DEVICES, MAX_BYTES
from reconciler.model.machine import InstallStatus
from reconciler.server import batches, hot_paths, ingest
from reconciler.server.auth import Caller, parse_address
from reconciler.server.claims import Stake
from reconciler.server.crowd import SILENT, Bounds, Crowd
from reconciler.store import Store

from ..reference.clusters import CLUSTERS, WITH_REPORTS
from ..reference.facts import agent_reports
from ..reference.reports import as_sent
from ..waiting import becomes
from .conftest import Client
from .worlds import NODE, STRANGER, TRUSTED, World, body, nonce, report

FROM_TRUSTED = Caller(parse_address(TRUSTED))


@pytest.mark.parametrize("path", ["/v1/report", "/oci/report.php"])
async def test_a_report_is_answered_ok_and_kept(world: World, client: Client, path: str) -> None:
    answer = await client().post(path, content=body(), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.content) == (200, b"Ok")
    [word] = world.store.words
    assert (word.serial, word.address, word.at) == ("7XK9Z01", TRUSTED, world.now)
    assert word.hardware is not None
    assert word.hardware.product == "PowerEdge R640"
    assert [notice.kind for notice in world.store.notices] == ["first-report"]
    assert world.woken == 1


async def test_real_reports_are_taken(world: World, client: Client) -> None:
    found = [agent_reports()[0], *(one for name in WITH_REPORTS for one in CLUSTERS[name].reports.values())]
    assert len(found) > 20
    for one in found:
        answer = await client().post("/oci/report.php", content=as_sent(one))
        assert answer.content == b"Ok", answer.text


async def test_a_known_report_costs_no_parsing_and_wakes_nobody(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client().post("/v1/report", content=body())
    monkeypatch.setattr(ingest, "read_report", None)
    world.now += timedelta(seconds=30)
    assert (await client().post("/v1/report", content=body())).content == b"Ok"
    assert [word.at for word in world.store.words] == [world.now - timedelta(seconds=30), world.now]
    assert world.store.words[1].digest == world.store.words[0].digest
    assert world.woken == 1


async def test_a_known_report_is_still_known_after_a_restart(world: World, client: Client) -> None:
    await client().post("/v1/report", content=body())
    again = World(store=world.store)
    again.ingest.start()
    assert (await again.ingest.report(body(), FROM_TRUSTED)).result == "known"
    await again.ingest.stop()
    assert again.woken == 0


async def test_changed_hardware_is_told_and_wakes_the_loop(world: World, client: Client) -> None:
    await client().post("/v1/report", content=body())
    await client().post("/v1/report", content=body(bios_version="3.0.0"))
    assert [notice.text for notice in world.store.notices][1:] == ["BIOS version is 3.0.0, was 2.12.2"]
    assert world.woken == 2
    back = await world.ingest.report(body(), FROM_TRUSTED)
    assert back.result == "changed", "the old report again is a change, not the one before"


async def test_a_processor_clock_that_drifts_is_no_change(world: World) -> None:
    await world.ingest.report(body(cpu_mhz="1200.5"), FROM_TRUSTED)
    assert (await world.ingest.report(body(cpu_mhz="2400.1"), FROM_TRUSTED)).result == "known"
    assert world.woken == 1


def other_board() -> bytes:
    """The same serial, other MAC addresses."""
    return json.dumps({**report("OTHER"), "machine": report()["machine"]}).encode()


def sled(number: int, last: str) -> bytes:
    """The report of a sled whose agent says the serial of the enclosure."""
    told = report("CHASSIS1", system_serial=f"SLED{number}", system_uuid=f"6f1c2d3e-0000-4a4b-8c8d-3cecef00000{number}")
    told["interfaces"][0]["macaddr"] = f"3c:ec:ef:00:00:{last}"
    return json.dumps(told).encode()


async def test_sleds_that_share_a_serial_are_told_apart_by_machine_documents(world: World, client: Client) -> None:
    answers = [(await client().post("/v1/report", content=sled(n, f"0{n}"))).status_code for n in (1, 2)]
    assert answers == [200, 409]
    world.named |= {"SLED1", "6f1c2d3e-0000-4a4b-8c8d-3cecef000002"}
    for number, name in ((1, "SLED1"), (2, "6f1c2d3e-0000-4a4b-8c8d-3cecef000002")):
        for _ in range(2):
            assert (await client().post("/v1/report", content=sled(number, f"0{number}"))).status_code == 200
            assert world.store.words[-1].serial == name


async def test_a_machine_that_has_a_place_stays_who_it_is_whatever_document_names_it(
    world: World, client: Client
) -> None:
    await client().post("/v1/report", content=sled(1, "01"))
    world.named.add("SLED1")
    world.stakes["CHASSIS1"] = Stake.SYSTEM
    assert (await client().post("/v1/report", content=sled(1, "01"))).status_code == 200
    assert world.store.words[-1].serial == "CHASSIS1"
    world.named.add("SLED2")
    assert (await client().post("/v1/report", content=sled(2, "02"))).status_code == 200
    assert world.store.words[-1].serial == "SLED2"


async def test_a_machine_that_has_a_place_stays_who_it_is_whichever_of_its_numbers_its_agent_chooses(
    world: World, client: Client
) -> None:
    """As when the live image is built anew, with an agent that prefers a sled's own serial to its enclosure's."""

    def chosen(number: int) -> bytes:
        told = json.loads(sled(number, f"0{number}"))
        told["machine"][0] |= {"serial": f"SLED{number}", "chassis_serial": "CHASSIS1"}
        return json.dumps(told).encode()

    await client().post("/v1/report", content=sled(1, "01"))
    assert (await client().post("/v1/report", content=chosen(3))).status_code == 200
    assert world.store.words[-1].serial == "SLED3"
    world.stakes["CHASSIS1"] = Stake.SYSTEM
    for number, name in ((1, "CHASSIS1"), (2, "SLED2")):
        for _ in range(2):
            assert (await client().post("/v1/report", content=chosen(number))).status_code == 200
            assert world.store.words[-1].serial == name


async def test_two_machines_that_claim_one_serial_are_both_held_and_never_merged(world: World, client: Client) -> None:
    assert (await client().post("/v1/report", content=body())).status_code == 200
    before = world.store.machines["7XK9Z01"]
    for _ in range(2):
        answer = await client("192.168.100.8").post("/v1/report", content=other_board())
        assert answer.status_code == 409
        assert "two machines claim the serial 7XK9Z01" in answer.text
    assert world.store.machines["7XK9Z01"] == before
    reason, evidence = world.store.conflicts["7XK9Z01"]
    assert "52:54:00" in reason
    assert "192.168.100.8" in evidence
    assert [notice.kind for notice in world.store.notices] == ["first-report", "conflict"], "told once"
    assert world.woken == 2
    assert (await client().post("/v1/report", content=body())).status_code == 200, "the first one is still heard"


async def test_a_forgotten_machine_makes_room_for_the_other(world: World) -> None:
    await world.ingest.report(body(), FROM_TRUSTED)
    del world.store.machines["7XK9Z01"]
    assert (await world.ingest.report(other_board(), FROM_TRUSTED)).result == "new"


async def test_first_reports_at_once_make_one_machine(world: World) -> None:
    answers = await asyncio.gather(*(world.ingest.report(body(), FROM_TRUSTED) for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert len(world.store.notices) == 1


async def test_of_two_rivals_at_once_one_is_held(world: World) -> None:
    rivals = await asyncio.gather(*(world.ingest.report(one, FROM_TRUSTED) for one in (body(), other_board())))
    assert sorted(answer.status for answer in rivals) == [200, 409]


async def test_words_that_gather_while_the_disk_is_busy_are_written_together(world: World) -> None:
    world.store.gate.clear()
    waiting = [asyncio.create_task(world.ingest.report(body(f"M{i}"), FROM_TRUSTED)) for i in range(50)]
    await becomes("all are queued", lambda: len(world.ingest._known) == 50)
    assert not any(task.done() for task in waiting), "nobody hears Ok before it is on disk"
    world.store.gate.set()
    assert {answer.body for answer in await asyncio.gather(*waiting)} == {b"Ok"}
    assert world.store.batches <= 3


async def test_what_could_not_be_written_is_not_answered_ok(world: World, client: Client) -> None:
    world.store.broken = True
    answer = await client().post("/v1/report", content=body())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    world.store.broken = False
    assert (await world.ingest.report(body(), FROM_TRUSTED)).result == "new", "nothing of the lost report was believed"
    assert world.woken == 1
    assert [str(error) for error in world.told] == ["disk full", "None"]


async def test_a_store_that_does_not_answer_is_told_to_who_should_come_again(world: World, client: Client) -> None:
    world.store.away = True
    for answer in (
        await client().post("/v1/report", content=body()),
        await client().get("/v1/install-status?status=live&chassis-serial=7XK9Z01"),
    ):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "the database cannot be read" in answer.text
    world.store.away = False
    assert (await client().post("/v1/report", content=body())).content == b"Ok"


async def test_a_full_queue_sends_callers_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.store.gate.clear()
    crowd = [asyncio.create_task(world.ingest.report(body(), FROM_TRUSTED)) for _ in range(batches.QUEUE + 600)]
    await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
    world.store.gate.set()
    statuses = [answer.status for answer in await asyncio.gather(*crowd)]
    assert statuses.count(503) > 0
    assert statuses.count(200) >= batches.QUEUE
    assert len(world.store.words) == statuses.count(200)


async def test_the_last_words_are_written_when_the_server_stops(world: World) -> None:
    world.store.gate.clear()
    spoken = asyncio.create_task(world.ingest.report(body(), FROM_TRUSTED))
    await becomes("it is queued", lambda: world.ingest._known)
    world.store.gate.set()
    await world.ingest.stop()
    assert (await spoken).body == b"Ok"
    assert (await world.ingest.report(body(), FROM_TRUSTED)).status == 503


@pytest.mark.parametrize("asked", ["POST /oci/report.php", "GET /oci/install-status.php?status=live&serial=S1"])
async def test_who_calls_before_there_are_specs_is_asked_to_come_back(world: World, client: Client, asked: str) -> None:
    world.trusted = None
    method, path = asked.split()
    answer = await client(TRUSTED).request(method, path, content=body())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert world.store.is_untouched


async def test_a_machine_with_hundreds_of_disks_over_several_paths_is_taken(world: World, client: Client) -> None:
    said = json.loads(body())
    count = MAX_BLOCK_DEVICES // 4
    said["blockdevices"] = [
        {
            **{
                "name": f"sd{path}x{disk}",
                "realdev": f"sd{path}x{disk}",
                "size": "18000207937536",
                "rotational": "yes",
            },
            **{"model": "WUH721818AL5204", "serial": f"2JG{disk:05}T", "wwn": f"0x5000cca2b{disk:07x}"},
            **{"transport": "sas", "pci": f"0000:{path}e:00.0"},
            "signatures": [
                {"device": f"sd{path}x{disk}{part}", "type": "xfs", "label": "data", "uuid": "0" * 36}
                for part in range(1, 5)
            ],
        }
        for path in range(4)
        for disk in range(count)
    ]
    content = json.dumps(said).encode()
    assert len(content) > ingest.LARGE_REPORT
    answer = await client().post("/oci/report.php", content=content)
    assert (answer.status_code, answer.content) == (200, b"Ok")
    [word] = world.store.words
    assert word.hardware is not None
    assert len(word.hardware.disks) == count


@pytest.mark.parametrize(
    ("address", "headers", "sent", "status", "says"),
    [
        (STRANGER, {}, body(), 403, "trusted networks"),
        (NODE, {}, body(), 403, "trusted networks"),
        (TRUSTED, {"x_forwarded_for": TRUSTED}, body(), 403, "trusted networks"),
        (STRANGER, {"x_forwarded_for": TRUSTED}, body(), 403, "trusted networks"),
        (TRUSTED, {}, b"", 400, ""),
        (TRUSTED, {}, b"null", 400, ""),
        (TRUSTED, {}, b"[" * 100_000, 400, ""),
        (TRUSTED, {}, b'{"memory": [{"size": "2048"}]}', 400, "machine"),
        (TRUSTED, {}, body("X\n"), 400, "serial"),
        (TRUSTED, {}, body("To Be Filled By O.E.M."), 400, "serial"),
        (TRUSTED, {}, body("x', notices='pwned"), 400, "serial"),
        (TRUSTED, {}, b"x" * (MAX_BYTES + 1), 413, "bytes"),
        (TRUSTED, {}, b"[" * MAX_BYTES, 400, "nested"),
        (TRUSTED, {}, b'{"machine": [' + b"{}," * (MAX_BYTES // 4) + b"{}]}", 400, "machine"),
    ],
)
async def test_a_bad_report_is_refused_and_changes_nothing(
    world: World, client: Client, address: str, headers: dict[str, str], sent: bytes, status: int, says: str
) -> None:
    answer = await client(address, **headers).post("/oci/report.php", content=sent)
    assert answer.status_code == status
    assert says in answer.text
    assert world.store.is_untouched
    assert not world.woken


async def test_a_report_without_announced_length_is_bounded_too(world: World, client: Client) -> None:
    async def endless() -> Any:
        while True:
            yield b"x" * 65536

    assert (await client().post("/v1/report", content=endless())).status_code == 413
    assert world.store.is_untouched


async def test_a_token_lets_nobody_report(world: World, client: Client) -> None:
    assert (await client(STRANGER, "approver").post("/v1/report", content=body())).status_code == 403


STATUS = "/oci/install-status.php"


@pytest.mark.parametrize("status", list(InstallStatus))
@pytest.mark.parametrize("path", ["/v1/install-status", STATUS])
async def test_a_status_is_kept_with_its_sender(world: World, client: Client, path: str, status: InstallStatus) -> None:
    await client().post("/v1/report", content=body())
    answer = await client(NODE).get(path, params={"status": status, "chassis-serial": "7XK9Z01"})
    assert (answer.status_code, answer.content) == (200, b"")
    word = world.store.words[-1]
    assert (word.serial, word.status, word.address, word.hardware) == ("7XK9Z01", status, NODE, None)
    assert world.woken == 2


async def test_a_serial_that_a_stock_script_did_not_encode_is_known(world: World, client: Client) -> None:
    await client().post("/v1/report", content=body(serial="111111X+14/43"))
    said = f"{STATUS}?status=installing&chassis-serial=111111X+14/43"
    assert (await client().get(said)).status_code == 200
    assert world.store.words[-1].serial == "111111X+14~43"


async def test_an_installer_that_says_no_serial_is_known_by_its_address(world: World, client: Client) -> None:
    await client().post("/v1/report", content=body())
    assert (await client().get(STATUS, params={"status": "installing"})).status_code == 200
    assert world.store.words[-1].status is InstallStatus.INSTALLING
    assert (await client("192.168.100.77").get(STATUS, params={"status": "installing"})).status_code == 404


async def test_an_installed_node_behind_nat_says_its_own_address(world: World, client: Client) -> None:
    await client().post("/v1/report", content=body())
    said = {"status": "installed", "chassis-serial": "7XK9Z01", "ipaddr": NODE}
    assert (await client().get(STATUS, params=said)).status_code == 200
    assert world.store.words[-1].address == NODE


@pytest.mark.parametrize("said", [{}, {"ipaddr": NODE}])
async def test_a_status_from_an_address_that_another_machine_was_given_is_not_believed(
    world: World, client: Client, said: dict[str, str]
) -> None:
    await client().post("/v1/report", content=body())
    status = {"status": "installed", "chassis-serial": "7XK9Z01", **said}
    speaker = client(TRUSTED if said else NODE)
    world.owners[NODE] = "OTHER"
    answer = await speaker.get(STATUS, params=status)
    assert (answer.status_code, len(world.store.words)) == (409, 1)
    assert f"{NODE} was given to OTHER" in answer.text
    world.owners[NODE] = "7XK9Z01"
    assert (await speaker.get(STATUS, params=status)).status_code == 200


@pytest.mark.parametrize(
    ("address", "said", "status", "says"),
    [
        (STRANGER, {"status": "live", "chassis-serial": "7XK9Z01"}, 403, "networks"),
        (TRUSTED, {"status": "unkown", "chassis-serial": "7XK9Z01"}, 400, "status"),
        (TRUSTED, {"chassis-serial": "7XK9Z01"}, 400, "status"),
        (TRUSTED, {"status": "live", "chassis-serial": "NOBODY"}, 404, "No machine"),
        (TRUSTED, {"status": "live", "chassis-serial": "x\0y"}, 400, "chassis-serial"),
        (TRUSTED, {"status": "live", "chassis-serial": "x" * 65}, 400, "chassis-serial"),
        (TRUSTED, {"status": "installed", "chassis-serial": "7XK9Z01", "ipaddr": "8.8.8.8"}, 400, "ipaddr"),
        (TRUSTED, {"status": "installed", "chassis-serial": "7XK9Z01", "ipaddr": "::1"}, 400, "ipaddr"),
        (TRUSTED, {"status": "installed", "chassis-serial": "7XK9Z01", "ipaddr": "a; reboot"}, 400, "ipaddr"),
    ],
)
async def test_a_bad_status_is_refused_and_changes_nothing(
    world: World, client: Client, address: str, said: dict[str, str], status: int, says: str
) -> None:
    await world.ingest.report(body(), FROM_TRUSTED)
    answer = await client(address).get(STATUS, params=said)
    assert answer.status_code == status
    assert says in answer.text
    assert len(world.store.words) == 1


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.just("1" * 5000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
)


@st.composite
def broken_reports(draw: st.DrawFn) -> bytes:
    """A good report with one place exchanged for anything at all."""
    found = report()
    section = draw(st.sampled_from(sorted(found)))
    if not found[section] or draw(st.booleans()):
        found[section] = draw(JUNK)
    else:
        found[section][0][draw(st.sampled_from([*found[section][0], "surprise"]))] = draw(JUNK)
    return json.dumps(found).encode()


@settings(max_examples=300)
@given(sent=st.binary(max_size=300) | broken_reports() | st.builds(lambda v: json.dumps(v).encode(), JUNK))
def test_whatever_is_sent_the_answer_is_ok_or_4xx_and_a_4xx_leaves_no_trace(sent: bytes) -> None:
    async def send() -> None:
        world = World()
        world.ingest.start()
        answer = await world.ingest.report(sent, FROM_TRUSTED)
        await world.ingest.stop()
        assert answer.status == 200 or 400 <= answer.status < 500
        assert (len(world.store.words) == 1) is (answer.status == 200)
        assert world.store.is_untouched is (answer.status != 200)
        assert "Traceback" not in answer.body.decode()

    asyncio.run(send())


async def test_a_client_that_leaves_half_way_is_not_believed(world: World) -> None:
    sent: list[Any] = []
    messages = iter([{"type": "http.request", "body": body(), "more_body": True}, {"type": "http.disconnect"}])
    scope = {
        "type": "http", "method": "POST", "path": "/v1/report", "query_string": b"",
        "headers": [], "client": (TRUSTED, 1),
    }  # fmt: skip

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    await world.app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert world.store.is_untouched


async def test_a_client_that_dawdles_is_let_go(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot_paths, "BODY_SECONDS", 0.05)

    async def slowly() -> Any:
        yield b'{"machine": '
        await asyncio.Event().wait()

    answer = await client().post("/v1/report", content=slowly())
    assert answer.status_code == 408
    assert world.store.is_untouched


async def test_memory_for_known_machines_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "REMEMBERED", 3)
    for i in range(9):
        await world.ingest.report(body(f"M{i}"), FROM_TRUSTED)
    assert len(world.ingest._known) == len(world.ingest._by_body) == 3
    assert (await world.ingest.report(body("M0"), FROM_TRUSTED)).result == "known", "read from the store again"


async def test_the_real_database_keeps_what_is_heard(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/r.sqlite"
    with Store.open(url) as store:
        world = World(store=store)
        world.ingest.start()
        assert (await world.ingest.report(body(), FROM_TRUSTED)).result == "new"
        said = await world.ingest.status("live", "7XK9Z01", None, FROM_TRUSTED)
        assert said.status == 200
        assert (await world.ingest.report(other_board(), FROM_TRUSTED)).status == 409
        await world.ingest.stop()
    with Store.open(url) as store:
        again = World(store=store)
        again.ingest.start()
        assert (await again.ingest.report(body(), FROM_TRUSTED)).result == "known"
        await again.ingest.stop()
        [machine] = store.seen(["7XK9Z01"]).values()
        assert (machine.status, machine.address) == (InstallStatus.LIVE, TRUSTED)
        kinds = [notice.kind for notice in store.notices()]
        assert kinds == ["first-report", "conflict"]


@pytest.fixture
def crowded(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Where there is room for two machines without a place."""
    few = Crowd(lambda: world.trusted or (), Bounds(2, 2**20), Bounds(2, 2**20))
    monkeypatch.setattr(world.ingest, "_crowd", few)
    return world


async def _reported(world: World, serial: str, returning: str | None = None) -> str:
    return (await world.ingest.report(body(serial, returning), FROM_TRUSTED)).result


async def test_no_more_machines_are_taken_in_than_there_is_room_for(crowded: World, client: Client) -> None:
    assert [await _reported(crowded, serial) for serial in "ABCAB"] == ["new", "new", "crowded", "known", "known"]
    answer = await client().post("/v1/report", content=body("C"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert set(crowded.store.machines) == {"A", "B"}
    await crowded.ingest.tidy()
    assert "new machines from 192.168.100.0/24 are not taken in: 2 that hold no place" in crowded.ingest.crowded[0]


async def test_who_has_a_place_is_named_or_returned_a_nonce_is_taken_in_whoever_else_reports(crowded: World) -> None:
    assert [await _reported(crowded, serial) for serial in "AB"] == ["new", "new"]
    crowded.stakes["PLACED"] = Stake.PLACE
    crowded.named.add("NAMED")
    assert await _reported(crowded, "PLACED") == "new"
    assert await _reported(crowded, "NAMED") == "new"
    assert await _reported(crowded, "WITNESSED", nonce(serial="WITNESSED")) == "new"
    assert await _reported(crowded, "C") == "crowded"
    forged = nonce(serial="D", key=bytes([1]) * 32)
    assert await _reported(crowded, "D", forged) == "crowded", "a nonce that nobody served is none"


async def test_who_was_given_a_place_makes_room(crowded: World) -> None:
    assert [await _reported(crowded, serial) for serial in "ABC"] == ["new", "new", "crowded"]
    crowded.stakes["A"] = Stake.PLACE
    await crowded.ingest.tidy()
    assert await _reported(crowded, "C") == "new"


async def test_who_is_silent_makes_room_and_is_known_anew_when_it_reports(crowded: World) -> None:
    for serial in "ABC":
        await _reported(crowded, serial)
    await crowded.ingest.tidy()
    crowded.now += SILENT / 2
    assert await _reported(crowded, "B") == "known"
    crowded.now += SILENT / 2 + timedelta(seconds=1)
    assert await _reported(crowded, "C") == "crowded"
    await crowded.ingest.tidy()
    assert set(crowded.store.machines) == {"B"}
    assert await _reported(crowded, "C") == "new"
    assert await _reported(crowded, "A") == "crowded"


async def test_those_of_before_a_restart_are_counted(crowded: World) -> None:
    for serial in "AB":
        await _reported(crowded, serial)
    again = World(store=crowded.store)
    again.ingest._crowd = Crowd(lambda: again.trusted or (), Bounds(2, 2**20), Bounds(2, 2**20))
    again.ingest.start()
    await again.ingest.tidy()
    assert await _reported(again, "C") == "crowded"
    await again.ingest.stop()
