"""What the journal says of a node's rings, and which approval a round uses up."""

from dataclasses import replace
from datetime import UTC, datetime

from reconciler.model.actions import BuildRings, InstallOs
from reconciler.model.events import RingsRead, Started, Succeeded, uses_up
from reconciler.model.folding import after
from reconciler.model.history import History
from reconciler.model.interfaces import NodeInterface
from reconciler.model.rings import RingBasis, RingFile
from reconciler.store.codec import event_text, parse_event

T = datetime(2026, 11, 23, 10, tzinfo=UTC)
READ = RingsRead("A", T, (RingFile("object", "0" * 32),))
BUILD = BuildRings(serial="A", generation=1, cluster="cl1", bases=(RingBasis("object", 3, 8, 3, 1, 0, 0),), changes=())


def test_a_node_has_the_rings_that_it_was_last_seen_with() -> None:
    known = after(History(), READ)
    assert known.rings == READ.rings
    assert parse_event(event_text(READ)) == READ


def test_an_install_leaves_nobody_knowing_its_rings() -> None:
    install = InstallOs(
        serial="A", generation=1, hostname="a", role="swiftstore", cluster="cl1", release="trixie", raid=None,
        interfaces=(NodeInterface(network="m", kind="normal", nics=("eth0",), address="192.0.2.2/24"),),
        system_disks=("sda",), data_disks=(), identity=(),
    )  # fmt: skip
    assert after(after(History(), READ), Started("A", T, install)).rings is None


def test_an_approved_round_uses_its_approval_up_and_no_other_build_does() -> None:
    assert uses_up(Succeeded("A", T, replace(BUILD, approved="0ddba11"))) == {"change_rings"}
    assert uses_up(Succeeded("A", T, BUILD)) == frozenset()
    assert uses_up(Succeeded("A", T, replace(BUILD, first=True))) == frozenset()
