"""Puppet documents as OCI answered them, in a form without repetitions: ``clusters/*/documents.tsv``.

A line per class with the nodes that have it, then one per parameter and value with the nodes that are given it; ``*``
is every node of the class. Values are JSON. What OCI sends as base64 stands there as ``{"base64": text}``, hosts files
without comments, and of a long list of words there is the digest.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

Classes = Mapping[str, Mapping[str, Any]]
Documents = Mapping[str, Classes]
"""Parameters by hostname and class."""

LONGEST = 5000
"""Characters of a base64 text that is kept; of longer ones the digest says as much, for they are equal or not."""

SHORTEST = 64
"""Characters above which one line of readable text can be no password that happens to be base64."""

_EVERY = "*"
_HEADING = "class\tparameter\tnodes\tvalue\n"


def read_documents(text: str) -> dict[str, dict[str, dict[str, Any]]]:
    """The documents of ``documents.tsv``."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    having: list[str] = []
    for line in text.removeprefix(_HEADING).splitlines():
        name, parameter, nodes, value = line.split("\t")
        given = having if nodes == _EVERY else nodes.split(" ")
        if not parameter:
            having = given
        for node in given:
            parameters = found.setdefault(node, {}).setdefault(name, {})
            if parameter:
                parameters[parameter] = _encoded(json.loads(value))
    return found


def write_documents(documents: Documents) -> str:
    """The text of ``documents.tsv``."""
    return _HEADING + "".join(f"{line}\n" for line in _lines(documents))


def _lines(documents: Documents) -> Iterator[str]:
    for name in sorted({name for classes in documents.values() for name in classes}):
        having = sorted(node for node, classes in documents.items() if name in classes)
        yield f"{name}\t\t{' '.join(having)}\t"
        for parameter in sorted({key for node in having for key in documents[node][name] or ()}):
            by_value: dict[str, list[str]] = {}
            for node in having:
                if parameter in (documents[node][name] or {}):
                    value = _decoded(parameter, documents[node][name][parameter])
                    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
                    by_value.setdefault(text, []).append(node)
            for text, nodes in sorted(by_value.items()):
                yield f"{name}\t{parameter}\t{_EVERY if nodes == having else ' '.join(nodes)}\t{text}"


def _encoded(value: Any) -> Any:
    """What OCI gave, of what stands in the file."""
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"base64"}:
        return base64.b64encode(value["base64"].encode()).decode()
    return {key: _encoded(item) for key, item in value.items()}


def _decoded(name: str, value: Any) -> Any:
    """What stands in the file, of what OCI gave."""
    if isinstance(value, list):
        return [_decoded(name, item) for item in value]
    if isinstance(value, dict):
        return {key: _decoded(key, item) for key, item in value.items()}
    text = _text(value) if isinstance(value, str) else None
    if text is None:
        return value
    if len(value) > LONGEST:
        return digest(value)
    return {"base64": without_comments(text) if name == "etc_hosts" else text}


def _text(value: str) -> str | None:
    """The text that a base64 text of some length says, if it is one."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return None
    return text if "\n" in text or (len(value) > SHORTEST and text.isprintable()) else None


def without_comments(hosts: str) -> str:
    """The lines of a hosts file that name somebody."""
    lines = (" ".join(line.partition("#")[0].split()) for line in hosts.splitlines())
    return "".join(f"{line}\n" for line in lines if line)


def digest(value: str) -> str:
    """What stands for a text that is too long to keep."""
    return f"<sha256 {hashlib.sha256(value.encode()).hexdigest()}>"
