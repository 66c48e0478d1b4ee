"""Nodes below switches that route: ``make test-fabric``. Debian's FRR and lldpd on both sides.

Half of the nodes have the network files of our installer, half those of Debian's.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.hardware.racking import rack
from reconciler.model.actions import InstallOs, RootImage
from reconciler.model.hardware import Hardware, Racked
from reconciler.model.machine import Allocation
from reconciler.model.tree import SpecTree
from reconciler.planning.interfaces import interfaces_of
from reconciler.specs.settings_table import load_table
from reconciler.specs.validate import validate

from ..waiting import until
from . import roots
from .boxes import OUTSIDE, Box, world
from .fabric import LEAVES, NICS, RACKS, SPINES, UPLINKS, Fabric, frr, sessions
from .places import NODES, SERVER, VIP
from .routed import Place, RoutedNode, leaves_of, neighbours, specs

NEEDED = {
    "vtysh": "frr", "lldpd": "lldpd", "traceroute": "traceroute", "ipcalc": "ipcalc", "jq": "jq", "curl": "curl",
    "dmidecode": "dmidecode", "systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap",
}  # fmt: skip
MISSING = [f"{tool} (apt: {package})" for tool, package in NEEDED.items() if shutil.which(tool) is None]

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        bool(MISSING) or os.geteuid() != 0, reason=f"needs root and {', '.join(MISSING) or 'namespaces'}"
    ),
]

PLACES = [Place(rack, port) for rack in ("1", "2") for port in (1, 2, 3, 4)]

_DAEMON = """\
specs: {folder}/specs
database: sqlite:///{folder}/reconciler.db
state: {folder}/state
listen: {{address: {server}, port: 80}}
dashboard_networks: [{server}/32]
"""


@dataclass
class Rack:
    """The fabric with its nodes, all of which route."""

    fabric: Fabric
    nodes: list[RoutedNode]
    seen: dict[str, Hardware]  # by serial, from the live system

    @property
    def outside(self) -> Box:
        return self.fabric.boxes[OUTSIDE]

    def reached(self, node: RoutedNode) -> bool:
        return self.fabric.trace(self.outside, address_of(node))[-1] == address_of(node)

    def all_reached(self) -> bool:
        return all(self.reached(node) for node in self.nodes)

    def asks(self, path: str) -> str:
        """What the daemon answers; empty: nothing, or no."""
        asked = self.outside.attempt("curl", "--fail", "--silent", "--max-time", "10", f"http://{SERVER}{path}")
        return asked.stdout

    @property
    def boxes(self) -> list[Box]:
        return [*self.fabric.boxes.values(), *(node.box for node in self.nodes)]

    def speak(self) -> bool:
        """Whether there is a session over every cable."""
        return all(set(sessions(box)) == self.fabric.plugged(box.name) for box in self.boxes)

    def led_by(self, of: str, *leaves: str) -> bool:
        """Whether each spine sends what is for any node of a rack to these leaves."""
        below = [node for node in self.nodes if node.place.rack == of]
        return all(self._ways(spine, node) == set(leaves) for spine in SPINES for node in below)

    def _ways(self, spine: str, node: RoutedNode) -> set[str]:
        paths = frr(self.fabric.boxes[spine], f"show bgp ipv4 unicast {address_of(node)}/32").get("paths", ())
        taken = [path for path in paths if "multipath" in path or "overall" in path.get("bestpath", ())]
        return {path["peer"]["hostname"] for path in taken}


def address_of(node: RoutedNode) -> str:
    return f"{NODES.rpartition('.')[0]}.{10 + node.number}"


def ways_out(node: RoutedNode) -> set[str]:
    """The NICs through which a node's default route goes."""
    shown = json.loads(node.box.run("ip", "-json", "route", "show", "default"))
    return {hop["dev"] for route in shown for hop in route.get("nexthops", [route])}


@pytest.fixture(scope="module")
def tree() -> SpecTree:
    checked = validate({"routed.yaml": specs().encode()}, settings_table=load_table())
    assert checked.tree is not None, checked.problems
    return checked.tree


def install(tree: SpecTree, node: RoutedNode, hardware: Hardware) -> InstallOs:
    """What the daemon would do to the node, as far as its network goes."""
    name = f"cl1-swiftstore-{node.number}.example.com"
    addresses = {"cl1-mgmt": address_of(node)}
    given = Allocation("cl1", "swiftstore", "swiftstore", "room-1", name, node.number, addresses)
    return InstallOs(
        serial=node.serial, generation=1, hostname=name, role="swiftstore", cluster="cl1", release="trixie",
        interfaces=interfaces_of(tree, node.serial, given, hardware.nics), system_disks=("sda",), raid=None,
        data_disks=(), identity=(), image=RootImage(url=f"http://{SERVER}/root.tar", sha256="a" * 64),
    )  # fmt: skip


@pytest.fixture(scope="module")
def racked(tree: SpecTree, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    folder = tmp_path_factory.mktemp("fabric")
    with world(folder / "world.log") as alone:
        fabric = Fabric(alone, folder)
        fabric.lay()
        image = roots.routed()
        nodes = [RoutedNode(fabric, number, place, image) for number, place in enumerate(PLACES, 1)]
        for node in nodes:
            node.deliver()
        seen = {node.serial: node.report() for node in nodes}
        for node in nodes:
            until(f"{node.name} is in the network where it boots", lambda node=node: node.live_hops() == [OUTSIDE])
        for node in nodes:
            hardware = seen[node.serial]
            node.install(install(tree, node, hardware), hardware, "debian" if node.number % 2 else "image")
            node.box.start()
        found = Rack(fabric, nodes, seen)
        until("there is a session over every cable", found.speak)
        for name in ("1", "2"):
            until(f"both leaves of rack {name} lead to its nodes", lambda name=name: found.led_by(name, *RACKS[name]))
        until("every node is reached", found.all_reached)
        yield found


def test_each_node_learns_its_switches_and_so_its_place(racked: Rack, tree: SpecTree) -> None:
    for node in racked.nodes:
        hardware = racked.seen[node.serial]
        assert {nic.name: (nic.switch, nic.port) for nic in hardware.nics} == leaves_of(node.place)
        place = rack(hardware, tree.rackings)
        assert isinstance(place, Racked)
        assert (place.rack, place.unit, place.doubt) == (node.place.rack, node.place.port, None)


def test_a_node_is_traced_through_a_leaf_a_spine_and_a_leaf(racked: Rack) -> None:
    for node in racked.nodes:
        first, second, third, last = racked.fabric.trace(racked.outside, address_of(node))
        assert (first in RACKS["0"], second in SPINES, third in RACKS[node.place.rack]) == (True, True, True)
        assert last == address_of(node)


def test_nodes_reach_each_other_by_the_default_route_alone(racked: Rack) -> None:
    """They have one AS number, and so each refuses what another announced."""
    one, beside, far = (racked.nodes[number] for number in (0, 1, -1))

    def hops_to(node: RoutedNode) -> list[str]:
        return racked.fabric.trace(one.box, address_of(node))

    assert [hop in LEAVES for hop in hops_to(beside)] == [True, False]
    assert [hop in LEAVES for hop in hops_to(far)] == [True, False, True, False]
    racked.fabric.set_default_route("no")
    until("the default route is gone", lambda: not ways_out(one))
    assert (hops_to(beside), hops_to(far)) == (["*"], ["*"])
    racked.fabric.set_default_route()
    until(
        "both are reached again",
        lambda: [hops_to(node)[-1] for node in (beside, far)] == [*map(address_of, (beside, far))],
    )


def test_every_session_is_between_link_local_addresses(racked: Rack) -> None:
    for box in racked.boxes:
        summary = frr(box, "show bgp ipv4 unicast summary")["peers"]
        for port, session in sessions(box).items():
            assert summary[port]["idType"] == "interface"
            assert (session["hostLocal"][:6], session["hostForeign"][:6]) == ("fe80::", "fe80::"), (box.name, port)
            assert session["remoteAs"] != session["localAs"]
            assert session["bgpTimerHoldTimeMsecs"] == 9000  # the switches' wish, as it is the shorter one


def test_a_node_has_no_address_but_on_its_loopback(racked: Rack) -> None:
    for node in racked.nodes:
        shown = json.loads(node.box.run("ip", "-json", "-4", "address", "show"))
        assert {link["ifname"] for link in shown if link["addr_info"]} == {"lo"}
        asked = json.loads(node.box.run("ip", "-json", "route", "get", SERVER))
        assert asked[0]["prefsrc"] == address_of(node)


def test_a_virtual_address_on_the_loopback_is_followed_from_node_to_node(racked: Rack) -> None:
    for node in (racked.nodes[0], racked.nodes[-1]):
        node.box.run("ip", "address", "add", f"{VIP}/32", "dev", "lo")

        def on_node(leaves: tuple[str, ...] = RACKS[node.place.rack]) -> bool:
            hops = racked.fabric.trace(racked.outside, VIP)
            return hops[-1] == VIP and hops[-2] in leaves

        until(f"{VIP} is reached on {node.name}", on_node)
        node.box.run("ip", "address", "delete", f"{VIP}/32", "dev", "lo")


def test_a_leaf_that_lost_its_spines_draws_nothing_from_its_nodes(racked: Rack) -> None:
    lost, left = RACKS["1"]
    node = racked.nodes[0]
    assert ways_out(node) == set(NICS)
    racked.fabric.set_links(lost, "down", UPLINKS)
    until("one way out is left", lambda: ways_out(node) == set(NICS[1:]))
    assert racked.fabric.trace(node.box, SERVER)[0] == left
    racked.fabric.set_links(lost, "up", UPLINKS)
    until("two ways out", lambda: ways_out(node) == set(NICS))
    until("both leaves lead to the nodes", lambda: racked.led_by("1", lost, left))


def test_without_one_leaf_every_node_is_reached_and_with_it_there_are_two_ways_again(racked: Rack) -> None:
    lost, left = RACKS["1"]
    began = time.monotonic()
    racked.fabric.cut(lost)
    until("every node is reached without the leaf", racked.all_reached)
    print(f"reached after {time.monotonic() - began:.1f} s")
    until("the other leaf leads to the nodes", lambda: racked.led_by("1", left))
    for node in racked.nodes:
        assert lost not in racked.fabric.trace(racked.outside, address_of(node))
    began = time.monotonic()
    racked.fabric.mend(lost)
    until("both leaves lead to the nodes", lambda: racked.led_by("1", lost, left))
    print(f"two ways after {time.monotonic() - began:.1f} s")
    assert racked.all_reached()
    for node in racked.nodes:
        until(f"{node.name} hears both", lambda node=node: neighbours(node.box) == leaves_of(node.place))


@pytest.fixture
def daemon(racked: Rack, tmp_path: Path) -> Iterator[Path]:
    """``reconciler run`` outside of the fabric; its log."""
    for name in ("specs", "state"):
        (tmp_path / name).mkdir()
    (tmp_path / "specs/routed.yaml").write_text(specs())
    config, log = tmp_path / "reconciler.yaml", tmp_path / "daemon.log"
    config.write_text(_DAEMON.format(folder=tmp_path, server=SERVER))
    command = (*racked.fabric.world.enter, sys.executable, "-m", "reconciler", "--config", str(config), "run")
    with log.open("wb") as said, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said) as runs:
        try:
            until("the daemon answers", lambda: racked.asks("/healthz"))
            yield log
        finally:
            runs.terminate()


def test_the_daemon_learns_places_from_reports_that_come_through_the_fabric(racked: Rack, daemon: Path) -> None:
    for node in racked.nodes:
        until(f"the daemon takes a report of {node.name}", node.posts)  # it reads its specs first
        told = until(f"{node.name} is known", lambda node=node: racked.asks(f"/v1/machines/{node.serial}"))
        known = json.loads(told)
        assert (known["rack"], known["unit"], known["location"]) == (node.place.rack, node.place.port, "room-1")
        assert known["address"] == address_of(node)
        nics = known["known"]["seen"]["hardware"]["nics"]
        assert {nic["name"]: (nic["switch"], nic["port"]) for nic in nics} == leaves_of(node.place)
