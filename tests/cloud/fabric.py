"""The cloud's network as switches that route: spines, a pair of leaves in each rack, BGP between all of them.

Each switch is a namespace with FRR and lldpd of Debian's. Nothing has an IPv4 address but on its loopback: sessions are
between IPv6 link-local addresses, and every switch has an AS number of its own. What is below a leaf is told of
everything that the fabric reaches.

Before a machine is installed, its ports are in the network in which machines boot: a bridge in each leaf, and one
outside.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from ..lab.lab import run
from .boxes import OUTSIDE, Box, World
from .network import BRIDGE
from .places import NODES, PUBLIC, SERVER

SPINES = ("spine-1", "spine-2")
RACKS: Mapping[str, tuple[str, str]] = {
    "0": ("leaf-1", "leaf-2"),
    "1": ("leaf-3", "leaf-4"),
    "2": ("leaf-5", "leaf-6"),
}
"""Each rack's leaves. Below those of rack 0 is the outside, and no node."""

LEAVES = tuple(leaf for pair in RACKS.values() for leaf in pair)
NICS = ("eno1", "eno2")
"""Of a node, to the first leaf of its rack and to the second."""

ROUTERS = (*SPINES, *LEAVES, OUTSIDE)
"""All that have a configuration of ``router``."""

PORTS = 8
"""Of a leaf, for nodes."""

UPLINKS = tuple(f"swp{50 + number}" for number, _ in enumerate(SPINES, 1))
"""Of a leaf, to the spines."""

_SYSCTLS = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.icmp_ratelimit=0")
"""Of a switch; it answers every packet of every trace."""

_TRACEROUTE = ("traceroute", "-I", "-n", "-N", "1", "-q", "1", "-w", "1", "-m", "8")
"""With echo requests, as the kernel answers no more than one datagram to a closed port in a second."""

_AS = 4_200_000_000  # the first of those for private use, RFC 6996
_LOOPBACK = "10.255.0.{}"

_ROUTER = Template("""\
frr defaults datacenter
hostname $name
!
interface lo
 ip address $address/32
!
router bgp $number
 bgp router-id $router
 no bgp ebgp-requires-policy
 bgp bestpath as-path multipath-relax
 neighbor FABRIC peer-group
 neighbor FABRIC remote-as external
 neighbor NODES peer-group
 neighbor NODES remote-as external
$neighbours address-family ipv4 unicast
  network $address/32
  neighbor NODES route-map FROM-NODES in
$more exit-address-family
!
ip prefix-list NODES seq 5 permit $nodes ge 32
ip prefix-list NODES seq 10 permit $public ge 32
!
route-map FROM-NODES permit 10
 match ip address prefix-list NODES
!
""")


@dataclass(frozen=True)
class Cable:
    """From a port of one namespace to a port of another."""

    this: tuple[str, str]  # namespace, port
    other: tuple[str, str]
    routed: bool = True  # there is a BGP session over it, or will be


def cables() -> Iterator[Cable]:
    """Those between switches, and to the outside."""
    for leaf in LEAVES:
        for port, spine in zip(UPLINKS, SPINES, strict=True):
            yield Cable((leaf, port), (spine, f"swp{LEAVES.index(leaf) + 1}"))
    for number, leaf in enumerate(RACKS["0"], 1):
        yield Cable((OUTSIDE, f"up{number}"), (leaf, "swp49"))


def trunks() -> Iterator[Cable]:
    """Those of the network in which machines boot."""
    for number, leaf in enumerate(LEAVES, 1):
        yield Cable((OUTSIDE, f"boot{number}"), (leaf, "swp48"), routed=False)


def as_number(name: str) -> int:
    """Of a router; no two have the same."""
    return _AS + 1 + ROUTERS.index(name)


def router(name: str) -> str:
    """The FRR configuration of a switch, or of the outside, which has the way to everywhere else."""
    number = 1 + ROUTERS.index(name)
    ports = [port for cable in cables() for at, port in (cable.this, cable.other) if at == name]
    below = [f"swp{port}" for port in range(1, PORTS + 1)] if name in LEAVES and name not in RACKS["0"] else []
    neighbours = [f" neighbor {port} interface peer-group FABRIC\n" for port in ports]
    neighbours += [f" neighbor {port} interface peer-group NODES\n" for port in below]
    return _ROUTER.substitute(
        name=name,
        number=as_number(name),
        router=_LOOPBACK.format(number),
        address=loopback(name),
        neighbours="".join(neighbours),
        more="  neighbor FABRIC default-originate\n" if name == OUTSIDE else "",
        nodes=NODES,
        public=PUBLIC,
    )


def loopback(name: str) -> str:
    """The address by which a router answers."""
    return SERVER if name == OUTSIDE else _LOOPBACK.format(1 + ROUTERS.index(name))


def bgpd_on(daemons: str) -> str:
    """FRR's file ``daemons`` as it is shipped, with bgpd turned on."""
    return daemons.replace("bgpd=no", "bgpd=yes")


def frr(box: Box, question: str) -> dict[str, Any]:
    """What FRR on a box answers in JSON; empty: it does not run yet, as it then says in English."""
    told = box.attempt("vtysh", "-c", f"{question} json").stdout
    found: dict[str, Any] = json.loads(told) if told.lstrip().startswith("{") else {}
    return found


def sessions(box: Box) -> dict[str, dict[str, Any]]:
    """The neighbours with which a box exchanges routes, by its port."""
    known = frr(box, "show bgp neighbors")
    return {port: peer for port, peer in known.items() if peer.get("bgpState") == "Established"}


@dataclass
class Fabric:
    """The switches, and what is plugged into them."""

    world: World
    folder: Path
    boxes: dict[str, Box] = field(default_factory=dict)  # the routers
    laid: list[Cable] = field(default_factory=list)

    def lay(self) -> None:
        """Switches, cables and the outside's router: all routes are there a few seconds later."""
        for name in (*SPINES, *LEAVES):
            self.world.run("ip", "netns", "add", name)
        for cable in cables():
            self._lay_cable(cable)
        self._lay_boot_network()
        daemons = bgpd_on(Path("/etc/frr/daemons").read_text())
        for name in ROUTERS:
            etc = self.folder / name / "etc"
            etc.mkdir(parents=True)
            run("cp", "--archive", "/etc/frr", str(etc))  # as Debian's package has it, and with its owners
            (etc / "frr/frr.conf").write_text(router(name))
            (etc / "frr/daemons").write_text(daemons)
            self.boxes[name] = Box(self.world, name, self.folder / name)
            self._start(name)

    def plug(self, namespace: str, rack: str, port: int, macs: Iterable[str]) -> None:
        """A namespace for a machine, whose two NICs are plugged into this port of both leaves of the rack.

        It is in the network in which machines boot.
        """
        self.world.run("ip", "netns", "add", namespace)
        for nic, mac, leaf in zip(NICS, macs, RACKS[rack], strict=True):
            self._lay_cable(Cable((namespace, nic), (leaf, f"swp{port}")), mac)
            self._bridge(leaf, f"swp{port}")

    def route(self, namespace: str) -> None:
        """Take a machine's ports out of that network: its switches speak BGP with it."""
        for cable in self.laid:
            if cable.this[0] == namespace:
                leaf, port = cable.other
                self.world.run("ip", "-n", leaf, "link", "set", port, "nomaster")

    def unplug(self, namespace: str) -> None:
        """As when a machine loses its power: its NICs are gone, and the switches' ports with them."""
        self.laid = [cable for cable in self.laid if namespace not in (cable.this[0], cable.other[0])]
        self.world.run("ip", "netns", "delete", namespace)

    def cut(self, switch: str) -> None:
        """As when a switch loses its power: it tells nobody, and at the other ends of its cables the links are down."""
        self.boxes[switch].cut()
        self.set_links(switch, "down")

    def mend(self, switch: str) -> None:
        """The switch has its power again, and begins anew."""
        self.set_links(switch, "up")
        self._start(switch)

    def set_links(self, switch: str, state: str, ports: Iterable[str] = ()) -> None:
        """Have links of a switch ``up`` or ``down``: those at these ports, or all."""
        for port in ports or self._ports(switch, self.laid):
            self.world.run("ip", "-n", switch, "link", "set", port, state)

    def set_default_route(self, word: str = "") -> None:
        """Have the outside announce the way to everywhere else, or with ``no`` have it withdraw that."""
        line = f"{word} neighbor FABRIC default-originate".strip()
        begin = ("configure terminal", f"router bgp {as_number(OUTSIDE)}", "address-family ipv4 unicast")
        self.boxes[OUTSIDE].run("vtysh", *(each for step in (*begin, line) for each in ("-c", step)))

    def plugged(self, name: str) -> set[str]:
        """The ports of a switch, or of a machine, over whose cables there is a session."""
        return self._ports(name, (cable for cable in self.laid if cable.routed))

    def trace(self, box: Box, address: str) -> list[str]:
        """The hops from a box to an address: routers by name, then the address itself; ``*`` where none answers."""
        names = {loopback(name): name for name in ROUTERS}
        # It fails where there is no way.
        told = box.attempt(*_TRACEROUTE, address)
        hops = [line.split()[1] for line in told.stdout.splitlines()[1:]]
        return [names.get(hop, hop) for hop in hops] or ["*"]

    def _lay_boot_network(self) -> None:
        for name in (OUTSIDE, *LEAVES):
            self.world.run("ip", "-n", name, "link", "add", BRIDGE, "type", "bridge")
            self.world.run("ip", "-n", name, "link", "set", BRIDGE, "up")
        for cable in trunks():
            self._lay_cable(cable)
            for at, port in (cable.this, cable.other):
                self._bridge(at, port)
        self.world.run("ip", "address", "add", f"{SERVER}/24", "dev", BRIDGE)

    def _ports(self, name: str, laid: Iterable[Cable]) -> set[str]:
        return {port for cable in laid for at, port in (cable.this, cable.other) if at == name}

    def _bridge(self, namespace: str, port: str) -> None:
        self.world.run("ip", "-n", namespace, "link", "set", port, "master", BRIDGE)

    def _start(self, name: str) -> None:
        box = self.boxes[name]
        box.start()
        box.run("sysctl", "--quiet", "--write", *_SYSCTLS)
        box.run("/usr/lib/frr/frrinit.sh", "start")
        if name != OUTSIDE:
            box.speak_lldp("swp*")

    def _lay_cable(self, cable: Cable, mac: str | None = None) -> None:
        (this, port), (other, its) = cable.this, cable.other
        address = ("address", mac) if mac else ()
        self.laid.append(cable)
        self.world.run(
            "ip", "link", "add", port, *address, "netns", this, "type", "veth", "peer", "name", its, "netns", other
        )
        self.world.run("ip", "-n", this, "link", "set", port, "up")
        self.world.run("ip", "-n", other, "link", "set", its, "up")
