"""What a machine boots from when it asks over the network."""

from dataclasses import replace

import pytest

from reconciler.model.boot_choice import BootFrom
from reconciler.model.history import History, Install, Phase
from reconciler.model.machine import InstallStatus
from reconciler.planning.netboot import RULES, boots_from

from ..histories import history_with
from .build import MINUTE, NOW, holding, machine, tree


def test_every_phase_has_a_rule() -> None:
    assert set(RULES) == set(Phase)


@pytest.mark.parametrize(
    ("history", "boot"),
    [
        (History(), BootFrom.LIVE),
        (History(Phase.ENROLLED), BootFrom.LIVE),
        (History(Phase.ENROLLED, last_begun="boot_live", touched=NOW), BootFrom.LIVE),
        (History(Phase.ENROLLED, install=Install(begun=NOW, generation=1), last_begun="install_os"), BootFrom.LIVE),
        (
            History(
                Phase.ENROLLED,
                install=Install(begun=NOW - MINUTE, generation=1),
                last_done="install_os",
                last_done_at=NOW,
            ),
            BootFrom.DISK,
        ),
        (History(Phase.INSTALLED), BootFrom.DISK),
        (History(Phase.IN_SERVICE), BootFrom.DISK),
    ],
)
def test_a_phase_decides(history: History, boot: BootFrom) -> None:
    m = replace(holding(machine("A1")), history=history)
    assert boots_from(m, tree()).boot is boot


def test_a_machine_that_says_it_is_installed_boots_from_its_disk() -> None:
    h = History(Phase.ENROLLED, install=Install(begun=NOW - MINUTE, generation=1, open=True), last_begun="install_os")
    m = replace(holding(machine("A1")), history=h)
    assert m.seen is not None
    m = replace(m, seen=replace(m.seen, status=InstallStatus.INSTALLED, status_at=NOW))
    assert boots_from(m, tree()).boot is BootFrom.DISK
    ended_badly = replace(m, history=history_with(h, install_open=False))
    assert boots_from(ended_badly, tree()).boot is BootFrom.LIVE


@pytest.mark.parametrize("phase", Phase)
def test_who_is_quarantined_or_protected_boots_from_its_disk(phase: Phase) -> None:
    m = replace(holding(machine("A1")), history=History(phase))
    assert boots_from(replace(m, conflict="two machines claim it"), tree()).boot is BootFrom.DISK
    assert boots_from(m, tree(machines={"A1": {"protected": True}})).boot is BootFrom.DISK
