"""Several processes on one database, and processes that die."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.events import Advanced
from reconciler.model.history import Phase
from reconciler.store import Snapshot, Store

from .samples import NOW, SECOND, enroll, report

WRITER = Path(__file__).parent / "writer.py"
ROUNDS = 25


def start_writer(url: str, name: str, times: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, WRITER, url, name, str(times)], stdout=subprocess.PIPE, text=True)


def of_writer(known: Snapshot, name: str) -> dict[str, set[str]]:
    return {
        "allocated": {serial for serial in known.allocations if serial.startswith(name)},
        "vips": {vip.cluster for vip in known.vips if vip.cluster.startswith(name)},
        "seen": {serial for serial in known.seen if serial.startswith(name)},
        "advanced": {serial for serial in known.histories if serial.startswith(name)},
    }


def test_two_processes_that_write_at_once_lose_nothing(store: Store, url: str) -> None:
    writers = [start_writer(url, name, ROUNDS) for name in ("a", "b")]
    token, looks = 0, 0
    while any(writer.poll() is None for writer in writers):
        known = store.snapshot()  # as the daemon looks while commands write
        assert known.token >= token
        token, looks = known.token, looks + 1
        for name in ("a", "b"):
            found = of_writer(known, name)
            assert found["allocated"] == found["vips"] >= found["seen"] >= found["advanced"]
    assert [writer.communicate() and writer.returncode for writer in writers] == [0, 0]
    known = store.snapshot()
    everything = {f"{name}{n}" for name in ("a", "b") for n in range(ROUNDS)}
    assert known.allocations.keys() == known.seen.keys() == known.histories.keys() == everything
    assert looks > 1
    assert known.token == 2 * 3 * ROUNDS


@pytest.mark.parametrize("rounds_before", [1, 7])
def test_a_writer_that_is_killed_leaves_nothing_half_written(
    open_store: Callable[..., Store], url: str, rounds_before: int
) -> None:
    open_store()
    writer = start_writer(url, "a", 10_000)
    assert writer.stdout is not None
    for _ in range(rounds_before):
        writer.stdout.readline()
    writer.kill()
    said = rounds_before + len(writer.stdout.read().split())
    writer.wait()
    writer.stdout.close()
    known = open_store().snapshot()
    found = of_writer(known, "a")
    assert found["allocated"] == found["vips"] >= found["seen"] >= found["advanced"]
    assert len(found["allocated"]) - len(found["advanced"]) <= 1
    assert {f"a{n}" for n in range(said)} <= found["advanced"], "what was said to be done is done"
    open_store().allocate(enroll("next", 99), NOW)


def test_many_threads_share_one_store(store: Store) -> None:
    def work(thread: int) -> None:
        for n in range(10):
            store.append(Advanced(f"t{thread}", NOW + n * SECOND, Phase.ENROLLED, "why"))
            store.record([report(f"t{thread}", NOW + n * SECOND)])
            known = store.snapshot()
            assert known.seen[f"t{thread}"].reported_at == NOW + n * SECOND
            assert f"t{thread}" in known.histories

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.events_after(0)) == 40
    assert store.change_token() == 80
