"""What becomes of machines that an operator has adopted by their own words."""

from dataclasses import replace
from operator import attrgetter

import pytest

from reconciler.model.contents import Contents
from reconciler.model.disk_id import DiskId, Finding
from reconciler.model.hardware import Match
from reconciler.model.history import PUBLISHED, History, Install, Phase, Proof
from reconciler.model.machine import Allocation, Observation, Vip
from reconciler.planning.adopting import Silence, Word, outcomes

from ..histories import history_with
from .build import MINUTE, NOW, VIPS, cluster, holding, in_phase, machine, tree
from .build import disks as disk_ids

SPEC = tree({"cl1": cluster(controller={}), "cl2": cluster("cl2", 2, controller={})})
HELD = in_phase(holding(machine("A")), Phase.ENROLLED)
SERVING = in_phase(holding(machine("A")), Phase.IN_SERVICE, install_id="0a1b2c")
ADDRESS, OTHERS = "10.1.1.2/24", ("127.0.0.1/8", "203.0.113.9/24")
WORD = Word("A", "cl1-controller-1.example.com", 1, "0a1b2c", (ADDRESS, *OTHERS))
FULL = replace(WORD, cluster="cl1", role="controller", reinstall="2026-11-23")
LOOKING = "Nothing is begun: the database is older."


def outcome(m, word, spec=SPEC, *, observing=LOOKING, others=(), vips=VIPS):
    known = (*([m] if m else []), *others)
    (found,) = outcomes(spec, Observation(NOW, known, vips, observing=observing), {"A": word}, NOW)
    return found


def test_a_machine_keeps_the_place_that_the_database_gave_it():
    found = outcome(HELD, WORD)
    assert found.becomes == "in service"
    assert found.allocation == HELD.allocation
    assert found.history == history_with(
        HELD.history, phase=Phase.IN_SERVICE, touched=NOW, install_begun=NOW, install_generation=1,
        install_id="0a1b2c", in_service_since=NOW,
    )  # fmt: skip


def test_a_machine_whose_first_boot_is_to_end_is_installed_and_puppet_follows():
    begun = replace(WORD, first_boot_ended=False)
    found = outcome(HELD, begun)
    assert (found.becomes, found.history.phase, found.history.service.since) == ("installed", Phase.INSTALLED, None)
    assert "its first boot is still to end" in found.because
    waits = replace(HELD, allocation=found.allocation, history=found.history)
    assert outcome(waits, begun).becomes == "as it is"
    assert outcome(waits, WORD).becomes == "in service"


BEFORE = {
    "failures": 3,
    "permanent": True,
    "last_error": "no",
    "last_begun": "boot_disk",
    "repeats": 5,
    "left_service": NOW - MINUTE,
    "left_install": "0ld0ld",
    "found": (Finding(DiskId.parse("sda INTEL DA 240000000000"), Contents.parse("ext4")),),
    "install_open": True,
    "proof": Proof(NOW - MINUTE, "live", "192.0.2.50"),
    "looks": 4,
    "looked": NOW - MINUTE,
    "look_error": "nobody answers",
}


def test_what_was_being_done_when_the_backup_was_made_counts_no_more():
    history = outcome(replace(HELD, history=history_with(HELD.history, **BEFORE)), WORD).history
    fresh = outcome(HELD, WORD).history
    facts = attrgetter(*(PUBLISHED[name] for name in BEFORE))
    assert facts(history) == facts(fresh)


@pytest.mark.parametrize(("install", "disks"), [("0a1b2c", disk_ids("sda 1")), ("another", ())])
def test_the_disks_of_an_install_are_known_of_that_install_alone(install, disks):
    had = {"install_id": install, "installed_on": disk_ids("sda 1"), "system_on": disks}
    history = outcome(replace(HELD, history=history_with(HELD.history, **had)), WORD).history
    assert (history.install.on, history.install.system_on) == (disks, disks)


def test_a_record_says_the_disks_and_when_its_install_began():
    word = replace(
        WORD, install_id="another", on=disk_ids("sda 1", "sdb 2"), system_on=disk_ids("sda 1"), began=NOW - MINUTE
    )
    install = outcome(HELD, word).history.install
    assert (install.begun, install.on, install.system_on) == (NOW - MINUTE, word.on, word.system_on)


def test_disks_that_were_erased_once_are_told_by_their_record_from_now_on():
    had = {"erased": ("wwn 5000", "0:32:1 S1", "sda SSD S1 1")}
    history = outcome(replace(HELD, history=history_with(HELD.history, **had)), WORD).history
    assert history.disks.erased == ("0:32:1 S1",), "a volume of a RAID controller has no record"


OF_OCI = replace(WORD, generation=0, install_id=None, role="controller")


@pytest.mark.parametrize(
    ("m", "generation"), [(HELD, 1), (replace(HELD, allocation=replace(HELD.allocation, generation=4)), 4)]
)
def test_what_oci_installed_is_as_an_import_has_it(m, generation):
    found = outcome(m, OF_OCI)
    assert (found.becomes, found.allocation.generation) == ("in service", generation)
    assert found.history.install == Install()
    assert (found.history.phase, found.history.service.since) == (Phase.IN_SERVICE, NOW)
    assert outcome(replace(m, history=found.history), OF_OCI).becomes == "as it is", "once more changes nothing"


def test_a_machine_of_ocis_without_a_place_has_the_one_that_it_says():
    assert outcome(machine("A"), OF_OCI).allocation == PLACE


@pytest.mark.parametrize(
    ("fleet", "fleets", "becomes"),
    [("f1", ("f1",), "in service"), ("", ("f1",), "in service"), ("f2", None, "in service"), ("f2", ("f1",), "paused")],
)
def test_what_another_fleet_installed_is_not_taken_over_unasked(fleet, fleets, becomes):
    observed = Observation(NOW, (HELD,), VIPS, observing=LOOKING)
    (found,) = outcomes(SPEC, observed, {"A": replace(WORD, fleet=fleet)}, NOW, fleets)
    assert found.becomes == becomes
    assert becomes != "paused" or "--fleet" in found.because


def test_the_count_of_its_record_is_told_whatever_becomes_of_it():
    for word in (replace(WORD, counter=41), replace(WORD, counter=41, finished=False)):
        assert outcome(HELD, word).counter == 41


def test_a_later_generation_in_its_place_is_taken_over():
    assert outcome(HELD, replace(WORD, generation=4)).allocation == replace(HELD.allocation, generation=4)


PLACE = Allocation("cl1", "controller", "controller", "z1", "cl1-controller-1.example.com", 1, {"cl1-z1": "10.1.1.2"})


@pytest.mark.parametrize(
    ("m", "word"),
    [
        pytest.param(machine("A"), WORD, id="it reported"),
        pytest.param(None, WORD, id="nobody knows it"),
        pytest.param(None, FULL, id="its marker says its pool"),
        pytest.param(replace(machine("A"), match=Match(())), WORD, id="no profile matches any more"),
        pytest.param(
            None, replace(WORD, addresses=(ADDRESS, "10.1.1.250/32")), id="it holds somebody's virtual address"
        ),
        pytest.param(None, replace(WORD, addresses=(ADDRESS, VIPS[0].address + "/24")), id="it holds the VIP"),
    ],
)
def test_a_machine_without_a_place_has_the_one_that_it_says(m, word):
    found = outcome(m, word)
    assert (found.becomes, found.allocation) == ("in service", PLACE)


def test_a_name_of_the_operators_own_has_no_number():
    named = replace(FULL, hostname="boss.example.com")
    assert outcome(None, named).allocation == replace(PLACE, hostname="boss.example.com", number=0)


def test_a_virtual_address_in_its_own_network_is_not_its_own():
    vips = (Vip("cl1", "cl1-z1", "sql", "10.1.1.9"),)
    word = replace(WORD, addresses=(ADDRESS, "10.1.1.9/24"))
    assert outcome(None, word, vips=vips).allocation == PLACE


@pytest.mark.parametrize(
    ("m", "word", "because"),
    [
        (
            HELD,
            replace(WORD, hostname="cl1-controller-2.example.com"),
            "the database says cl1-controller-1.example.com",
        ),
        (HELD, replace(WORD, addresses=("10.1.1.3/24",)), "the database gave it 10.1.1.2, and it has 10.1.1.3"),
        (HELD, replace(WORD, finished=False), "its install never ended well"),
        (HELD, Silence("cannot connect to 10.1.1.2"), "cannot connect"),
        (machine("A"), replace(WORD, hostname="db-7.example.com"), "no cluster and role"),
        (machine("A"), replace(FULL, cluster="gone"), "no such cluster"),
        (machine("A", zone=None), replace(WORD, addresses=("10.9.9.9/24",)), "no network for controller"),
        (machine("A"), replace(WORD, addresses=(ADDRESS, "10.1.1.3/24")), "has 10.1.1.2/24, 10.1.1.3/24"),
        (machine("A", zone="z2"), WORD, "one address on network cl1-z2 (10.1.2.0/24), and has none"),
    ],
)
def test_what_does_not_fit_or_is_silent_is_left_and_paused(m, word, because):
    found = outcome(m, word)
    assert (found.becomes, found.allocation, found.history) == ("paused", None, None)
    assert because in found.because
    assert outcome(m, word, observing=None).becomes == "as it is"  # nothing is in doubt


def test_a_name_that_another_machine_holds_is_not_given_twice():
    other = in_phase(holding(machine("B")), Phase.IN_SERVICE)
    found = outcome(machine("A"), WORD, others=(other,))
    assert (found.becomes, "is the name of B" in found.because) == ("paused", True)


def test_profiles_that_nobody_can_tell_apart_are_not_guessed():
    two = replace(SPEC, profiles={**SPEC.profiles, "other": SPEC.profiles["controller"]})
    assert "pin it" in outcome(None, WORD, two).because
    assert outcome(machine("A"), WORD, two).allocation == PLACE  # its report matches one


@pytest.mark.parametrize(
    ("m", "word"),
    [
        pytest.param(SERVING, Silence("cannot connect"), id="in service, and away"),
        pytest.param(SERVING, WORD, id="in service, as both say"),
        pytest.param(HELD, Silence("the live system", answers=True), id="in the live system"),
        pytest.param(None, Silence("cannot connect"), id="an address where nobody is"),
    ],
)
def test_what_is_no_danger_is_left_as_it_is(m, word):
    found = outcome(m, word)
    assert (found.becomes, found.allocation) == ("as it is", None)


AGAIN = tree({"cl1": cluster(controller={})}, {"A": {"reinstall": "2026-11-23"}})


@pytest.mark.parametrize(
    ("word", "known", "answered"),
    [
        pytest.param(FULL, History(Phase.ENROLLED), "2026-11-23", id="its marker says so"),
        pytest.param(replace(FULL, reinstall=None), History(Phase.ENROLLED), None, id="its marker denies it"),
        pytest.param(
            WORD,
            History(Phase.ENROLLED, install=Install(id="0a1b2c", reinstall="2026-01-01")),
            "2026-01-01",
            id="the database knows",
        ),
        pytest.param(WORD, History(Phase.ENROLLED), "2026-11-23", id="nobody knows"),
    ],
)
def test_which_reinstall_was_answered(word, known, answered):
    found = outcome(replace(HELD, history=known), word, AGAIN)
    assert found.history.install.reinstall == answered
    assert ("too old to say" in found.because) is (not word.cluster and known.install.id is None)
