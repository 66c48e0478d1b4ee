import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from reconciler.model.errors import PermanentError
from reconciler.model.machine import SecretRef
from reconciler.model.secret_parts import part_of
from reconciler.store import Store
from reconciler.store.secrets.mint import AUTHORITY, ROOT
from reconciler.store.secrets.pki import Subjects
from reconciler.store.tables import secret

from .samples import NOW, SECOND

NOVA = SecretRef("cl1", "nova", "db")
TOKEN = SecretRef("fleet", "apt", "token", "text")
API = SecretRef("cl1", "pki", "api", "certificate")


def subjects(ref: SecretRef) -> Subjects:
    return Subjects((f"{ref.owner}-api.example.com",), ("203.0.113.2",))


def test_a_secret_is_made_once_and_stays(store: Store, open_store: Callable[..., Store]) -> None:
    assert store.secret(NOVA) is None
    store.mint([NOVA, NOVA], NOW)
    text = store.secret(NOVA)
    assert text is not None
    assert len(text) == 64
    store.mint([NOVA], NOW + SECOND)
    assert open_store().secret(NOVA) == text
    assert store.list_secrets() == [(NOVA, NOW)]
    assert store.snapshot().secrets == {NOVA}


def test_a_secret_cannot_be_read_in_the_database(store: Store) -> None:
    store.set_secret(TOKEN, "hunter2", NOW, "ann")
    with store._database.reading() as connection:
        assert b"hunter2" not in connection.execute(select(secret.c.sealed)).scalar_one()
    assert "hunter2" not in str(store.events()) + str(store.snapshot()) + json.dumps(store.export())


def test_a_human_sets_a_secret_and_leaves_a_trace(store: Store) -> None:
    store.set_secret(TOKEN, "one", NOW, "ann")
    store.set_secret(TOKEN, "two", NOW + SECOND, "bob")
    store.record_shown(TOKEN, "bob", NOW + SECOND)
    assert store.secret(TOKEN) == "two"
    assert [(line.kind, line.text, line.who) for line in store.notices()] == [
        ("secret-set", "secret fleet:apt/token set by hand", "ann"),
        ("secret-set", "secret fleet:apt/token set by hand", "bob"),
        ("secret-shown", "secret fleet:apt/token shown", "bob"),
    ]


def test_what_one_document_needs_comes_at_once(store: Store) -> None:
    others = SecretRef("cl2", "nova", "db")
    store.mint([NOVA, others, SecretRef("fleet", "x", "y", "uuid")], NOW)
    assert {str(ref) for ref in store.secrets_of(["cl1", "fleet"])} == {"cl1:nova/db", "fleet:x/y"}
    assert store.secrets_of(["cl2"]) == {others: store.secret(others)}


def test_a_certificate_brings_its_authority_which_stays_the_same(store: Store) -> None:
    store.mint([API], NOW, subjects)
    authority = store.secret(AUTHORITY)
    store.mint([SecretRef("cl2", "pki", "api", "certificate")], NOW, subjects)
    assert store.secret(AUTHORITY) == authority
    assert authority is not None
    root, made = store.secret(ROOT), store.secret(API)
    assert root is not None
    assert made is not None
    chain = part_of(root, "certificate", "crt") + part_of(authority, "certificate", "crt")
    assert part_of(made, "certificate", "chain") == chain


def test_what_cannot_be_minted_is_said_and_the_rest_is_kept(store: Store) -> None:
    with pytest.raises(PermanentError, match="fleet:apt/token cannot be minted: an operator must set it"):
        store.mint([NOVA, TOKEN], NOW)
    assert store.snapshot().secrets == {NOVA}
    with pytest.raises(PermanentError, match="nobody said which names"):
        store.mint([API], NOW)


def test_a_secret_does_not_change_its_form(store: Store) -> None:
    store.mint([NOVA], NOW)
    with pytest.raises(PermanentError, match="cl1:nova/db exists, as hex and not as uuid"):
        store.mint([SecretRef("cl1", "nova", "db", "uuid")], NOW)


def test_another_key_opens_nothing_and_adds_nothing(store: Store, open_store: Callable[..., Store]) -> None:
    store.mint([NOVA], NOW)
    stranger = open_store(key=bytes(32))
    other = SecretRef("cl1", "glance", "db")
    for attempt in (
        lambda: stranger.secret(NOVA),
        lambda: stranger.mint([other], NOW),
        lambda: stranger.set_secret(TOKEN, "x", NOW, "ann"),
        lambda: stranger.secrets_of(["cl1"]),
        lambda: stranger.fingerprint(NOVA),
    ):
        with pytest.raises(PermanentError, match="not the one that this database's secrets are sealed with"):
            attempt()
    assert store.snapshot().secrets == {NOVA}


def test_without_a_key_names_can_be_had_and_texts_not(store: Store, open_store: Callable[..., Store]) -> None:
    store.mint([NOVA], NOW)
    keyless = open_store(key=None)
    assert keyless.snapshot().secrets == {NOVA}
    with pytest.raises(PermanentError, match="no key was given"):
        keyless.secret(NOVA)


def test_a_row_that_was_altered_is_not_believed(store: Store) -> None:
    store.mint([NOVA, SecretRef("cl1", "glance", "db")], NOW)
    with store._database.writing("secret") as writing:
        mine = select(secret.c.sealed).where(secret.c.service == "nova").scalar_subquery()
        writing.connection.execute(update(secret).where(secret.c.service == "glance").values(sealed=mine))
    with pytest.raises(PermanentError, match="cl1:glance/db does not open"):
        store.secret(SecretRef("cl1", "glance", "db"))


def test_a_fingerprint_shows_a_change_and_nothing_else(store: Store) -> None:
    assert store.fingerprint(TOKEN) is None
    store.set_secret(TOKEN, "one", NOW, "ann")
    one = store.fingerprint(TOKEN)
    store.set_secret(TOKEN, "two", NOW, "ann")
    two = store.fingerprint(TOKEN)
    store.set_secret(TOKEN, "one", NOW, "ann")
    assert one == store.fingerprint(TOKEN) != two
    assert "one" not in str(one)


def test_many_who_mint_at_once_end_with_the_same(store: Store, open_store: Callable[..., Store]) -> None:
    stores = [store, open_store(), open_store()]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: one.mint([NOVA, API], NOW, subjects), stores))
    assert len({one.secret(NOVA) for one in stores}) == len({one.secret(API) for one in stores}) == 1
    made, authority = store.secret(API), store.secret(AUTHORITY)
    assert made is not None
    assert authority is not None
    assert part_of(authority, "certificate", "crt") in part_of(made, "certificate", "pem")


def test_a_secret_takes_the_place_of_another_at_once_and_once(store: Store, open_store: Callable[..., Store]) -> None:
    coming = SecretRef("bmc:A", "bmc", "next_password", "password16")
    own = SecretRef("bmc:A", "bmc", "password", "password16")
    store.set_secret(own, "before", NOW, "ann")
    store.mint([coming], NOW)
    text = store.secret(coming)
    for _ in range(2):
        store.rename_secret(coming, own, NOW + SECOND)
        assert (open_store().secret(own), open_store().secret(coming)) == (text, None)
    assert store.snapshot().secrets == {own}
