"""Our Puppet documents beside those that OCI gave for the same nodes.

Equal are: a number and its decimal text; null, an empty text or list, and absence; lists, and names joined by commas,
in any order; a key or certificate and the placeholder for one; base64 texts by what they say.
"""

import base64
import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from reconciler.model.signature import Signatures

from .documents import Classes, Documents, digest

TEXTS = {"etc_hosts", "oci_facts", "designate_pools_yaml", "tokens_base64"}
"""Parameters whose base64 says something that may be said otherwise: lines of a hosts file, YAML, JSON."""

PLACEHOLDERS = ("<pem>", "<key>")
SHORTEST_KEY = 20

_ABSENT = object()


class Correction(NamedTuple):
    """A parameter for which we do not give what OCI gives."""

    cluster: str
    puppet_class: str
    parameter: str
    because: str


def corrections(cluster: str) -> list[Correction]:
    """Those of ``corrections.tsv`` for a recorded cluster."""
    lines = (Path(__file__).parent / "corrections.tsv").read_text().splitlines()[1:]
    listed = [Correction(*line.split("\t")) for line in lines]
    return [one for one in listed if one.cluster == cluster]


@dataclass(frozen=True)
class Compared:
    """How many parameters OCI gave, how many of them are equal and corrected, and a line for each other one."""

    total: int
    equal: int
    corrected: int
    differences: tuple[str, ...]


class Pair(NamedTuple):
    """What OCI and we say of a parameter of a node; ``_ABSENT`` where one says nothing."""

    hostname: str
    puppet_class: str
    parameter: str
    theirs: Any
    ours: Any


def compare(
    theirs: Documents,
    ours: Documents,
    corrected: Collection[Correction] = (),
    signatures: Signatures | None = None,
) -> Compared:
    """All parameters of all nodes. With ``signatures`` an own parameter that has Puppet's default counts as none."""
    known = {(one.puppet_class, one.parameter) for one in corrected}
    given, own = [], []
    for pair in _pairs(theirs, ours):
        (own if pair.theirs is _ABSENT else given).append(pair)
    unequal = [pair for pair in given if not same(pair.parameter, pair.ours, pair.theirs)]
    unlisted = [pair for pair in unequal if pair[1:3] not in known]
    extra = [p for p in own if p[1:3] not in known and not (signatures and _is_default(signatures, p))]
    return Compared(
        total=len(given),
        equal=len(given) - len(unequal),
        corrected=len(unequal) - len(unlisted),
        differences=(*_strangers(theirs, ours), *(_line(pair) for pair in [*unlisted, *extra])),
    )


def _pairs(theirs: Documents, ours: Documents) -> Iterator[Pair]:
    """Every parameter that either gives, without those that say nothing."""
    for hostname, classes in theirs.items():
        for name, parameters in classes.items():
            mine = (ours.get(hostname) or {}).get(name) or {}
            for key in sorted(parameters.keys() | mine.keys()):
                said = parameters.get(key, _ABSENT), mine.get(key, _ABSENT)
                if any(_says_something(key, one) for one in said):
                    yield Pair(hostname, name, key, *said)


def _says_something(name: str, value: Any) -> bool:
    return value is not _ABSENT and _normal(name, value) is not None


def _strangers(theirs: Documents, ours: Documents) -> Iterator[str]:
    """Nodes without a document, and the module's classes that OCI does not give."""
    for hostname, classes in theirs.items():
        mine: Classes = ours.get(hostname) or {}
        if not mine:
            yield f"{hostname}: no document"
        for name in mine:
            if name not in classes and name.startswith("oci::"):
                yield f"{hostname} {name}: a class that OCI does not give"


def _line(pair: Pair) -> str:
    said = ("nothing" if one is _ABSENT else repr(one)[:100] for one in (pair.theirs, pair.ours))
    return f"{pair.hostname} {pair.puppet_class} {pair.parameter}: OCI gave {', we '.join(said)}"


def _is_default(signatures: Signatures, pair: Pair) -> bool:
    parameter = signatures.classes.get(pair.puppet_class, {}).get(pair.parameter)
    if parameter is None or parameter.default is None:
        return False
    default = parameter.default.strip("'\"")
    return (
        _normal(pair.parameter, default) == _normal(pair.parameter, pair.ours)
        or str(pair.ours).lower() == default.lower()
    )


def same(name: str, ours: Any, theirs: Any) -> bool:
    """Whether two values of a parameter mean the same."""
    match theirs:
        case str() if theirs in PLACEHOLDERS:
            return isinstance(ours, str) and len(ours) > SHORTEST_KEY
        case str() if theirs.startswith("<sha256 "):
            return isinstance(ours, str) and digest(ours) == theirs
        case dict() if isinstance(ours, dict):
            return all(same(key, ours.get(key), theirs.get(key)) for key in ours.keys() | theirs.keys())
        case list() if isinstance(ours, list) and any(isinstance(item, dict) for item in theirs):
            return _same_items(name, ours, theirs)
    return _normal(name, ours) == _normal(name, theirs)


def _same_items(name: str, ours: list[Any], theirs: list[Any]) -> bool:
    rest = list(ours)
    for item in theirs:
        found = next((one for one in rest if same(name, one, item)), _ABSENT)
        if found is _ABSENT:
            return False
        rest.remove(found)
    return not rest


def _normal(name: str, value: Any) -> Any:
    """A form in which equal meanings are equal; None for what says nothing."""
    if value is None or value in ("", [], {}):
        return None
    match value:
        case bool():
            return value
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else str(value)
        case str():
            return _normal_text(name, value)
        case list():
            return sorted((_normal(name, item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        case Mapping():
            found = {key: _normal(key, item) for key, item in value.items()}
            return {key: item for key, item in found.items() if item is not None}
        case _:
            return value


def _normal_text(name: str, text: str) -> Any:
    if name in TEXTS:
        with suppress(ValueError, yaml.YAMLError):  # what cannot be read is compared as it is
            return _normal("", _meaning(name, base64.b64decode(text).decode()))
    if re.fullmatch(r"-?\d+\.\d+", text):
        return f"{float(text):g}"
    if "," in text and not text.startswith("-----"):
        return ",".join(sorted(part.strip() for part in text.split(",")))
    return text.strip()


def _meaning(name: str, text: str) -> Any:
    if name == "etc_hosts":
        return _hosts(text)
    loaded = yaml.load(text, yaml.CSafeLoader)
    if name == "oci_facts" and isinstance(loaded, dict):
        loaded.pop("nic_drivers", None)  # of which OCI tells every node those of the first machine
    return loaded


def _hosts(text: str) -> list[str]:
    """Who has which address, without what stands in every hosts file."""
    lines = {" ".join(sorted(line.partition("#")[0].split())) for line in text.splitlines()}
    return sorted(line for line in lines if line and not re.search(r"\b(ip6-|localhost)|puppet", line))
