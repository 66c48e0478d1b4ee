"""One node's Puppet document, made from the least that it takes.

With ``node_terminus = exec`` the Puppet server starts a process for each question, so what costs time here costs it
thousands of times an hour. The daemon keeps all documents rendered (``Documents``); both give the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches

from ..enc.compile import Compiled, compile_node, secrets_in
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
from .site import Site


def document(site: Site, hostname: str) -> Document:
    """The node's document. Nothing is made or changed for it.

    Raises:
        PermanentError: There is no such node, or its document cannot be made; says why.
    """
    compiled, address = _compiled(site, hostname)
    assert site.kept is not None
    return write_one(compiled, address, site.kept.secrets_of({ref.owner for ref in secrets_in(compiled)}))


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
    held = site.kept.allocations() if site.kept else {}
    hostname = held[node].hostname if node in held else node
    view = view_of(site, hostname)
    try:
        compiled = compile_node(view)
        explained = explain_compiled(compiled, wanted, view=view, written=written)
        is_whole = wanted is None and not written
        return replace(explained, gates=_gates(site, held, view.node.serial)) if is_whole else explained
    except EncError as error:
        raise PermanentError(str(error)) from None
    except LookupError:
        if why := why_not(view, wanted or ""):
            raise PermanentError(f"{hostname} is not given {wanted}: {'; '.join(why)}") from None
        names = {name for rows in compiled.classes.values() for name in rows}
        raise PermanentError(f'{hostname} is not given "{wanted}"{_meant(wanted or "", names)}') from None


def _gates(site: Site, held: Mapping[str, Allocation], serial: str) -> ExplainedGates:
    """The machine's gates, from what is known of its own cluster."""
    store = site.kept
    assert store is not None
    cluster = {other: one for other, one in held.items() if one.cluster == held[serial].cluster}
    histories, readings = store.histories_of(cluster), store.readings_of(cluster)
    machines = {
        other: MachineView(
            other, allocation=one, history=histories.get(other) or History(), readings=readings.get(other)
        )
        for other, one in sorted(cluster.items())
    }
    return explained_gates(site.specs.tree(), machines, serial)


def view_of(site: Site, hostname: str) -> View:
    """The node as the tables see it.

    Raises:
        PermanentError: There is no such node, or not in a cluster of the specs.
    """
    given, _ = _given(site, hostname)
    try:
        return nodes_of(given, known_signatures())[hostname]
    except EncError as error:
        raise PermanentError(str(error)) from None


def _compiled(site: Site, hostname: str) -> tuple[Compiled, str | None]:
    given, address = _given(site, hostname)
    try:
        return compile_one(given, hostname, known_signatures()), address
    except EncError as error:
        raise PermanentError(str(error)) from None


def _given(site: Site, hostname: str) -> tuple[ClusterInput, str | None]:
    """What all documents of the node's cluster are made of, and the node's own address; None: it has no address yet.

    Raises:
        PermanentError: No enrolled machine has the hostname.
    """
    store = site.kept
    held = store.allocations() if store else {}
    mine = next((one for one in held.values() if one.hostname == hostname), None)
    if mine is None or store is None:
        meant = _meant(hostname, {one.hostname for one in held.values()})
        raise PermanentError(f'no enrolled machine has the hostname "{hostname}"{meant}')
    cluster = {serial: one for serial, one in sorted(held.items()) if one.cluster == mine.cluster}
    tree, known, seen = site.specs.tree(), known_signatures(), store.seen(cluster.keys())
    done = store.histories_of(cluster.keys())
    peers = [
        _member(
            EnrolledMachine(serial, one, seen.get(serial), done.get(serial) or History()), tree, its_disks=one is mine
        )
        for serial, one in cluster.items()
    ]
    records = ClusterRecords(store.vips(), store.set_up(), store.fixed())
    (given,) = cluster_inputs(tree, {mine.cluster: peers}, records, known)
    return given, mine.address


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
