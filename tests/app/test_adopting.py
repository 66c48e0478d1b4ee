"""What machines are asked that may be adopted, and how the doubt ends."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.app.adopting import MORE, Ground, asked_at, hear, named, settle, whom_to_ask
from reconciler.app.config import Config
from reconciler.app.site import Site
from reconciler.execution.ports import Ran
from reconciler.model.disk_id import DiskId
from reconciler.model.epoch import Epoch
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.history import Phase
from reconciler.model.machine import Observation
from reconciler.planning.adopting import Outcome, Silence, Word
from reconciler.provisioning import commands, puppet_runs
from reconciler.provisioning.addresses import READ_ADDRESSES, parse_addresses

from ..planning.build import NOW, holding, in_phase, machine

GIVEN, LEASED = "192.168.101.14", "192.168.100.20"
MARKER = commands.Marker("A", "cl1-controller-1.example.com", 2, "0a1b2c").render()
IP = '[{"ifname": "bond0", "addr_info": [{"family": "inet", "local": "192.168.101.14", "prefixlen": 24}]}, {}]'


@dataclass
class Machine:
    """Answers what it is asked, as an installed system does."""

    serials: str = "A\nNot Specified\n"
    marker: str | None = MARKER
    addresses: str = IP
    of_oci: str | None = None
    first_boot: str | None = None

    async def run(self, command: str, *, timeout: float) -> Ran:
        said = {
            commands.READ_SERIAL: self.serials,
            commands.READ_MARKER: self.marker,
            commands.READ_OCI_SYSTEM: self.of_oci,
            READ_ADDRESSES: self.addresses,
            puppet_runs.FIRST_BOOT_IS_TO_END: self.first_boot,
        }
        text = said.pop(command)
        return Ran(1, "", "No such file") if text is None else Ran(0, text, "")

    async def put(self, files: Mapping[str, object]) -> None:
        raise AssertionError("nothing is written to a machine that is adopted")

    async def close(self) -> None:
        pass


@dataclass
class Shells:
    """Whoever is at which address."""

    at: Mapping[str, Machine]
    asked: list[str] = field(default_factory=list)
    refusing: bool = False

    async def meet(self, address: str) -> Machine:
        self.asked.append(address)
        if self.refusing:
            raise PermanentError(f"{address} does not accept our SSH key")
        if address not in self.at:
            raise TemporaryError(f"cannot connect to {address}")
        return self.at[address]

    async def open(self, serial: str, address: str) -> Machine:
        raise AssertionError("what is pinned is the daemon's")

    async def expect_new_boot(self, serial: str) -> None:
        raise AssertionError("nothing is booted")


def heard(shells: Shells, *besides: str, known: Mapping[str, tuple[str, ...]] | None = None) -> Mapping[str, object]:
    return asyncio.run(hear(shells, {"A": (GIVEN, LEASED)} if known is None else known, besides))


WORD = Word("A", "cl1-controller-1.example.com", 2, "0a1b2c", ("192.168.101.14/24",))


def test_a_machine_is_asked_where_it_has_its_place_and_then_where_it_last_called_from() -> None:
    first, second, nobody = Shells({GIVEN: Machine()}), Shells({LEASED: Machine()}), Shells({})
    assert heard(first) == heard(second) == {"A": WORD}
    assert (first.asked, second.asked) == ([GIVEN], [GIVEN, LEASED])
    assert heard(nobody) == {"A": Silence(f"cannot connect to {LEASED}")}
    assert heard(nobody, known={"A": ()}) == {"A": Silence("nobody knows an address of it")}


def test_a_machine_whose_first_boot_is_to_end_says_so() -> None:
    assert heard(Shells({GIVEN: Machine(first_boot="")})) == {"A": replace(WORD, first_boot_ended=False)}


def test_a_new_marker_says_more() -> None:
    full = commands.Marker("A", "cl1-controller-1.example.com", 2, "0a1b2c", "cl1", "controller", "2026-11-29", False)
    word = heard(Shells({GIVEN: Machine(marker=full.render())}))["A"]
    assert word == replace(WORD, cluster="cl1", role="controller", reinstall="2026-11-29", finished=False)


def test_a_record_says_whose_install_it_was_and_on_which_disks() -> None:
    marker = commands.Marker(
        "A", "cl1-controller-1.example.com", 2, "0a1b2c", fleet="6f1c0d7e", counter=41,
        began="2026-11-29T01:00:00+00:00", on=("sda SSD S1 240", "sdb SSD S2 240"), system_on=("sda SSD S1 240",),
    )  # fmt: skip
    word = heard(Shells({GIVEN: Machine(marker=marker.render())}))["A"]
    began = datetime(2026, 11, 29, 1, tzinfo=UTC)
    disks = tuple(map(DiskId.parse, marker.on))
    assert word == replace(WORD, fleet="6f1c0d7e", counter=41, began=began, on=disks, system_on=disks[:1])


OF_OCI = Machine(marker=None, of_oci="controller\ncl1-controller-1.example.com\n")


def test_a_system_of_ocis_has_no_record_and_says_its_name() -> None:
    word = replace(WORD, generation=0, install_id=None, role="controller")
    assert heard(Shells({GIVEN: OF_OCI}))["A"] == word
    assert heard(Shells({GIVEN: OF_OCI}), GIVEN, known={"A": ()})["A"] == Silence("nobody knows an address of it")


@pytest.mark.parametrize("said", ["", "controller\n", "controller\nlocalhost\n", "a b c.d\n"])
def test_a_system_of_ocis_that_does_not_say_its_whole_name_is_none(said: str) -> None:
    found = heard(Shells({GIVEN: replace(OF_OCI, of_oci=said)}), known={"A": (GIVEN,)})["A"]
    assert isinstance(found, Silence) and "cannot be read" in found.because


@pytest.mark.parametrize(
    ("there", "because", "answers"),
    [
        (Machine(serials="B\n"), "another machine answers", False),
        (Machine(serials=""), "its serials are none", False),
        (Machine(marker=None), "no installed system of ours runs", True),
        (Machine(marker="{}"), "cannot be read", False),
        (Machine(addresses="Object not found"), "cannot be read", False),
        (Machine(marker=MARKER.replace('"A"', '"B"')), "was installed on B", False),
        (Machine(serials="A\nB\n", marker=MARKER.replace('"A"', '"B"')), "was installed as B", False),
    ],
)
def test_what_is_not_the_machines_own_word_is_none(there: Machine, because: str, answers: bool) -> None:
    found = heard(Shells({GIVEN: there}), known={"A": (GIVEN,)})["A"]
    assert isinstance(found, Silence)
    assert because in found.because
    assert found.answers is answers


def test_our_key_may_be_another_one_than_it_knows() -> None:
    found = heard(Shells({GIVEN: Machine()}, refusing=True))["A"]
    assert isinstance(found, Silence)
    assert "does not accept our SSH key" in found.because


def test_an_address_is_asked_for_whoever_is_there() -> None:
    there = Shells({GIVEN: Machine()})
    assert heard(there, GIVEN, known={}) == {"A": WORD}
    assert heard(there, GIVEN, known={"A": (LEASED,)}) == {"A": WORD}, "it says more than silence elsewhere"
    assert heard(there, LEASED, known={}) == {LEASED: Silence(f"cannot connect to {LEASED}")}


def test_who_is_asked() -> None:
    held, new = in_phase(holding(machine("A")), Phase.ENROLLED), machine("B")
    assert asked_at(held) == ("10.1.1.2", "192.0.2.50")
    assert asked_at(replace(new, seen=None)) == ()
    assert whom_to_ask(Observation(NOW, (held, new), observing="older")).keys() == {"A", "B"}
    assert whom_to_ask(Observation(NOW, (held, new))).keys() == {"B"}
    assert whom_to_ask(Observation(NOW, (held, new)), {"A"}).keys() == {"A"}, "who is named is asked in any case"


def test_machines_are_named_by_serial_hostname_and_cluster() -> None:
    held = in_phase(holding(machine("A")), Phase.ENROLLED)
    observed = Observation(NOW, (held, machine("B")))
    assert held.allocation is not None
    for word, serials in {"A": {"A"}, held.allocation.hostname: {"A"}, "cluster:cl1": {"A"}, "B": {"B"}}.items():
        assert named(observed, [word]) == serials
    assert named(observed, ["B", "cluster:cl1"]) == {"A", "B"}
    for word in ("C", "cluster:cl2", "cl1"):
        with pytest.raises(PermanentError, match="is no machine of this database"):
            named(observed, [word])


@pytest.mark.parametrize("text", ["", "null", "[1]", '[{"addr_info": [{"family": "inet"}]}]', "ip: command not found"])
def test_addresses_that_cannot_be_read_are_not_taken_for_none(text: str) -> None:
    with pytest.raises(ValueError, match="not readable"):
        parse_addresses(text)


@pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip (apt: iproute2)")
def test_addresses_as_ip_itself_says_them() -> None:
    said = subprocess.run(["/bin/sh", "-c", READ_ADDRESSES], capture_output=True, text=True, check=True).stdout
    assert all("/" in address for address in parse_addresses(said))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closing(Site(Config(database=f"sqlite:///{tmp_path}/reconciler.db", state=tmp_path / "state"))) as opened:
        assert opened.store.standing().epoch.counter == 0
        yield opened


@pytest.mark.parametrize("as_new", [False, True])
def test_once_it_is_settled_database_and_folder_agree(site: Site, as_new: bool) -> None:
    mine = site.store.standing().epoch.fleet
    site.epochs.remember(Epoch("the-folders", 41))
    assert site.epochs.disagreement() is not None
    settle(site, as_new=as_new, who="ann", why="I looked")
    assert site.epochs.disagreement() is None
    assert site.store.standing().epoch == Epoch(mine if as_new else "the-folders", 42)
    assert site.epochs.remembered() == site.store.standing().epoch
    site.epochs.begin()
    assert site.store.standing().epoch.counter == 43


def test_a_folder_that_cannot_be_read_is_written_anew(site: Site) -> None:
    site.epochs.file.parent.mkdir(exist_ok=True)
    site.epochs.file.write_text("{")
    settle(site, as_new=False, who="ann", why="the disk was full")
    assert site.epochs.disagreement() is None


HEARD = Outcome("A", "in service", "it says so")


def test_the_count_goes_on_behind_all_that_machines_know_of(site: Site) -> None:
    site.epochs.remember(Epoch("the-folders", 41))
    settle(site, as_new=False, who="ann", why="I looked", ground=Ground((HEARD, replace(HEARD, counter=60))))
    assert site.store.standing().epoch == Epoch("the-folders", 61)


def test_where_nobody_remembers_the_count_it_goes_on_far_behind(site: Site) -> None:
    ground = Ground((replace(HEARD, counter=60),), "of-the-machines")
    settle(site, as_new=False, who="ann", why="a new host", ground=ground)
    assert site.store.standing().epoch == Epoch("of-the-machines", 60 + MORE)
