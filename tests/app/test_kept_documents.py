"""The copy of the documents on disk: it says what memory says, costs what changed, and opens for nobody else."""

import json
import os
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, ip_address
from pathlib import Path

import pytest

from reconciler.app.kept_documents import Asking, KeptDocuments
from reconciler.enc.documents.cache import Documents
from reconciler.model.errors import TemporaryError
from reconciler.store.secrets.vault import load_or_create_key

from ..enc.documents.test_cache import STORE, Site

ASKING = Asking((IPv4Address("192.0.2.1"),), (IPv4Network("192.0.2.0/24"),))


@pytest.fixture
def rendered() -> Site:
    site = Site()
    site.refresh()
    return site


@pytest.fixture
def kept(tmp_path: Path) -> KeptDocuments:
    load_or_create_key(tmp_path / "secret.key")
    return KeptDocuments(tmp_path / "state" / "documents.db", tmp_path / "secret.key")


def again(kept: KeptDocuments) -> KeptDocuments:
    """As the next process opens it."""
    return KeptDocuments(kept.path, kept.key_file)


def assert_same(kept: KeptDocuments, documents: Documents) -> None:
    for hostname, document in documents.all().items():
        found = kept.get(hostname)
        assert found is not None
        assert (found.yaml, found.as_oci, found.address) == (document.yaml, document.as_oci, document.address)
        assert found.digest == document.digest


def rows(kept: KeptDocuments, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(kept.path)) as connection:
        return connection.execute(query).fetchall()


def test_what_is_kept_says_what_was_rendered(kept: KeptDocuments, rendered: Site) -> None:
    assert not kept.exists
    documents = rendered.documents.all()
    assert kept.keep(documents, ASKING) == len(documents)
    assert kept.exists
    assert_same(again(kept), rendered.documents)
    assert again(kept).get("nobody.example.com") is None
    assert again(kept).asking() == ASKING
    assert kept.path.stat().st_mode & 0o777 == 0o600


def test_it_says_when_it_was_last_known_to_be_right(kept: KeptDocuments, rendered: Site) -> None:
    kept.keep(rendered.documents.all(), ASKING)
    os.utime(kept.path, (0, 0))
    found = kept.get(STORE)
    assert found is not None
    assert found.as_of == datetime.fromtimestamp(0, UTC)
    assert kept.keep(rendered.documents.all(), ASKING) == 0
    found = kept.get(STORE)
    assert found is not None
    assert (datetime.now(UTC) - found.as_of).total_seconds() < 60


def test_only_what_changed_is_written_and_what_nobody_uses_goes(kept: KeptDocuments, rendered: Site) -> None:
    kept.keep(rendered.documents.all(), ASKING)
    before = dict(rows(kept, "SELECT hostname, own FROM document"))
    own = next(ref for ref in rendered.secrets if ref.owner == STORE)
    rendered.secrets[own] = "another seal"
    rendered.refresh()
    assert again(kept).keep(rendered.documents.all(), ASKING) == 0, "the text is the same"

    shared = next(ref for ref in rendered.secrets if ref.kind == "hashpathprefix")
    rendered.secrets[shared] = "another seal"
    rendered.look_up = lambda ref: "another text" if ref == shared else None
    changed = rendered.refresh()
    assert changed
    assert again(kept).keep(rendered.documents.all(), ASKING) == len(changed)
    after = dict(rows(kept, "SELECT hostname, own FROM document"))
    assert {host for host in before if before[host] != after[host]} == changed
    assert_same(again(kept), rendered.documents)
    assert_no_waste(kept)

    left = {host: document for host, document in rendered.documents.all().items() if host != STORE}
    assert again(kept).keep(left, ASKING) == 1
    assert kept.get(STORE) is None
    assert_no_waste(kept)


def assert_no_waste(kept: KeptDocuments) -> None:
    """Every shared part is counted as often as documents use it, and none is kept that none uses."""
    uses: dict[int, int] = {}
    for (layout,) in rows(kept, "SELECT layout FROM document"):
        for part in {one for one in json.loads(str(layout)) if isinstance(one, int)}:
            uses[part] = uses.get(part, 0) + 1
    assert dict(rows(kept, "SELECT id, uses FROM part")) == uses


def test_an_empty_fleet_takes_nothing_away(kept: KeptDocuments, rendered: Site) -> None:
    kept.keep(rendered.documents.all(), ASKING)
    assert again(kept).keep({}, Asking()) == 0
    assert_same(kept, rendered.documents)
    assert kept.asking() == ASKING


def test_it_knows_whose_documents_it_holds(kept: KeptDocuments, rendered: Site) -> None:
    other = again(kept)
    other.read_addresses()
    assert not other.holds(STORE)
    kept.keep(rendered.documents.all(), ASKING)
    other.read_addresses()
    address = rendered.documents.all()[STORE].address
    assert address is not None
    for copy in (kept, other):
        assert copy.holds(STORE)
        assert copy.is_of(STORE, address)
        assert not copy.is_of(STORE, "192.0.2.99")


def test_who_reads_it_waits_for_nobody_and_opens_what_is_shared_once(
    kept: KeptDocuments, rendered: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.keep(rendered.documents.all(), ASKING)
    assert kept.get(STORE) is not None
    opened: list[bytes] = []
    open_, sealer = kept._sealer.open, kept._sealer

    def opening(sealed: bytes, name: bytes) -> bytes:
        opened.append(name)
        return open_(sealed, name)

    monkeypatch.setattr(sealer, "open", opening)
    assert kept.get(STORE) is not None
    assert len(opened) == 1, "its own part"
    with closing(sqlite3.connect(kept.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert kept.get(STORE) is None
        assert time.monotonic() - began < 0.9


def test_nothing_in_it_can_be_read_without_the_key(kept: KeptDocuments, rendered: Site) -> None:
    kept.keep(rendered.documents.all(), ASKING)
    content = kept.path.read_bytes()
    for document in rendered.documents.all().values():
        for part in document.layout():
            assert not (isinstance(part, bytes) and len(part) > 8 and part in content)
    kept.key_file.unlink()
    load_or_create_key(kept.key_file)
    other = again(kept)
    assert other.get(STORE) is None
    assert other.asking() == Asking()


@pytest.mark.parametrize(
    "change",
    [
        f"UPDATE document SET address = '198.51.100.9' WHERE hostname = '{STORE}'",
        f"UPDATE document SET digest = 'another' WHERE hostname = '{STORE}'",
        f"UPDATE document SET own = (SELECT own FROM document WHERE hostname <> '{STORE}') WHERE hostname = '{STORE}'",
        "UPDATE part SET sealed = (SELECT sealed FROM part WHERE id = 1)",
        "DELETE FROM part",
    ],
)
def test_what_was_altered_is_not_given_out(kept: KeptDocuments, rendered: Site, change: str) -> None:
    kept.keep(rendered.documents.all(), ASKING)
    with closing(sqlite3.connect(kept.path)) as connection, connection:
        connection.execute(change)
    assert again(kept).get(STORE) is None


def test_a_copy_that_is_damaged_is_made_anew(kept: KeptDocuments, rendered: Site) -> None:
    kept.keep(rendered.documents.all(), ASKING)
    kept.path.write_bytes(b"no database at all" * 1000)
    damaged = again(kept)
    assert damaged.get(STORE) is None
    with pytest.raises(TemporaryError, match="the copy of the documents"):
        damaged.keep(rendered.documents.all(), ASKING)
    assert damaged.keep(rendered.documents.all(), ASKING) == len(rendered.documents.all())
    assert_same(kept, rendered.documents)


def test_a_write_that_fails_half_way_is_made_good(kept: KeptDocuments, rendered: Site) -> None:
    documents = rendered.documents.all()
    kept.keep(documents, ASKING)
    moved = {host: replace(one, address="192.0.2.99") for host, one in documents.items()}
    with closing(sqlite3.connect(kept.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TemporaryError, match="locked"):
            kept.keep(moved, ASKING)
    found = kept.get(STORE)
    assert found is not None
    assert found.address != "192.0.2.99"
    assert kept.keep(moved, ASKING) == len(moved)
    found = kept.get(STORE)
    assert found is not None
    assert found.address == "192.0.2.99"


@pytest.mark.parametrize(
    ("address", "is_one"),
    [("192.0.2.1", True), ("192.0.2.7", False), ("127.0.0.1", False), ("127.5.0.9", True), ("198.51.100.9", False)],
)
def test_who_may_ask(address: str, is_one: bool) -> None:
    asking = replace(ASKING, trusted_networks=(IPv4Network("192.0.2.0/24"), IPv4Network("127.5.0.0/24")))
    assert asking.is_puppet_server(ip_address(address)) is is_one
