"""One node's Puppet document, made from the least that it takes.

With ``node_terminus = exec`` the Puppet server starts a process for each question, so what costs time here costs it
thousands of times an hour. The daemon keeps all documents rendered (``Documents``); both give the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ..enc.compile import compile_node, secrets_in
from ..enc.documents.cache import (
    ClusterRecords,
    EnrolledMachine,
    cluster_inputs,
    compile_one,
    member_of,
    nodes_of,
    write_one,
)
from ..enc.documents.writer import Document
from ..enc.explain import explain as explain_compiled
from ..enc.explain_parameter import why_not
from ..enc.view import ClusterInput, EncError, Member, View
from ..hardware.choice import DisksInUse, disks_in_use, last_install, recall_disks
from ..hardware.disks import Refusal
from ..hardware.racking import rack
from ..model.errors import PermanentError
from ..model.explanation import ExplainedGates, Explanation
from ..model.hardware import Racked
from ..model.history import History
from ..model.kinds import HardwareProfileSpec
from ..model.machine import Allocation, MachineView, Seen
from ..model.tree import SpecTree
from ..planning.gates import explained_gates
from ..specs.puppet_module import known_signatures
from ..store import Store
from .site import Site


def document(site: Site, hostname: str) -> Document:
    """The node's document. Nothing is made or changed for it.

    Raises:
        PermanentError: There is no such node, or its document cannot be made; says why.
    """
    known = _known(site, hostname)
    try:
        compiled = compile_one(_given(known), hostname, known_signatures())
    except EncError as error:
        raise PermanentError(str(error)) from None
    owners = {ref.owner for ref in secrets_in(compiled)}
    return write_one(compiled, known.mine.address, known.store.secrets_of(owners))


def explain(site: Site, node: str, wanted: str | None = None, *, written: bool = False) -> Explanation:
    """Why the node gets what it gets, and its gates; with ``wanted``, only parameters or classes of that name.

    Args:
        site: Where the specs and the database are.
        node: Its hostname, or its machine's serial.
        wanted: A parameter, a class, or a pattern.
        written: Only what the specs say.

    Raises:
        PermanentError: There is no such node, or it gets nothing of that name; says why.
    """
    known = _known(site, node, or_serial=True)
    hostname, view = known.mine.hostname, _view(known)
    try:
        compiled = compile_node(view)
        explained = explain_compiled(compiled, wanted, view=view, written=written)
        is_whole = wanted is None and not written
        return replace(explained, gates=_gates(known)) if is_whole else explained
    except EncError as error:
        raise PermanentError(str(error)) from None
    except LookupError:
        if why := why_not(view, wanted or ""):
            raise PermanentError(f"{hostname} is not given {wanted}: {'; '.join(why)}") from None
        names = {name for rows in compiled.classes.values() for name in rows}
        raise PermanentError(f'{hostname} is not given "{wanted}"{_meant(wanted or "", names)}') from None


def _gates(known: "_Known") -> ExplainedGates:
    """The machine's gates, from what is known of its own cluster."""
    readings = known.store.readings_of(known.cluster)
    machines = {
        serial: MachineView(serial, allocation=one, history=known.history(serial), readings=readings.get(serial))
        for serial, one in known.cluster.items()
    }
    return explained_gates(known.tree, machines, known.serial)


def view_of(site: Site, hostname: str) -> View:
    """The node as the tables see it.

    Raises:
        PermanentError: There is no such node, or not in a cluster of the specs.
    """
    return _view(_known(site, hostname))


def _view(known: "_Known") -> View:
    try:
        return nodes_of(_given(known), known_signatures())[known.mine.hostname]
    except EncError as error:
        raise PermanentError(str(error)) from None


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a node and its cluster, read once."""

    store: Store
    tree: SpecTree
    serial: str
    cluster: Mapping[str, Allocation]  # all that hold a place in the node's cluster, itself among them, by serial
    histories: Mapping[str, History]

    @property
    def mine(self) -> Allocation:
        """The node's place."""
        return self.cluster[self.serial]

    def history(self, serial: str) -> History:
        """What was done to a machine of the cluster."""
        return self.histories.get(serial) or History()


def _known(site: Site, node: str, *, or_serial: bool = False) -> _Known:
    """What there is of a node, by its hostname, or its machine's serial.

    Raises:
        PermanentError: No enrolled machine has the hostname.
    """
    store = site.kept
    held = store.allocations() if store else {}
    by_hostname = {place.hostname: serial for serial, place in held.items()}
    serial = node if or_serial and node in held else by_hostname.get(node)
    if serial is None or store is None:
        meant = _meant(node, by_hostname)
        raise PermanentError(f'no enrolled machine has the hostname "{node}"{meant}')
    cluster = {other: one for other, one in sorted(held.items()) if one.cluster == held[serial].cluster}
    return _Known(store, site.specs.tree(), serial, cluster, store.histories_of(cluster.keys()))


def _given(known: _Known) -> ClusterInput:
    """What all documents of the node's cluster are made of."""
    store, seen = known.store, known.store.seen(known.cluster.keys())
    peers = [
        _member(
            EnrolledMachine(serial, one, seen.get(serial), known.history(serial)),
            known.tree,
            its_disks=serial == known.serial,
        )
        for serial, one in known.cluster.items()
    ]
    records = ClusterRecords(store.vips(), store.set_up(), store.fixed(), store.shown())
    (given,) = cluster_inputs(known.tree, {known.mine.cluster: peers}, records, known_signatures())
    return given


def _member(machine: EnrolledMachine, tree: SpecTree, *, its_disks: bool) -> Member:
    """An enrolled machine as Puppet documents need it. Only its own document names its disks, so others need none."""
    seen = machine.seen
    if seen is None:
        return member_of(machine)
    racked, profile = rack(seen.hardware, tree.rackings), tree.profiles.get(machine.allocation.profile)
    disks = _disks(seen, profile, machine.history) if its_disks and profile else None
    return member_of(machine, disks=disks, racked=racked if isinstance(racked, Racked) else None)


def _disks(seen: Seen, profile: HardwareProfileSpec, history: History) -> DisksInUse | Refusal:
    recalled = recall_disks(seen.hardware, profile, last_install(history))
    return disks_in_use(seen.hardware, profile, recalled)


def _meant(text: str, names: Iterable[str]) -> str:
    close = get_close_matches(text, sorted(names), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
