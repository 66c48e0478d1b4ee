"""Files of YAML to a spec tree, and every problem found on the way: never just the first.

Nothing is read from disk here; ``files.read_directory`` and the git source bring
the bytes. ``load_tree`` looks at each document by itself; whether documents fit
together is asked by ``checks``, through ``validate.validate``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any, cast

from pydantic import ValidationError

from ..model.diagnostics import Diagnostic, Location, Severity
from ..model.kinds import KINDS, FleetSpec, Provisioning, Strict
from ..model.kinds.base import PATTERNS, Label, Name, Serial, pattern_of
from ..model.settings import SettingsTable
from ..model.tree import Path, SpecTree
from .schema_errors import did_you_mean, errors_in, listed, suggestion
from .yaml_reader import Places, YamlDocument, YamlFile, read_yaml

API_VERSION = "reconciler/v1"

_ENVELOPE = ("apiVersion", "kind", "metadata", "spec")
_NAME_TYPES = {"Machine": Serial, "Cluster": Name, "Role": Name}
_NAMES = {kind: re.compile(pattern_of(_NAME_TYPES.get(kind, Label))) for kind in KINDS}
_FIELDS = {
    "Location": "locations", "Racking": "rackings", "Repository": "repositories", "HardwareProfile": "profiles",
    "Cluster": "clusters", "Machine": "machines", "Role": "roles", "EncOverlay": "overlays",
}  # fmt: skip
_NO_FLEET = FleetSpec(provisioning=Provisioning(address=IPv4Address(0), trusted_networks=()))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of a spec tree. There is a tree exactly when no problem is an error."""

    tree: SpecTree | None
    problems: tuple[Diagnostic, ...]
    sources: Mapping[str, str] = field(repr=False)  # file -> its text, to show the lines of problems
    held_up: tuple[str, ...] = ()  # rules of its policy that the daemon's floor makes stricter than the specs say


@dataclass(frozen=True, slots=True)
class ParsedTree:
    """Every document that could be read, whether or not they fit together."""

    tree: SpecTree  # without the documents that have problems of their own
    declared: Mapping[str, frozenset[str]]  # kind -> names, those of documents with problems too
    documents: Mapping[tuple[str, str], Places]  # (kind, name) -> places, from the document's root
    fleet_name: str | None  # None: there is no Fleet, or it has problems, and the tree's is a stand-in
    unread: bool  # some document could not be read at all, so ``declared`` may lack its name
    unreadable: frozenset[Location]  # values that could not be read; what else is said of them is noise
    problems: tuple[Diagnostic, ...]
    sources: Mapping[str, str]

    @property
    def complete(self) -> bool:
        """Whether the tree holds everything that was written."""
        return not any(problem.severity is Severity.ERROR for problem in self.problems)

    def at(self, kind: str, name: str, *path: str | int) -> Location:
        """Where the value at ``path`` below a document's spec is written, or what holds it."""
        return self.documents[kind, name].nearest(("spec", *path))

    def at_key(self, kind: str, name: str, *path: str | int) -> Location:
        """Where the key of the value at ``path`` below a document's spec is written."""
        return self.documents[kind, name].key(("spec", *path))

    def at_name(self, kind: str, name: str) -> Location:
        """Where a document says its name."""
        return self.documents[kind, name].nearest(("metadata", "name"))


def load_tree(files: Mapping[str, bytes], settings_table: SettingsTable) -> Loaded:
    """The tree of these files (path -> content), each document checked by itself, in no particular order."""
    return finished(parse_tree(files, settings_table), ())


def finished(parsed: ParsedTree, more: Iterable[Diagnostic]) -> Loaded:
    """The tree, if neither it nor what was found since holds an error."""
    news = {problem for problem in more if problem.at not in parsed.unreadable}
    problems = tuple(sorted(news.union(parsed.problems), key=_order))
    valid = not any(problem.severity is Severity.ERROR for problem in problems)
    return Loaded(parsed.tree if valid else None, problems, parsed.sources)


def with_problems(loaded: Loaded, more: Iterable[Diagnostic]) -> Loaded:
    """A loaded tree with the problems that other checks found in it; no tree where one is an error."""
    problems = tuple(sorted({*loaded.problems, *more}, key=_order))
    valid = not any(problem.severity is Severity.ERROR for problem in problems)
    return Loaded(loaded.tree if valid else None, problems, loaded.sources)


def parse_tree(files: Mapping[str, bytes], settings_table: SettingsTable) -> ParsedTree:
    """Every document of these files (path -> content) that can be read, and all problems of single documents."""
    reading = _TreeReading()
    for file in sorted(files):
        found = read_yaml(files[file], file)
        reading.sources[file] = found.text
        reading.add_syntax_errors(found)
        for document in found.documents:
            reading.add(document)
    return reading.parsed(settings_table)


def _order(problem: Diagnostic) -> tuple[Any, ...]:
    at = problem.at or Location("", 0, 0)
    return (at.file, at.line, at.column, problem.severity, problem.summary, problem.detail)


class _TreeReading:
    """What was read so far."""

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        self.problems: list[Diagnostic] = []
        self._specs: dict[str, dict[str, Strict]] = {kind: {} for kind in KINDS}
        self._documents: dict[tuple[str, str], Places] = {}
        self._unreadable: set[Location] = set()
        self._unread = False

    def add_syntax_errors(self, file: YamlFile) -> None:
        """Take in what is wrong with a file's YAML."""
        self.problems.extend(file.problems)
        self._unreadable.update(problem.at for problem in file.problems if problem.at is not None)
        self._unread |= not file.whole

    def add(self, document: YamlDocument) -> None:
        """Take one document in, with its problems."""
        envelope = _Envelope(document)
        self.problems.extend(envelope.problems)
        kind, name = envelope.kind, envelope.name
        self._unread |= kind is None or name is None
        if kind is None or name is None or self._is_taken(kind, name, document.places):
            return
        self._documents[kind, name] = document.places
        model = KINDS[kind]
        try:
            self._specs[kind][name] = model.model_validate(envelope.spec, by_alias=True, by_name=False)
        except ValidationError as error:
            title = f'{kind} "{name}"'
            found = errors_in(error, model, title, document.places.below("spec"))
            self.problems.extend(problem for problem in found if problem.at not in self._unreadable)

    def _is_taken(self, kind: str, name: str, places: Places) -> bool:
        """Whether a document of this kind and name, or another Fleet, was read before. That is noted as a problem."""
        first = self._documents.get((kind, name))
        if kind == "Fleet":
            first = next((where for (other, _), where in self._documents.items() if other == "Fleet"), None)
        if first is None:
            return False
        before = first.nearest(("metadata", "name"))
        if kind == "Fleet":
            detail = f'A tree has one Fleet. The other is at {before.file}:{before.line}. Merge "{name}" into it.'
            self.problems.append(_error("More than one fleet", detail, places.nearest(("kind",))))
        else:
            detail = f'There is a {kind} "{name}" at {before.file}:{before.line} already. Rename or remove one of them.'
            self.problems.append(_error("Duplicate name", detail, places.nearest(("metadata", "name"))))
        return True

    def parsed(self, settings_table: SettingsTable) -> ParsedTree:
        """All of it together."""
        declared: dict[str, set[str]] = {kind: set() for kind in KINDS}
        for kind, name in self._documents:
            declared[kind].add(name)
        problems = list(self.problems)
        if not self._documents and not problems:
            detail = (
                "There is no document in the spec tree. Write a Fleet, a Location, a HardwareProfile and a Cluster."
            )
            problems.append(Diagnostic(Severity.ERROR, "No specs", detail, None))
        elif not declared["Fleet"] and not self._unread:
            detail = "A tree needs one document of kind Fleet: releases, mirrors, provisioning, policy."
            problems.append(Diagnostic(Severity.ERROR, "No fleet", detail, None))
        by_name = {kind: dict(sorted(specs.items())) for kind, specs in self._specs.items()}
        places: dict[tuple[str, str], Mapping[Path, Location]] = {
            key: document.below("spec") for key, document in sorted(self._documents.items())
        }
        fleet_name, fleet = next(iter(by_name["Fleet"].items()), (None, _NO_FLEET))
        parts: dict[str, Any] = {attribute: by_name[kind] for kind, attribute in _FIELDS.items()}
        tree = SpecTree(fleet=cast(FleetSpec, fleet), places=places, settings_table=settings_table, **parts)
        names = {kind: frozenset(found) for kind, found in declared.items()}
        unreadable = frozenset(self._unreadable)
        return ParsedTree(
            tree, names, self._documents, fleet_name, self._unread, unreadable, tuple(problems), self.sources
        )


class _Envelope:
    """``apiVersion``, ``kind``, ``metadata.name`` and ``spec`` of a document, with what is wrong about them."""

    def __init__(self, document: YamlDocument) -> None:
        self.kind: str | None = None
        self.name: str | None = None
        self.spec: object = {}
        self._places = document.places
        written = document.value
        if not isinstance(written, dict):
            detail = "A document is a mapping with the keys apiVersion, kind, metadata and spec."
            self.problems = [_error("Not a spec document", detail, document.places.nearest(()))]
            return
        self.problems = list(self._look(written))

    def _look(self, written: dict[str, object]) -> Iterator[Diagnostic]:
        """Problems of the envelope's keys, version, kind and name.

        ``kind`` and ``name`` are set where they are right, ``spec`` whatever it is.
        """
        for key in written.keys() - set(_ENVELOPE):
            detail = f'"{key}" is not a key of a document.{suggestion(key, _ENVELOPE)}'
            yield _error("Unknown key", detail, self._places.key((key,)))
        version, kind = written.get("apiVersion"), written.get("kind")
        if version != API_VERSION:
            said = f'is "{version}"' if version is not None else "is missing"
            at = self._places.nearest(("apiVersion",))
            yield _error("Unknown API version", f'apiVersion {said}; write "apiVersion: {API_VERSION}".', at)
        if isinstance(kind, str) and kind in KINDS:
            self.kind = kind
        else:
            said = f'"{kind}" is not a kind of document.' if kind is not None else "A document needs a kind."
            hint = did_you_mean(str(kind), KINDS) or f" The kinds are {listed(KINDS, 'and')}."
            yield _error("Unknown kind", said + hint, self._places.nearest(("kind",)))
        yield from self._look_at_name(written.get("metadata"))
        self.spec = {} if written.get("spec") is None else written["spec"]

    def _look_at_name(self, metadata: object) -> Iterator[Diagnostic]:
        """Problems of ``metadata``; sets ``name`` where there is none. ``kind``, set before, says which names fit."""
        at = self._places.nearest(("metadata", "name"))
        if not isinstance(metadata, dict) or metadata.get("name") is None:
            yield _error("Missing name", 'A document needs a name: write "metadata: {name: ...}".', at)
            return
        for key in metadata.keys() - {"name"}:
            detail = f'"{key}" is not a key of metadata; it has "name" only.'
            yield _error("Unknown key", detail, self._places.key(("metadata", key)))
        name = metadata["name"]
        if not isinstance(name, str):
            yield _error("Wrong type", "metadata.name must be text. Put it in quotes.", at)
        elif self.kind is not None and not _NAMES[self.kind].fullmatch(name):
            meaning = PATTERNS[_NAMES[self.kind].pattern]
            yield _error("Invalid name", f'"{name}" cannot name a {self.kind}: it is not {meaning}.', at)
        else:
            self.name = name


def _error(summary: str, detail: str, at: Location) -> Diagnostic:
    return Diagnostic(Severity.ERROR, summary, detail, at)
