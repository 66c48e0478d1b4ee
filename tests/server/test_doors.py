"""Who may have how many connections open."""

from ipaddress import ip_address

import pytest

from reconciler.server.doors import LEAST, MOST, Doors, Shares, shares_of

OURS = "192.168.100.7"


@pytest.mark.parametrize(
    ("files", "shares"),
    [
        (65_536, Shares(total=MOST, strangers=500, from_one_of_ours=1000, from_a_stranger=64)),
        (1024, Shares(total=768, strangers=192, from_one_of_ours=384, from_a_stranger=64)),
        (400, Shares(total=144, strangers=36, from_one_of_ours=72, from_a_stranger=36)),
        (40, Shares(total=LEAST, strangers=4, from_one_of_ours=8, from_a_stranger=4)),
    ],
)
def test_shares_follow_how_many_files_may_be_open(files: int, shares: Shares) -> None:
    assert shares_of(files) == shares


def doors(files: int = 400) -> Doors:
    return Doors(ours=lambda address: str(address).startswith("192.168.100."), files=lambda: files)


@pytest.mark.parametrize(
    ("address", "most"),
    [("198.51.100.9", 36), (OURS, 72), ("127.0.0.1", 72), ("::1", 72), ("127.9.9.9", 36), ("", 36)],
)
def test_one_address_gets_its_share(address: str, most: int) -> None:
    counted = doors()
    assert [counted.enter(address) for _ in range(most + 1)] == [True] * most + [False]
    assert counted.open == most
    counted.leave(address)
    assert counted.enter(address)


def test_strangers_together_leave_room_for_ours() -> None:
    counted = doors()
    entered = [counted.enter(str(ip_address("198.51.100.0") + n)) for n in range(40)]
    assert sum(entered) == shares_of(400).strangers
    assert sum(counted.enter(f"192.168.100.{n}") for n in range(200)) == 144 - 36
    assert not counted.enter("127.0.0.1"), "there is no room at all"
    counted.leave("192.168.100.0")
    assert not counted.enter("198.51.100.200")
    assert counted.enter("127.0.0.1")


def test_who_became_one_of_ours_meanwhile_leaves_as_it_came() -> None:
    known: set[str] = set()
    counted = Doors(ours=lambda address: str(address) in known, files=lambda: 400)
    assert counted.enter(OURS)
    known.add(OURS)
    assert counted.enter(OURS)
    counted.leave(OURS)
    counted.leave(OURS)
    assert [counted.enter(f"198.51.100.{n}") for n in range(37)] == [True] * 36 + [False]
    assert counted.enter(OURS)
    assert counted.open == 37
