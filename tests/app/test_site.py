"""How a site's database is opened, by whom, and what becomes of it where that fails."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.app.front import Front
from reconciler.app.health import Health
from reconciler.app.site import Site
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.store import Store

from ..sites import bare_site, watches


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closing(bare_site(tmp_path)) as site:
        yield site


def test_no_question_from_outside_makes_a_database(site: Site, tmp_path: Path) -> None:
    served = Front(site, lambda: None).published.served()
    with pytest.raises(TemporaryError, match="the database is not open yet"):
        served.events(0, 10)
    assert not (tmp_path / "db").exists()
    site.database.open()
    assert served.events(0, 10) == []


@pytest.mark.parametrize("error", [TemporaryError("locked"), PermanentError("no permission")])
def test_a_database_that_cannot_be_looked_at_is_closed_again(
    site: Site, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Store] = []

    def damage(_: Store) -> None:
        raise error

    monkeypatch.setattr(Store, "damage", damage)
    monkeypatch.setattr(Store, "close", lambda store: closed.append(store))
    with pytest.raises(type(error)):
        site.database.open()
    assert len(closed) == 1
    assert not site.database.is_open


def test_a_database_that_is_open_is_not_opened_again(site: Site) -> None:
    before = site.store
    site.database.open()
    assert site.store is before


def test_a_thread_that_comes_late_opens_no_database_that_was_closed(site: Site) -> None:
    site.database.open()
    site.store.save_state("source", "as it was")
    site.close()
    for late in (site.specs.look, site.database.open, lambda: site.store, lambda: site.kept):
        with pytest.raises(PermanentError, match="the database was closed: this process is about to end"):
            late()


async def test_a_database_that_was_just_opened_is_not_looked_through_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []

    async def check() -> None:
        checked.append(site)

    watching = watches(site, Health(site.now))
    monkeypatch.setattr(watching, "check", check)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await watching.soundness(lambda: None)
    assert checked == []
