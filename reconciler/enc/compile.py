"""Tables and a node's view become its classes: values with their reasons, secrets still as names."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from types import NoneType
from typing import NamedTuple

from ..model.machine import SecretRef
from ..model.settings import for_puppet
from ..model.signature import Signatures
from .overlays import Origin, merged, overlaid
from .params import (
    ALWAYS,
    SHARED_FROM,
    Constant,
    Derived,
    PuppetClass,
    Secret,
    SecretText,
    SecretWords,
    Section,
    Setting,
    Source,
    Value,
)
from .roles import EVERY_NODE, OF_ROLES, ROLES
from .view import View

OVERLAY = "Written for the node's role or in overlays"
"""The section of parameters that no table gives."""


class EncConflictError(Exception):
    """Two sections of a table give one parameter."""


@dataclass(frozen=True, slots=True)
class Given:
    """One parameter, its value, and why this node got it."""

    value: Value
    section: str
    condition: str | None  # None: always
    origin: str
    masked: bool = False  # the value itself is a secret that the operator wrote
    below: "Given | None" = None  # what it would be without overlays
    written: bool = False  # whether operators wrote it; otherwise it is a default, a secret, or worked out
    base64: bool = False  # the value is a text in base64 that people want to read
    alike: bool = field(default=False, compare=False)  # this very object is given to other nodes of the cluster too


Classes = Mapping[str, Mapping[str, Given]]


@dataclass(frozen=True, slots=True)
class Compiled:
    """One node's classes, each parameter with its reason, and secrets as names."""

    hostname: str
    cluster: str
    role: str
    classes: Classes
    notes: tuple[str, ...] = field(default=())  # what the node does not get, and why

    @property
    def document(self) -> dict[str, Value]:
        """What is written as YAML."""
        return {"classes": {name: {key: g.value for key, g in rows.items()} for name, rows in self.classes.items()}}


def compile_node(view: View) -> Compiled:
    """Everything the node gets, within what the fleet's version of the Puppet module accepts.

    Raises:
        EncError: Something the document needs is not there yet, or not in the specs any more.
    """
    signatures = view.cluster.given.signatures
    role = view.node.role
    own = ROLES[role].table(view) if role in ROLES else None
    tables = [table for table in (*EVERY_NODE, own) if table is not None and table.when.holds(view)]
    given = {t.name: compile_class(t, view, signatures) for t in tables if not signatures.lacks(t.name)}
    lacking = [table.name for table in tables if signatures.lacks(table.name)]
    notes = [f"{name}: the Puppet module {signatures.version} has no such class" for name in lacking]
    classes, waiting = _with_overlays(given, view)
    return Compiled(view.node.hostname, view.cluster.name, role, classes, (*notes, *waiting))


def compile_class(puppet_class: PuppetClass, view: View, signatures: Signatures) -> dict[str, Given]:
    """Parameters of ``puppet_class`` for one node, in table order.

    A setting is left out only when nobody set it and the table has no default.
    """
    given: dict[str, Given] = {}
    for section in puppet_class.sections:
        if section.when is not ALWAYS and not section.when.holds(view):
            continue
        if not given.keys().isdisjoint(section.params):
            name = next(name for name in section.params if name in given)
            raise EncConflictError(
                f"{puppet_class.name}.{name} is given by both {given[name].section!r} and {section.title!r}. "
                "This is a bug in reconciler."
            )
        alike = view.cluster.cached(
            ("alike", puppet_class.name, id(section), id(view.node.settings)),
            partial(_alike, section, puppet_class.name, view, signatures),
        )
        given |= alike.rows
        for name, source in alike.own:
            if found := _resolve(source, view):
                given[name] = _given(section, found)
            else:
                del given[name]
    return given


@dataclass(frozen=True, slots=True)
class _Alike:
    """One section for all nodes of a cluster with the same settings, which are most nodes of a role."""

    section: Section  # kept, so that its id stays taken
    rows: Mapping[str, Given]  # in table order; for what a node has of its own, a place is kept
    own: tuple[tuple[str, Source], ...]


_PLACE = Given(None, "", None, "")


def _alike(section: Section, puppet_class: str, view: View, signatures: Signatures) -> _Alike:
    accepted = {name: one for name, one in section.params.items() if signatures.accepts(puppet_class, name)}
    rows: dict[str, Given] = {}
    for name, source in accepted.items():
        if _is_own(source):
            rows[name] = _PLACE
        elif found := _resolve(source, view):
            rows[name] = _given(section, found, alike=True)
    return _Alike(section, rows, tuple((name, source) for name, source in accepted.items() if _is_own(source)))


def _is_own(source: Source) -> bool:
    """Whether two nodes with the same settings may be given different values."""
    return isinstance(source, Derived) or (isinstance(source, Secret) and source.scope == "node")


def _given(section: Section, found: "_Found", *, alike: bool = False) -> Given:
    """A parameter's value with the reason to show: where it was found, else the condition of its section."""
    condition = None if section.when is ALWAYS else section.when.name
    because = f"because {condition}" if condition else "the same for every node of this class"
    origin = found.origin or because
    return Given(
        found.value,
        section.title,
        condition,
        origin,
        found.masked,
        written=found.written,
        base64=found.base64,
        alike=alike,
    )


class _Found(NamedTuple):
    """What a source gives a node."""

    value: Value
    origin: str  # empty: nobody has to know
    masked: bool = False
    written: bool = False
    base64: bool = False


def _resolve(source: Source, view: View) -> _Found | None:
    """The value of a source for the node, and where it comes from; None: the node is not given this parameter."""
    match source:
        case Setting():
            return _setting(source.name, view)
        case Derived(compute):
            value = compute(view)
            if value is None:
                return None
            line = _line(source, view)
            return _Found(value, _because(source) + line.text, written=line.written, base64=source.base64)
        case Secret(part=part, base64=base64):
            text = SecretText(source.ref(view), part, base64)
            return _Found(text, f"secret {text.ref}{f', its {part}' if part else ''}")
        case Constant(value):
            return _Found(value, "")


def _setting(name: str, view: View) -> _Found | None:
    row, said = view.tree.settings_table[name], view.sourced(name)
    if said.value is None:
        return None
    return _Found(for_puppet(row, said.value), f"{name}, {said.origin}", row.secret, said.written)


@cache
def _because(source: Derived) -> str:
    """What the function says it does, or else where it is defined."""
    if source.why:
        return source.why.splitlines()[0]
    code = source.compute.__code__
    return f"{code.co_filename.rpartition('reconciler/')[2]}:{code.co_firstlineno}"


class _Line(NamedTuple):
    """Where an operator wrote a value, or that nobody did."""

    text: str  # goes on after the reason
    written: bool = False


_NOWHERE = _Line("")


def _line(source: Derived, view: View) -> _Line:
    written = source.written(view) if callable(source.written) else source.written
    if written[:1] == ("Setting",):
        said = view.sourced(written[1])
        return _Line(f", {said.origin}", said.written)
    return view.cluster.cached(("line", written), lambda: _find_line(written, view)) if written else _NOWHERE


def _find_line(written: tuple[str, ...], view: View) -> _Line:
    kind, *path = written
    tree = view.tree
    name = view.cluster.name if kind == "Cluster" else next((n for k, n in tree.places if k == kind), "")
    places = tree.places.get((kind, name))
    if places is None:
        return _NOWHERE
    at = places.get(tuple(path))
    return _Line(f", {at.file}:{at.line}", written=True) if at else _Line(", default")


def _with_overlays(given: Mapping[str, Mapping[str, Given]], view: View) -> tuple[Classes, list[str]]:
    """Classes of the users' own role, and what overlays say, on top of what the tables give; and what waits.

    An overlay says how a role's class is to be, not who has it: where OSDs come first, what it says of
    oci::compute waits until the node is a compute.
    """
    classes = {name: dict(rows) for name, rows in given.items()}
    own = view.tree.roles.get(view.node.role)
    of_others = OF_ROLES - given.keys() - (own.classes.keys() if own else set())
    waiting = []
    for name, parameters in overlaid(view).items():
        if name in of_others:
            origins = "; ".join(dict.fromkeys(origin for _, origin in parameters.values()))
            waiting.append(f"{name}: no class of this node now, so it does not get what is given by {origins}")
            continue
        rows = classes.setdefault(name, {})
        for key, (value, origin) in parameters.items():
            rows[key] = _overlay_given(rows.get(key), value, origin)
    return classes, waiting


def _overlay_given(below: Given | None, value: Value, origin: Origin) -> Given:
    if below is None:
        return Given(value, OVERLAY, None, origin, written=True)
    merge = merged(below.value, value)
    return Given(merge, below.section, below.condition, origin, below=below, written=True, base64=below.base64)


def secrets_in(compiled: Compiled) -> tuple[SecretRef, ...]:
    """Every secret that the document names, each once, in order."""
    found = (ref for rows in compiled.classes.values() for given in rows.values() for ref in _refs(given.value))
    return tuple(dict.fromkeys(found))


def missing_secrets(compiled: Compiled, known: Container[SecretRef]) -> tuple[SecretRef, ...]:
    """Secrets that the document names and nobody made yet."""
    return tuple(ref for ref in secrets_in(compiled) if ref not in known)


@dataclass(frozen=True, slots=True)
class Named:
    """The secrets that one document names."""

    own: tuple[SecretRef, ...]  # the node's: they have its hostname for an owner
    groups: tuple[tuple[SecretRef, ...], ...]  # all others; the same objects for nodes that name the same


class Naming:
    """Finds the secrets that the documents of one cluster name. What many nodes share is looked through once."""

    def __init__(self) -> None:
        self._shared: dict[
            int, tuple[Value, tuple[SecretRef, ...]]
        ] = {}  # the value is kept so that its id stays taken
        self._same: dict[tuple[SecretRef, ...], tuple[SecretRef, ...]] = {}

    def named(self, compiled: Compiled) -> Named:
        """Every secret that a node's document names: its own, and the groups that it shares with other nodes."""
        found: dict[SecretRef, None] = {}
        groups: list[tuple[SecretRef, ...]] = []
        for rows in compiled.classes.values():
            for given in rows.values():
                value = given.value
                if isinstance(value, _PLAIN):
                    continue
                if isinstance(value, (tuple, Mapping)) and len(value) >= SHARED_FROM:
                    groups.append(self._in_shared(value))
                else:
                    found |= dict.fromkeys(_refs(value))
        own = tuple(ref for ref in found if ref.owner == compiled.hostname)
        others = tuple(ref for ref in found if ref.owner != compiled.hostname)
        return Named(own, tuple(filter(None, (self._same.setdefault(others, others), *groups))))

    def _in_shared(self, value: Value) -> tuple[SecretRef, ...]:
        if id(value) not in self._shared:
            self._shared[id(value)] = value, tuple(dict.fromkeys(_refs(value)))
        return self._shared[id(value)][1]


_PLAIN = (str, bool, int, float, NoneType)


def _refs(value: Value) -> Iterator[SecretRef]:
    if isinstance(value, SecretText):
        yield value.ref
    elif isinstance(value, SecretWords):
        yield from (word.ref for word in value.words)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _refs(item)
    elif isinstance(value, tuple):
        for item in value:
            if type(item) is not str:  # lists of a thousand peers are in every document of a large cluster
                yield from _refs(item)
