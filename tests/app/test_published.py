"""What the daemon answers from its last pass: whose classes a caller may ask for, and what a machine has to lose."""

from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.app.config import Config
from reconciler.app.published import UNVERIFIED, PassResult, Published
from reconciler.model.history import Phase
from reconciler.model.machine import MachineView, Observation
from reconciler.model.plan import Plan
from reconciler.server.claims import Stake

from ..planning.build import NOW, holding, in_phase, machine, tree, with_history

HOSTNAME, ADDRESS = "cl1-controller-1.example.com", "10.1.1.2"


@dataclass
class Kept:
    """A copy of nobody's documents."""

    def is_of(self, hostname: str, address: str) -> bool:
        return False


def published(*machines: MachineView) -> Published:
    """Of a site that has rendered a document for the node."""
    documents = {HOSTNAME: SimpleNamespace(address=ADDRESS)}
    site: Any = SimpleNamespace(documents=documents)
    shown = Published(site, lambda: None, SimpleNamespace(), Kept())  # type: ignore[arg-type]
    shown.latest = PassResult(tree(), Observation(NOW, machines), Plan(None, "", ()))
    return shown


def at(phase: Phase, **facts: Any) -> MachineView:
    return with_history(holding(in_phase(machine("A"), phase)), **facts)


@pytest.mark.parametrize(
    ("m", "answered"),
    [
        (at(Phase.ENROLLED), False),
        (at(Phase.ENROLLED, install_begun=NOW - timedelta(minutes=5)), True),
        (at(Phase.INSTALLED), True),
        (at(Phase.IN_SERVICE), True),
        (at(Phase.IN_SERVICE, install_begun=None), True),
    ],
    ids=["nothing was installed", "its install was begun", "installed", "in service", "taken over from OCI"],
)
def test_who_has_a_nodes_address_may_ask_for_its_classes_once_its_install_was_begun(
    m: MachineView, answered: bool
) -> None:
    """Before, an invented machine could take the address that it was given, and read its cluster's secrets."""
    shown = published(m)
    assert shown._may_be(HOSTNAME, ADDRESS) is answered
    assert not shown._may_be(HOSTNAME, "10.1.1.3")


def test_before_the_first_pass_who_has_the_address_is_the_node() -> None:
    shown = published()
    shown.latest = None
    assert shown._may_be(HOSTNAME, ADDRESS)


def test_a_machine_has_a_system_to_lose_or_a_place_or_nothing() -> None:
    m = machine("B")
    stake = published(at(Phase.IN_SERVICE), m).stake
    assert (stake("A"), stake("B"), stake("C")) == (Stake.SYSTEM, Stake.NOTHING, Stake.NOTHING)
    assert published(at(Phase.INSTALLED)).stake("A") is Stake.SYSTEM
    assert published(at(Phase.ENROLLED)).stake("A") is Stake.PLACE


def test_that_orders_are_not_verified_is_said_where_nobody_has_to_sign() -> None:
    shown = published()
    shown.latest = None
    shown.site.config, shown.site.specs = Config(), SimpleNamespace(held_up=())
    assert [remark for remark in shown._remarks() if "orders are not verified" in remark] == [UNVERIFIED]
    rules = [{"paths": ["**"], "signers": ["alice"]}]
    shown.site.config = Config.model_validate({"authority": {"allowed_signers": "/signers", "rules": rules}})
    assert shown._remarks() == ()
    shown.site.specs = SimpleNamespace(held_up=("install is approval (the specs say automatic)",))
    assert shown._remarks() == ("policy: the daemon's floor holds: install is approval (the specs say automatic)",)
