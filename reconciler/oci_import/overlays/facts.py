"""The facts file that OCI gives to nodes: with the network drivers of one machine, for all of them."""

import base64
from collections.abc import Iterator, Sequence

from ..database import Row, Tables
from ..machines import OciMachine
from ..yaml_documents import SpecDocument

_ITS_MACHINE = 1
"""The id in OCI's query."""

FACTS = (
    "OCI tells all nodes the network drivers of the first machine that it ever knew, in Facter's oci_facts.\n"
    "Drop this to have each node's own. OCI's Puppet module does not look at them; look whether your own modules do."
)


def facts_of_oci(cluster: str, machines: Sequence[OciMachine], tables: Tables) -> Iterator[SpecDocument]:
    """An EncOverlay for each text of which the network drivers are wrong, with the nodes that are given it."""
    theirs = _drivers(tables, _ITS_MACHINE)
    nodes: dict[str, list[str]] = {}
    for machine in machines:
        if machine.hardware is not None and set(_drivers(tables, machine.row["id"])) != set(theirs):
            nodes.setdefault(_text(cluster, machine, theirs, tables), []).append(machine.hostname)
    for number, (text, hostnames) in enumerate(nodes.items(), 1):
        facts = {"oci_facts": base64.b64encode(text.encode()).decode()}
        spec = {"for": {"nodes": hostnames}, "classes": {"oci::generic": facts}}
        yield SpecDocument("EncOverlay", f"oci-{cluster}-facts-{number}", spec, FACTS)


def _text(cluster: str, machine: OciMachine, drivers: Sequence[str], tables: Tables) -> str:
    """The file, to the letter: Puppet replaces it when a space differs."""
    controllers = [row for row in tables.get("blkdev_ctrl", ()) if row["machine_id"] == machine.row["id"]]
    raid = any(row["ctrl_type"] == "LSI-raid" for row in controllers)
    return "".join(
        (
            f"---\nrole: {machine.role}\ncluster: {cluster}\n",
            "blkdev_ctrls:\n",
            *(f"  - {row['product']}\n" for row in controllers),
            f"has_megaraid: {str(raid).lower()}\n",
            "nic_drivers:\n",
            *(f"  - {driver}\n" for driver in drivers),
        )
    )


def _drivers(tables: Tables, machine: int) -> list[str]:
    rows: Sequence[Row] = tables.get("ifnames", ())
    return list(dict.fromkeys(str(row["driver"]) for row in rows if row["machine_id"] == machine and row["driver"]))
