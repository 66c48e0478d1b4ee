"""Clusters in memory: specs from YAML text, machines from a line each."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from reconciler.enc.view import ClusterInput, Member
from reconciler.model.hardware import Disk, DiskController, Hardware, Nic
from reconciler.model.machine import Allocation, Vip
from reconciler.model.signature import Signatures, from_json
from reconciler.model.tree import SpecTree
from reconciler.specs.loader import load_tree
from reconciler.specs.settings_table import load_table

ROOT = Path(__file__).parents[2]
_BASE64 = re.compile("(?:[A-Za-z0-9+/]{4}){10,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def tree_of(*texts: str) -> SpecTree:
    """A spec tree from YAML as operators write it: the first text is ``specs/a.yaml``, the next ``specs/b.yaml``."""
    files = {f"specs/{name}.yaml": text.encode() for name, text in zip("abcdef", texts, strict=False)}
    loaded = load_tree(files, load_table())
    assert loaded.tree is not None, loaded.problems
    return loaded.tree


def signatures(version: str = "43.0.45") -> Signatures:
    return from_json(version, json.loads((ROOT / f"reconciler/data/puppet/{version}.json").read_text()))


def hardware(serial: str = "S1", disks: int = 4, raid: bool = False) -> Hardware:
    product = "MegaRAID SAS-3 3108 [Invader]" if raid else "C620 Series Chipset Family SATA Controller [AHCI mode]"
    return Hardware(
        serial=serial,
        manufacturer="Dell Inc.",
        product="PowerEdge R740xd",
        memory=128 * 2**30,
        disks=tuple(Disk(f"sd{chr(97 + n)}", f"sd{chr(97 + n)}", 12 * 10**12) for n in range(disks)),
        nics=tuple(
            Nic(f"eno{n}", f"02:00:00:00:00:{n:02x}", speed=speed, driver=driver)
            for n, (speed, driver) in enumerate([(1000, "tg3")] * 2 + [(10_000, "ixgbe")] * 2, 1)
        ),
        controllers=(DiskController("raid", "vendor", product, "LSI-raid" if raid else "none"),),
    )


def member(cluster: str, role: str, number: int, address: str, network: str, location: str, **more: Any) -> Member:
    """A machine with a place. ``more``: hostname, profile, serial, hardware, data_disks, other addresses."""
    serial = more.get("serial", f"{cluster}-{role}-{number}".upper())
    report = more.get("hardware", hardware(serial))
    return Member(
        serial=serial,
        allocation=Allocation(
            cluster=cluster,
            role=role,
            profile=more.get("profile", ""),
            location=location,
            hostname=more.get("hostname", f"{cluster}-{role}-{number}.example.com"),
            number=number,
            addresses={network: address, **more.get("addresses", {})},
        ),
        hardware=report,
        digest=hashlib.sha256(repr(report).encode()).hexdigest(),
        data_disks=more.get("data_disks", ("sdb", "sdc")),
    )


def cluster_input(
    tree: SpecTree, name: str, members: list[Member], version: str = "43.0.45", **vips: str
) -> ClusterInput:
    return ClusterInput(
        name=name,
        tree=tree,
        members=tuple(members),
        vips=tuple(Vip(name, "public", usage, address) for usage, address in vips.items()),
        signatures=signatures(version),
    )


def in_clear(text: str) -> str:
    """A text, and behind it what every word in it means that is base64."""
    return "\n".join([text, *(base64.b64decode(word).decode(errors="replace") for word in _BASE64.findall(text))])


def swift_cluster(*more: str, stores: int = 3, proxies: int = 2, version: str = "43.0.45") -> ClusterInput:
    """A Swift cluster ``z`` in two locations, with one controller."""
    where = [("zone-1", "mgmt-1", "10.0.1"), ("zone-2", "mgmt-2", "10.0.2")]
    members = [member("z", "controller", 1, "10.0.1.2", "mgmt-1", "zone-1", data_disks=())]
    for role, count, base in (("swiftproxy", proxies, 10), ("swiftstore", stores, 20)):
        for n in range(1, count + 1):
            location, network, prefix = where[(n + 1) % 2]
            high, low = divmod(base + n, 250)
            prefix = prefix if not high else f"10.{high}.{prefix[-1]}"
            members.append(member("z", role, n, f"{prefix}.{low + 2}", network, location))
    return cluster_input(tree_of(SWIFT, *more), "z", members, version, api="203.0.113.2")


SWIFT = (Path(__file__).parent / "swift.yaml").read_text()
