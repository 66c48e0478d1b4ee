"""Each rule is broken by somebody who breaks it, and by nobody else."""

from dataclasses import dataclass, field

import pytest

from reconciler.model.statements import Fact, FactName, Statement
from reconciler.provisioning.commands import MARKER_FILE, Marker
from reconciler.simulator.files import MemoryFiles
from reconciler.simulator.judge import Invariant, Judge, Running, ServingPool
from reconciler.simulator.meaning import Content, DiskSystem
from reconciler.simulator.memory_server import Overwrite

OURS = Marker("S1", "n1.example.com", 1, "0123456789ab", "c1", "controller")
FOREIGN = Content(("LVM2_member",))
CONTROLLERS, COMPUTES = ServingPool("c1", "controller"), ServingPool("c1", "compute")


@dataclass
class Court:
    """A judge, and what the journal says."""

    begun: set[tuple[str, int]] = field(default_factory=set)
    judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        self.judge = Judge(lambda: 5.0, lambda serial, number: (serial, number) in self.begun, lambda pool: 1)

    @property
    def broken(self) -> list[Invariant]:
        return [each.rule for each in self.judge.violations]

    def erases(self, content: Content, by: str = "ba9876543210", disk: str = "sda") -> None:
        self.judge.overwrite(Overwrite("S1", disk, content, by))


@pytest.fixture
def court() -> Court:
    return Court()


def installed(marker: Marker | None = OURS) -> Content:
    files = MemoryFiles({"/etc/hostname": b""})
    if marker is not None:
        files.write(MARKER_FILE, marker.render())
    return Content(system=DiskSystem("u", files))


def of_system(install: str = OURS.id) -> Statement:
    return Statement((Fact(FactName.MACHINE, ("S1",)), Fact(FactName.INSTALL, (install,))))


def of_finding(disk: str = "sda") -> Statement:
    return Statement((Fact(FactName.FINDING, (f"{disk} ST12000 1200", "lvm")),))


def test_what_is_blank_or_not_finished_may_go(court: Court) -> None:
    court.erases(Content())
    court.erases(installed(None))
    court.erases(installed(Marker("S1", "n1", 1, "0123456789ab", finished=False)))
    assert court.broken == []


@pytest.mark.parametrize("content", [installed(), FOREIGN], ids=["a finished install", "foreign data"])
def test_what_is_kept_may_not_go_without_a_word(court: Court, content: Content) -> None:
    court.erases(content)
    assert court.broken == [Invariant.NOTHING_KEPT_IS_ERASED]


def test_a_word_allows_what_it_names_once(court: Court) -> None:
    court.judge.allow("S1", of_system())
    court.erases(installed())
    court.erases(installed(), disk="sdb")  # a mirror of it, erased by the same install
    assert court.broken == []
    court.erases(installed(), by="another")
    assert court.broken == [Invariant.NOTHING_KEPT_IS_ERASED]


def test_a_word_names_a_disk_with_foreign_data(court: Court) -> None:
    court.judge.allow("S1", of_finding())
    court.erases(FOREIGN)
    assert court.broken == []
    court.erases(FOREIGN, disk="sdb")
    assert court.broken == [Invariant.NOTHING_KEPT_IS_ERASED]


@pytest.mark.parametrize("said", [("S1", of_system("ba9876543210")), ("S2", of_system()), ("S1", of_finding("sdb"))])
def test_a_word_for_something_else_allows_nothing(court: Court, said: tuple[str, Statement]) -> None:
    court.judge.allow(*said)
    court.erases(installed())
    court.erases(FOREIGN)
    assert court.broken == [Invariant.NOTHING_KEPT_IS_ERASED] * 2


def test_an_install_is_in_the_journal_before_it_begins(court: Court) -> None:
    court.begun.add(("S1", 1))
    court.judge.installs("S1", 1)
    assert court.broken == []
    court.judge.installs("S1", 2)
    assert court.broken == [Invariant.JOURNAL_FIRST]


def test_no_more_serving_machines_are_taken_down_than_the_policy_allows(court: Court) -> None:
    court.judge.takes_down("S1", CONTROLLERS, is_reached=False)
    court.judge.serves("S1")
    court.judge.takes_down("S2", CONTROLLERS, is_reached=False)
    court.judge.takes_down("S3", COMPUTES, is_reached=False)
    court.judge.takes_down("S4", ServingPool("c2", "controller"), is_reached=False)
    assert court.broken == []
    court.judge.takes_down("S1", CONTROLLERS, is_reached=False)
    assert court.broken == [Invariant.SERVICE_IS_KEPT]


def test_who_can_be_reached_is_taken_down_by_a_word_only(court: Court) -> None:
    court.judge.allow("S1", of_system())
    court.judge.takes_down("S1", CONTROLLERS, is_reached=True)
    assert court.broken == []
    court.judge.takes_down("S3", COMPUTES, is_reached=True)
    assert court.broken == [Invariant.ANSWERS_STAY]


def test_one_daemon_speaks_to_machines(court: Court) -> None:
    court.judge.actors({"daemon-0"})
    assert court.broken == []
    court.judge.actors({"daemon-0", "daemon-1"})
    assert court.broken == [Invariant.ONE_ACTOR]


def test_a_bmc_has_one_session(court: Court) -> None:
    court.judge.sessions("192.0.2.1", 1)
    assert court.broken == []
    court.judge.sessions("192.0.2.1", 2)
    assert court.broken == [Invariant.ONE_SESSION]


@pytest.mark.parametrize("twin", [Running("S2", "n1", "192.0.2.2"), Running("S2", "n2", "192.0.2.1")])
def test_no_name_and_no_address_is_twice(court: Court, twin: Running) -> None:
    one = Running("S1", "n1", "192.0.2.1")
    court.judge.running([one, Running("S2", "n2", "192.0.2.2")])
    court.judge.running([twin])
    assert court.broken == []
    court.judge.running([one, twin])
    assert court.broken == [Invariant.NO_TWINS]


def test_what_only_machines_may_know_is_shown_nowhere(court: Court) -> None:
    secrets = {"fleet/pki/root_ca": ("4f1a8c0d9b",)}
    court.judge.shown("the log", "minted fleet/pki/root_ca", secrets)
    assert court.broken == []
    court.judge.shown("the log", "key=4f1a8c0d9b", secrets)
    assert court.broken == [Invariant.NOTHING_PRIVATE_IS_SHOWN]


def test_the_same_is_told_once(court: Court) -> None:
    for _ in range(3):
        court.judge.sessions("192.0.2.1", 2)
    assert [str(each) for each in court.judge.violations] == [
        "at 5.0 s: 2 sessions with 192.0.2.1 (ONE_SESSION: a BMC has one session at a time)"
    ]
