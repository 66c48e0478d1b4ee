"""A store behind PgBouncer in transaction mode, where each transaction may have another connection of the server's."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from reconciler.store import LeaseWatch, Store

from ..postgres import Bouncer, PostgresServer, bouncer_before
from .conftest import KEY
from .samples import NOW, SECOND, report


@pytest.fixture
def bouncer(postgresql_server: PostgresServer) -> Iterator[Bouncer]:
    with bouncer_before(postgresql_server) as running:
        yield running


def test_stores_that_share_connections_do_not_mix_their_statements(bouncer: Bouncer) -> None:
    url = bouncer.url(bouncer.server.new_database())
    with Store.open(url, key=KEY) as one, Store.open(url, key=KEY) as other:
        fence = one.acquire_lease("host-a:1", LeaseWatch(timedelta(seconds=30)), NOW)
        assert fence is not None
        for n in range(12):  # psycopg prepares what it says for the sixth time
            for store in (one, other):
                store.record([report(f"M{n}", NOW + n * SECOND)])
                assert store.snapshot().seen[f"M{n}"].reported_at == NOW + n * SECOND
            assert one.renew_lease(fence, timedelta(seconds=30), NOW + n * SECOND)
            assert other.acting(NOW + n * SECOND) == "host-a:1"
