"""A database that may be older than the machines: from which moment on answers heed that."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.adopting import settle
from reconciler.app.daemon import Daemon
from reconciler.app.directory import PROVISIONING_KEY
from reconciler.app.front import Front
from reconciler.app.site import Site
from reconciler.app.standby import StandingBy
from reconciler.model.errors import TemporaryError
from reconciler.store.leases import LeaseWatch

from ..sites import bare_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closing(bare_site(tmp_path)) as site:
        site.database.open()
        yield site


def forget(site: Site) -> None:
    """Let the state folder remember more than the database: as after a backup was brought back."""
    known = site.store.standing().epoch
    site.epochs.remember(replace(known, counter=known.counter + 5))


def settled(site: Site) -> None:
    """An operator said that the database is right."""
    settle(site, as_new=False, who="ann", why="I looked")


async def test_a_doubt_is_heeded_before_anything_is_rendered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon(site)
    await daemon._begin()
    await daemon._guarded_pass()
    observe, doubted = site.observe, []

    def observed(*given: Any) -> Any:
        doubted.append(daemon._published.is_doubted)
        return observe(*given)

    monkeypatch.setattr(site, "observe", observed)
    await daemon._guarded_pass()
    forget(site)
    await daemon._guarded_pass()
    assert doubted == [False, True]
    settled(site)
    await daemon._guarded_pass()
    assert doubted == [False, True, True], "until documents are rendered anew, those that are there stay doubted"
    assert not daemon._published.is_doubted


async def test_a_pass_that_fails_leaves_documents_doubted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon(site)
    await daemon._begin()
    await daemon._guarded_pass()
    forget(site)
    monkeypatch.setattr(site, "keep_documents", lambda: 1 / 0)
    await daemon._guarded_pass()
    assert daemon._published.is_doubted


async def test_a_daemon_that_stands_by_doubts_too(site: Site) -> None:
    front = Front(site, lambda: None)
    standing_by = StandingBy(site, front, asyncio.Event())
    assert await standing_by.opened()
    assert not front.published.is_doubted
    forget(site)
    await standing_by._follow()
    assert front.published.is_doubted


async def test_a_daemon_that_stands_by_remembers_how_old_the_database_is_once_another_one_acts(site: Site) -> None:
    watch, at = LeaseWatch(timedelta(minutes=1)), site.now()
    site.store.count_start()
    fence = site.store.acquire_lease("elsewhere:1", watch, at)
    assert fence is not None
    standing_by = StandingBy(site, Front(site, lambda: None), asyncio.Event())
    assert await standing_by.opened()
    await standing_by.remember_age()
    await standing_by.remember_age()
    assert site.epochs.remembered() is None, "a copy of the database has such a lease too"
    site.store.renew_lease(fence, watch.ttl, at)
    await standing_by.remember_age()
    assert site.epochs.remembered() == site.store.standing().epoch


def test_one_look_reads_the_folder_before_the_database(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = site.store.snapshot

    def meanwhile() -> Any:
        site.store.count_start()
        site.epochs.follow()
        return snapshot()

    monkeypatch.setattr(site.store, "snapshot", meanwhile)
    assert site.snapshot().doubt is None


async def test_the_provisioning_key_is_made_as_soon_as_the_database_can_be_written(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(site)
    with monkeypatch.context() as away, pytest.raises(TemporaryError):
        away.setattr(site.store, "mint", _is_away)
        await daemon._begin()
    await daemon._begin()
    assert PROVISIONING_KEY in site.snapshot().secrets


def _is_away(*_: object) -> None:
    raise TemporaryError("the database is locked")


async def test_no_provisioning_key_is_made_while_the_database_is_doubted(site: Site) -> None:
    forget(site)
    await Daemon(site)._begin()
    assert PROVISIONING_KEY not in site.snapshot().secrets


async def test_no_certificate_is_taken_while_the_database_is_doubted(site: Site, tmp_path: Path) -> None:
    cluster = f"{{domain: example.com, api: {{certificate: {tmp_path}/api.pem}}}}"
    document = f"---\napiVersion: reconciler/v1\nkind: Cluster\nmetadata: {{name: cl1}}\nspec: {cluster}\n"
    with (tmp_path / "specs/fleet.yaml").open("a") as file:
        file.write(document)

    def refused() -> int:
        return sum(event.kind == "certificate-refused" for event in site.store.last_events())

    forget(site)
    daemon = Daemon(site)
    await daemon._begin()
    await daemon._guarded_pass()
    assert refused() == 0
    settled(site)
    await daemon._guarded_pass()
    assert refused() == 1
