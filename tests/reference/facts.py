"""What versions of OCI and of its Puppet module know, and how OCI matches machines that were drawn at random."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.model.signature import Parameter, Signatures

from .clusters import Place
from .reports import Report, read_report

FOLDER = Path(__file__).parent
VERSIONS = ("42.2.5", "43.0.10", "43.0.45")


class Variable(NamedTuple):
    """One of OCI's settings: of which type, with which default, and for which roles; none is all."""

    type: str
    default: str
    roles: tuple[str, ...]


def settings(version: str) -> dict[str, dict[str, Variable]]:
    """Variables by table, ``clusters`` or ``machines``, and name."""
    found: dict[str, dict[str, Variable]] = {}
    for table, name, kind, default, roles in _of("settings.tsv", version):
        found.setdefault(table, {})[name] = Variable(kind, default, tuple(roles.split()))
    return found


def signatures(version: str) -> Signatures:
    """What the classes of ``puppet-module-oci`` accept, as Puppet's own parser reads them."""
    found: dict[str, dict[str, Parameter]] = {}
    for puppet_class, parameter, default in _of("signatures.tsv", version):
        parameters = found.setdefault(puppet_class, {})
        if parameter:
            parameters[parameter] = Parameter(default or None)
    return Signatures(version, found)


class Drawn(NamedTuple):
    """A machine drawn at random, where OCI says that it is or why it cannot say, and the profiles that match."""

    report: Report
    place: Place | str
    profiles: list[str]


@cache
def drawn_machines() -> tuple[Drawn, ...]:
    """400 of them."""
    found = map(json.loads, (FOLDER / "matching.jsonl").read_text().splitlines())
    return tuple(
        Drawn(
            read_report(one["report"]),
            place if isinstance(place := one["place"], str) else Place(*place),
            one["profiles"],
        )
        for one in found
    )


def drawn_profiles() -> Mapping[str, Any]:
    """The 30 hardware profiles, in OCI's form, that the drawn machines were matched with."""
    found: dict[str, Any] = json.loads((FOLDER / "matching-profiles.json").read_text())
    return found


def agent_reports() -> list[Report]:
    """What OCI's own agent sent of a virtual machine: without a BMC, and with one and neighbours heard over LLDP."""
    return [read_report(json.loads(line)) for line in (FOLDER / "agent-reports.jsonl").read_text().splitlines()]


def _of(name: str, version: str) -> Iterator[list[str]]:
    for line in (FOLDER / name).read_text().splitlines()[1:]:
        *fields, versions = line.split("\t")
        if version in versions.split():
            yield fields


def no_controller_makes(layouts: Sequence[Mapping[str, Any]], sizes: Sequence[int]) -> bool:
    """Whether an entry of an OCI profile asks for a RAID level of more disks, or other numbers, than may be taken.

    Args:
        layouts: The entries.
        sizes: Of the machine's disks behind the controller, in whole GiB.
    """
    return any(_fewest(layout) > min(layout["num_max"], _fitting(layout, sizes)) for layout in layouts)


def _fewest(layout: Mapping[str, Any]) -> int:
    """The smallest number of disks from ``num_min`` on that a controller makes the level of."""
    level = layout["raid-type"]
    number = max(layout["num_min"], {1: 2, 5: 3, 6: 4, 10: 4}.get(level, 0))
    return int(number + number % 2 if level in (1, 10) else number)


def _fitting(layout: Mapping[str, Any], sizes: Sequence[int]) -> int:
    return sum(layout["size_min"] <= size <= layout["size_max"] for size in sizes)
