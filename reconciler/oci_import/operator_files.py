"""Operators' own additions to OCI's folder: files for nodes, and Puppet classes of their own (``hiera/``)."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

import yaml

from ..model.kinds.fleet import pollster_name
from .yaml_documents import SpecDocument


@dataclass(frozen=True, slots=True)
class Extras:
    """Texts of files, as far as they are there."""

    pollsters: Mapping[str, str] = field(default_factory=dict)  # pollsters.d/, by name
    gnocchi_resources: str | None = None
    cloudkitty_metrics: str | None = None
    hosts: str | None = None  # hosts_append
    hiera: Mapping[str, str] = field(default_factory=dict)  # by path below hiera/


def telemetry(extras: Extras) -> tuple[dict[str, Any], list[str]]:
    """``telemetry`` of the Fleet, and what OCI leaves out as well, as sentences."""
    good = {name: text for name, text in sorted(extras.pollsters.items()) if pollster_name(text)}
    left = [f"pollsters.d/{name} names no pollster in its first entry" for name in extras.pollsters if name not in good]
    spec = {
        "pollsters": good,
        "gnocchi_resources": extras.gnocchi_resources,
        "cloudkitty_metrics": extras.cloudkitty_metrics,
    }
    return {name: value for name, value in spec.items() if value}, left


def overlays(extras: Extras, own: frozenset[str], clusters: Collection[str]) -> tuple[list[SpecDocument], list[str]]:
    """An EncOverlay for each file of ``hiera/``, and what of it does nothing in OCI either, as sentences.

    Args:
        extras: The files.
        own: Classes that OCI gives itself: they come after these files in what Puppet reads, and so win.
        clusters: Names of those that there are.

    Raises:
        ValueError: A file is no YAML that can be written below ``classes:``.
    """
    found: list[SpecDocument] = []
    leftover: list[str] = []
    places: dict[str, list[str]] = {}
    for path, text in sorted(extras.hiera.items()):
        selector = _selector(path)
        if selector is None:
            leftover.append(f"hiera/{path}: OCI reads no file there")
            continue
        if unknown := set(selector.get("clusters", ())) - set(clusters):
            leftover.append(f"hiera/{path}: there is no cluster {', '.join(unknown)}")
            continue
        classes = _classes(path, text)
        lost = sorted(own & classes.keys())
        if lost:
            leftover.append(f"hiera/{path}: {', '.join(lost)} is without effect in OCI, whose own comes after it")
        kept = {name: values or {} for name, values in classes.items() if name not in own}
        for name in kept:
            places.setdefault(name, []).append(path)
        if kept:
            spec: dict[str, Any] = {"for": selector, "classes": kept} if selector else {"classes": kept}
            found.append(
                SpecDocument("EncOverlay", _name(path, {one.name for one in found}), spec, f"OCI's hiera/{path}.")
            )
    return found, [*leftover, *_twice(places)]


def _selector(path: str) -> dict[str, list[str]] | None:
    match path.removesuffix(".yaml").split("/"):
        case ["all"]:
            return {}
        case ["roles" | "nodes" as kind, name]:
            return {kind: [name]}
        case ["clusters", cluster, "all"]:
            return {"clusters": [cluster]}
        case ["clusters", cluster, "roles" | "nodes" as kind, name]:
            return {"clusters": [cluster], kind: [name]}
    return None


def _name(path: str, taken: set[str]) -> str:
    """Of the overlay; hostnames without their domain, as names are not that long."""
    words = [word.partition(".")[0] for word in path.split("/") if word not in ("clusters", "roles", "nodes")]
    base = "-".join(["hiera", *words])
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 3))
    return next(name for name in names if name not in taken)


def _classes(path: str, text: str) -> dict[str, Any]:
    try:
        found = (yaml.safe_load(f"classes:\n{text}") or {}).get("classes") or {}
    except (yaml.YAMLError, AttributeError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(values, dict | NoneType) for values in found.values()):
        raise ValueError(f"hiera/{path}: these are no Puppet classes with their parameters")
    return {str(name): values for name, values in found.items()}


def _twice(places: Mapping[str, list[str]]) -> Iterator[str]:
    for name, paths in places.items():
        if len(paths) > 1:
            yield (
                f"{name} is in hiera/{', hiera/'.join(paths)}: of those that a node gets, OCI takes the last that it "
                "reads; here they are merged, and the narrower wins"
            )
