"""Which reports are believed: those that return the nonce of a boot, and hints where nobody does."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.hardware.report import parse_report
from reconciler.server.claims import Claim, Stake, judge
from reconciler.server.ingest import SILENT_AFTER, TOLD_EVERY

from .conftest import Client
from .test_ingest import FROM_TRUSTED, other_board
from .worlds import NOW, World, body, nonce

BOARD, OTHER_BOARD = parse_report(body()), replace(parse_report(body("OTHER")), serial="7XK9Z01")


def claim(boot: int | None = None, salt: str | None = "a", **more: Any) -> Claim:
    return replace(Claim(BOARD, "d", boot=boot, salt=None if boot is None else salt, at=NOW), **more)


HINT, OTHERS_HINT = claim(), claim(hardware=OTHER_BOARD)
SILENT: dict[str, Any] = {"at": None}

TABLE = [
    (None, HINT, "believed", "nobody knows it"),
    (HINT, HINT, "believed", "a hint after a hint"),
    (HINT, claim(0), "believed", "its own word after a hint"),
    (claim(0), HINT, "refused", "a hint beside its own word"),
    (claim(0, **SILENT), HINT, "believed", "a hint, and it is silent"),
    (claim(0), claim(0), "believed", "the same boot"),
    (claim(0), claim(1), "believed", "we had it booted since"),
    (claim(1), claim(0), "refused", "a boot before"),
    (claim(1, **SILENT), claim(0), "believed", "a boot before, and it is silent"),
    (claim(0), claim(0, "b"), "rival", "another boot while it reports"),
    (claim(0, **SILENT), claim(0, "b"), "believed", "somebody booted it anew"),
    (claim(0, None), claim(0, "b"), "believed", "the database does not know the salt"),
    (claim(0, has_rival=True), claim(0), "quarantined", "both go on"),
    (claim(0, has_rival=True), claim(1), "believed", "we had it booted since"),
    (HINT, OTHERS_HINT, "quarantined", "two boards, and only hints"),
    (claim(0), OTHERS_HINT, "refused", "a hint of another board"),
    (claim(0, **SILENT), OTHERS_HINT, "refused", "a hint of another board while it is silent"),
    (claim(0), claim(0, hardware=OTHER_BOARD), "quarantined", "two boards that were booted"),
    (HINT, claim(0, hardware=OTHER_BOARD), "believed", "a board that was booted, and a hint of another"),
]


@pytest.mark.parametrize(("before", "new", "what", "told"), TABLE, ids=[row[3] for row in TABLE])
def test_what_becomes_of_a_report(before: Claim | None, new: Claim, what: str, told: str) -> None:
    assert judge(before, new, Stake.NOTHING, lambda known: known.at is not None).what == what


@pytest.mark.parametrize(
    ("stake", "before", "new", "what"),
    [
        (Stake.PLACE, HINT, claim(0, hardware=OTHER_BOARD), "quarantined"),
        (Stake.PLACE, claim(0), OTHERS_HINT, "refused"),
        (Stake.SYSTEM, HINT, OTHERS_HINT, "refused"),
        (Stake.SYSTEM, HINT, claim(0, hardware=OTHER_BOARD), "refused"),
        (Stake.SYSTEM, HINT, HINT, "believed"),
    ],
)
def test_another_board_takes_nothing_from_a_machine_with_something_to_lose(
    stake: Stake, before: Claim, new: Claim, what: str
) -> None:
    assert judge(before, new, stake, lambda known: True).what == what


async def test_a_report_speaks_for_the_boot_whose_nonce_it_returns(world: World, client: Client) -> None:
    for returned, boot in ((nonce(3), 3), (nonce(4), 4)):
        assert (await client().post("/v1/report", content=body(returning=returned))).content == b"Ok"
        assert world.store.words[-1].boot == boot
    assert world.woken == 2, "that it runs another boot is news"


@pytest.mark.parametrize(
    "forged",
    [nonce(3, key=bytes(31) + b"x"), nonce(3, serial="OTHER"), nonce(3).replace("3.", "4.", 1)],
    ids=["of another key", "served to another machine", "of another boot"],
)
async def test_a_nonce_that_was_not_served_to_it_makes_no_more_than_a_hint(world: World, forged: str) -> None:
    assert (await world.ingest.report(body(returning=forged), FROM_TRUSTED)).result == "new"
    assert world.store.words[-1].boot is None


@pytest.mark.parametrize("junk", ["x", "1.2.3", "1." + "0" * 16 + "." + "g" * 32])
async def test_what_cannot_be_a_nonce_is_refused(world: World, client: Client, junk: str) -> None:
    answer = await client().post("/v1/report", content=body(returning=junk))
    assert (answer.status_code, answer.text) == (400, "boot_nonce: it is no nonce of a boot\n")
    assert world.store.is_untouched


async def test_a_hint_beside_a_machines_own_word_is_told_and_not_kept(world: World, client: Client) -> None:
    assert (await client().post("/v1/report", content=body(returning=nonce()))).status_code == 200
    before = world.store.machines["7XK9Z01"]
    liar = client("192.168.100.8")
    for _ in range(3):
        answer = await liar.post("/v1/report", content=body(bios_version="6.6.6"))
        assert (answer.status_code, "this report has none" in answer.text) == (409, True)
    assert (world.store.machines["7XK9Z01"], world.store.conflicts) == (before, {})
    told = [notice for notice in world.store.notices if notice.kind == "refused-report"]
    assert len(told) == 1
    assert "192.168.100.8" in told[0].text
    world.now += TOLD_EVERY
    assert (await client().post("/v1/report", content=body(returning=nonce()))).status_code == 200
    await liar.post("/v1/report", content=body(bios_version="6.6.6"))
    assert [notice.kind for notice in world.store.notices].count("refused-report") == 2


async def test_a_hint_counts_once_the_machine_itself_is_silent(world: World, client: Client) -> None:
    await client().post("/v1/report", content=body(returning=nonce()))
    world.now += SILENT_AFTER
    assert (await client().post("/v1/report", content=body())).status_code == 409
    world.now += timedelta(seconds=1)
    assert (await client().post("/v1/report", content=body())).status_code == 200
    assert world.store.words[-1].boot is None


async def test_so_it_does_after_a_restart(world: World, client: Client) -> None:
    await client().post("/v1/report", content=body(returning=nonce()))
    again = World(store=world.store)
    again.ingest.start()
    assert (await again.ingest.report(body(), FROM_TRUSTED)).status == 409
    again.now += 2 * SILENT_AFTER
    assert (await again.ingest.report(body(), FROM_TRUSTED)).status == 200
    await again.ingest.stop()


async def test_two_boots_that_both_go_on_are_quarantined(world: World, client: Client) -> None:
    mine, theirs = body(returning=nonce()), body(returning=nonce(salt="1" * 16))
    assert (await client().post("/v1/report", content=mine)).status_code == 200
    answer = await client("192.168.100.8").post("/v1/report", content=theirs)
    assert (answer.status_code, "Quarantined" in answer.text) == (409, False)
    answer = await client().post("/v1/report", content=mine)
    assert (answer.status_code, "Quarantined: two machines report as 7XK9Z01" in answer.text) == (409, True)
    assert "7XK9Z01" in world.store.conflicts


async def test_a_machine_that_was_reset_by_hand_is_heard_after_a_while(world: World, client: Client) -> None:
    await client().post("/v1/report", content=body(returning=nonce()))
    reset = body(returning=nonce(salt="1" * 16))
    assert (await client().post("/v1/report", content=reset)).status_code == 409
    world.now += SILENT_AFTER + timedelta(seconds=1)
    for _ in range(2):
        assert (await client().post("/v1/report", content=reset)).status_code == 200
    assert world.store.conflicts == {}


async def test_another_board_does_not_freeze_a_machine_in_service(world: World, client: Client) -> None:
    """Attack T6: one report with the serial of a machine that serves, and other MAC addresses."""
    await client().post("/v1/report", content=body())
    world.stakes["7XK9Z01"] = Stake.SYSTEM
    answer = await client("192.168.100.8").post("/v1/report", content=other_board())
    assert (answer.status_code, "is asked itself what it runs" in answer.text) == (409, True)
    assert world.store.conflicts == {}
    assert [notice.kind for notice in world.store.notices] == ["first-report", "refused-report"]
