"""The daemon's loop on a real database: what ends it, what it keeps while it ends, and what ``apply`` makes of it."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.app import patience
from reconciler.app.daemon import Daemon
from reconciler.app.front import Front
from reconciler.app.site import Site
from reconciler.app.standby import StandingBy
from reconciler.model.actions import BootLive
from reconciler.model.errors import NotBegunError, PermanentError, TemporaryError
from reconciler.model.plan import Act, Plan, PlanningInput
from reconciler.model.reasons import Reason
from reconciler.server.batches import NotWrittenError, Words

from ..sites import bare_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with contextlib.closing(bare_site(tmp_path)) as site:
        site.database.open()
        yield site


async def test_the_lease_is_kept_until_what_was_begun_has_ended(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.config = site.config.model_copy(update={"lease": timedelta(seconds=1)})
    daemon, renewed = Daemon(site), asyncio.Event()
    renew, kept = site.store.renew_lease, []

    async def drain(timeout: float) -> None:
        loop = asyncio.get_running_loop()

        def renewing(*given: object) -> bool:
            kept.append(renew(*given))
            loop.call_soon_threadsafe(renewed.set)
            return kept[-1]

        monkeypatch.setattr(site.store, "renew_lease", renewing)
        async with asyncio.timeout(20):
            await renewed.wait()

    monkeypatch.setattr(daemon._executor, "drain", drain)
    serving = asyncio.create_task(daemon.serve())
    await daemon._looked.wait()
    daemon.stop()
    assert await serving == 0
    assert kept and all(kept)


@pytest.mark.parametrize("error", [PermanentError("damaged"), TemporaryError("locked"), OSError(5, "no disk")])
async def test_a_daemon_that_stands_by_waits_for_whatever_is_mended(
    site: Site, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "AGAIN_SECONDS", 0.01)
    front, asked = Front(site, lambda: None), []

    async def ask(_: float) -> int | None:
        asked.append(front.health.problems())
        if len(asked) == 1:
            raise error
        return 7

    assert await StandingBy(site, front, asyncio.Event()).lease(ask) == 7
    assert [problem.what for problem in asked[1]] == ["the database"]
    assert front.health.problems() == ()


@pytest.mark.parametrize("held", [True, False])
async def test_a_daemon_says_that_another_one_acts_only_where_one_holds_the_lease(site: Site, held: bool) -> None:
    front, said = Front(site, lambda: None), []

    async def ask(seconds: float) -> int | None:
        said.append("stands by" in front.published.stage)
        return None if held and seconds == 0 else 7

    assert await StandingBy(site, front, asyncio.Event()).lease(ask) == 7
    assert said == ([False, True] if held else [False])


async def test_apply_fails_where_the_specs_have_errors(site: Site, tmp_path: Path) -> None:
    (tmp_path / "specs/cluster.yaml").write_text("kind: Cluster\n")
    with pytest.raises(PermanentError, match="The directory has 2 errors"):
        await Daemon(site).converge(5)


async def test_apply_does_what_the_specs_in_force_ask_for_and_says_that_newer_ones_are_not(
    site: Site, tmp_path: Path
) -> None:
    assert await Daemon(site).converge(5) == 0
    (tmp_path / "specs/cluster.yaml").write_text("kind: Cluster\n")
    daemon = Daemon(site)
    with pytest.raises(PermanentError, match="The directory has 2 errors"):
        await daemon.converge(5)
    assert daemon._published.latest is not None


async def test_apply_fails_while_nothing_may_be_begun(site: Site) -> None:
    known = site.store.standing().epoch
    site.epochs.remember(replace(known, counter=known.counter + 5))
    with pytest.raises(PermanentError, match="Nothing is begun: the database is older"):
        await Daemon(site).converge(5)


async def test_nothing_is_begun_until_the_state_folder_can_be_written(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(site)
    await daemon._begin()
    submitted = []

    def submit(actions: Iterable[object]) -> tuple[()]:
        submitted.append(list(actions))
        return ()

    def planned(given: PlanningInput) -> Plan:
        return Plan(None, "", (Act(BootLive(serial="A", generation=1), Reason.TO_BE_INSTALLED, "the test says so"),))

    monkeypatch.setattr("reconciler.app.looking.plan", planned)
    monkeypatch.setattr(daemon._executor, "submit", submit)
    site.store.count_start()
    with monkeypatch.context() as full:
        full.setattr("reconciler.app.epochs.replace_lines", _disk_is_full)
        daemon._tell_not_begun(NotBegunError("nothing is begun: the disk is full"))
        await daemon._guarded_pass()
        assert submitted == [[]]
        assert "the state folder fails since" in daemon._published.unready()[0]
    await daemon._guarded_pass()
    assert [len(actions) for actions in submitted] == [0, 1]
    assert daemon._published.unready() == ()


def _disk_is_full(*_: object) -> None:
    raise OSError(28, "No space left on device")


async def test_who_asks_whether_it_is_ready_hears_that_words_are_lost(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = Front(site, lambda: None)
    front.take_words()
    with monkeypatch.context() as locked:
        locked.setattr(site.store, "record", _is_locked)
        await _say(front)
    assert "writing down what machines say fails since" in front.published.unready()[1]
    await _say(front)
    assert len(front.published.unready()) == 1
    await front.close()


async def _say(front: Front) -> None:
    with contextlib.suppress(NotWrittenError):
        await front.ingest._writer.write(Words())


def _is_locked(*_: object) -> None:
    raise TemporaryError("the database cannot be written (database is locked)")
