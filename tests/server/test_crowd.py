"""How many machines that hold no place are kept, and which of them make room."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

from reconciler.model.observations import Unplaced
from reconciler.server.crowd import GONE, SILENT, Bounds, Crowd

from .worlds import NOW

WIDE, NARROW, OTHER = map(ip_network, ("10.0.0.0/8", "10.1.0.0/16", "192.168.100.0/24"))
A_LITTLE = timedelta(seconds=1)


def crowd(machines: int = 3, size: int = 1000) -> Crowd:
    return Crowd(lambda: (WIDE, NARROW, OTHER), hearsay=Bounds(machines, size), witnessed=Bounds(machines, size))


def one(address: str = "10.0.0.7", size: int = 100, **more: bool) -> Unplaced:
    return Unplaced(address, size, NOW, **more)


def filled(counted: Crowd, **more: bool) -> None:
    assert all(counted.admit(f"M{n}", one(**more)) for n in range(3))
    assert not counted.admit("M3", one(**more))


def test_each_network_has_room_for_so_many_machines() -> None:
    counted = crowd()
    filled(counted)
    assert counted.admit("N", one("10.1.0.7")), "the narrowest network that it is in has room"
    assert counted.admit("O", one("192.168.100.7"))
    assert counted.admit("P", one("198.51.100.7")), "whoever is in none, after a commit, is counted by itself"
    assert counted.admit("M1", one()), "one that is counted already takes no more room"
    counted.drop(["M1"])
    assert counted.admit("M3", one())
    assert len(counted) == 6


def test_each_network_has_room_for_so_many_bytes() -> None:
    counted = crowd(machines=100)
    assert counted.admit("A", one(size=600))
    assert not counted.admit("B", one(size=401))
    assert counted.admit("B", one(size=400))
    assert not counted.admit("B", one(size=401)), "nor may one grow beyond"
    assert counted.admit("B", one(size=10))
    assert counted.admit("C", one(size=390))
    assert not counted.admit("D", one(size=1))


def test_who_returned_a_nonce_has_room_of_its_own_and_keeps_it() -> None:
    counted = crowd()
    filled(counted)
    filled_too = {f"W{n}": one(witnessed=True) for n in range(3)}
    assert all(counted.admit(serial, its) for serial, its in filled_too.items())
    assert not counted.admit("W3", one(witnessed=True))
    assert counted.admit("W0", one()), "a hint in its name"
    later = NOW + 2 * GONE
    assert not set(filled_too) & set(counted.to_forget(later))


def test_one_that_returns_a_nonce_makes_room_among_those_that_did_not() -> None:
    counted = crowd()
    filled(counted)
    assert counted.admit("M0", one(witnessed=True))
    assert counted.admit("M3", one())


def test_who_is_silent_is_forgotten_and_sooner_where_there_is_no_room() -> None:
    counted = crowd()
    filled(counted)
    assert counted.admit("Q", one("192.168.100.7"))
    counted.heard("M1", NOW + 2 * A_LITTLE)
    assert counted.to_forget(NOW + SILENT + A_LITTLE) == [], "nobody has looked who was refused"
    counted.note_refused(NOW)
    assert counted.to_forget(NOW + SILENT) == []
    assert counted.to_forget(NOW + SILENT + A_LITTLE) == ["M0", "M2"]
    assert set(counted.to_forget(NOW + GONE + A_LITTLE)) == {"M0", "M1", "M2", "Q"}
    assert counted.to_forget(NOW - GONE) == [], "a clock that was ahead forgets nobody"


def test_what_must_not_be_forgotten_stays_and_counts() -> None:
    counted = crowd()
    counted.count({f"M{n}": one(stays=True) for n in range(4)})
    assert not counted.admit("M4", one())
    counted.note_refused(NOW)
    assert counted.to_forget(NOW + 2 * GONE) == []


def test_people_are_told_for_as_long_as_somebody_is_refused_and_an_hour_longer() -> None:
    counted = crowd()
    filled(counted)
    assert counted.note_refused(NOW) == [
        "new machines from 10.0.0.0/8 are not taken in: 3 that hold no place are known from there that returned no "
        "nonce, with 0 MiB of reports. If there are not that many, somebody there invents them: see "
        '"reconciler machines"'
    ]
    assert len(counted.note_refused(NOW + SILENT)) == 1
    assert counted.note_refused(NOW + SILENT + A_LITTLE) == []


def test_what_is_counted_follows_each_machine() -> None:
    counted = crowd()
    assert counted.admit("A", one())
    counted.count({"A": replace(one(), size=900), "B": one(size=950)})
    assert counted.at("A") == NOW
    assert not counted.admit("C", one()), "what the database knew of counts, room or not"
    counted.drop(["B", "nobody"])
    assert counted.admit("C", one(size=900)), "A was counted as it reported last"
    assert list(counted) == ["A", "C"]
