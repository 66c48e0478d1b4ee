"""The recorded clusters: the database of each, and what OCI 43.0.45 answered about its nodes."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .database import Tables, read_rows, write_sql
from .documents import read_documents
from .reports import Report, read_report

FOLDER = Path(__file__).parent / "clusters"

VERSION = "43.0.45"
"""Of the OCI that answered, and of its Puppet module."""


class Place(NamedTuple):
    """Where OCI says that a machine is."""

    dc: str
    row: str
    rack: str
    first_unit: int
    last_unit: int


class Machine(NamedTuple):
    """What OCI's commands print about one machine."""

    hostname: str
    serial: str
    role: str
    location: str
    network: str
    address: str
    place: Place | None
    profiles: list[str]
    install: str


@dataclass(frozen=True)
class Cluster:
    """One of the folders below ``clusters/``."""

    name: str

    @cached_property
    def documents(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Class parameters by hostname and class."""
        return read_documents(self._text("documents.tsv"))

    @cached_property
    def tables(self) -> Tables:
        """The rows of the database."""
        return read_rows(self._text("rows.jsonl"))

    @property
    def sql(self) -> str:
        """Statements that make the database."""
        return write_sql(self.tables)

    @cached_property
    def reports(self) -> dict[str, Report]:
        """The machines' hardware reports, by serial."""
        found = [read_report(json.loads(line)) for line in self._text("reports.jsonl").splitlines()]
        return {report["machine"][0]["serial"]: report for report in found}

    @cached_property
    def machines(self) -> dict[str, Machine]:
        """By hostname; those that have no role are not among them."""
        found = [json.loads(line) for line in self._text("machines.jsonl").splitlines()]
        placed = [Machine(**{**one, "place": one["place"] and Place(*one["place"])}) for one in found]
        return {one.hostname: one for one in placed}

    def _text(self, name: str) -> str:
        return (FOLDER / self.name / name).read_text()


CLUSTERS = {path.name: Cluster(path.name) for path in sorted(FOLDER.iterdir())}

WITH_REPORTS = ("a_swift_only", "c_compute_ceph", "g_bgp_dns_sql")
"""Those of which reports and commands' answers were recorded too."""
