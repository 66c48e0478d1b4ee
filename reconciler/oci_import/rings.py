"""OCI's ring builders: files of ``swift-ring-builder``, which are pickles, read without running anything.

A pickle may name any function for Python to call. A builder needs dicts, lists, numbers, texts and arrays of numbers:
nothing else is looked up.
"""

import base64
import gzip
import io
import json
import pickle
import struct
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..model.roles import facts_of
from .yaml_documents import Tree

MOST = 512 * 2**20
"""Bytes of a builder file. One of part power 20 with three replicas has 8 MB."""

_MAGIC = b"R1NG"

PLAIN = (
    *("part_power", "next_part_power", "replicas", "min_part_hours", "parts"),
    *("version", "overload", "dispersion", "id"),
)
"""As ``ring_child`` keeps a builder."""

_OF_DEVICE = ("id", "region", "zone", "ip", "port", "device", "weight")


class _PlainTypes(pickle.Unpickler):
    """Knows arrays of numbers, and no other name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("array", "array"):
            return _numbers
        if (module, name) == ("array", "_array_reconstructor"):
            return _restored
        raise pickle.UnpicklingError(f"it names {module}.{name}, and a builder has plain values only")


def _numbers(kind: str, values: Any = ()) -> "array[int]":
    if kind not in ("B", "H", "I") or not isinstance(values, list | bytes):
        raise pickle.UnpicklingError("it has an array of something else than small numbers")
    return array(kind, values)


def _restored(_: Any, kind: str, code: int, content: bytes) -> "array[int]":
    """``array._array_reconstructor``, of the little-endian codes alone: 0, 2 and 6 (Lib/array, ``machine_format``)."""
    if (kind, code) not in (("B", 0), ("H", 2), ("I", 6)):
        raise pickle.UnpicklingError("it has an array of something else than small numbers")
    row = array(kind)
    row.frombytes(content)
    if sys.byteorder == "big":
        row.byteswap()
    return row


def read_builder(content: bytes) -> dict[str, Any]:
    """A builder as we keep it: plain JSON.

    Raises:
        ValueError: It is no builder file, or names something that a builder does not have.
    """
    if len(content) > MOST:
        raise ValueError("it is larger than any builder")
    try:
        known = _PlainTypes(io.BytesIO(content)).load()
    except (pickle.UnpicklingError, EOFError, MemoryError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no builder file: {error}") from None
    if not isinstance(known, dict):
        raise ValueError("it is no builder file: its content is no mapping")
    try:
        return _plain(known)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"it is no builder file: {error}") from None


def _plain(known: Mapping[str, Any]) -> dict[str, Any]:
    """A builder's own values as JSON has them; its tables in base64.

    Raises:
        ValueError: It was changed since its last rebalance, or its parts do not fit together.
    """
    if known["_remove_devs"] or known["devs_changed"]:
        raise ValueError("it was changed since its last rebalance: rebalance or take the change back, in OCI")
    devices = [_device(number, dev) for number, dev in enumerate(known["devs"])]
    parts = 2 ** int(known["part_power"])
    rows = known["_replica2part2dev"] or []
    if known["parts"] != parts or any(len(row) != parts for row in rows[:-1]) or not rows:
        raise ValueError("its tables are not of its part power, or it was never rebalanced")
    there = {dev["id"] for dev in devices if dev}
    for row in rows:
        if row.typecode != "H" or not set(row) <= there:
            raise ValueError("its table names a device that it does not have")
    return {
        **{name: known.get(name) for name in PLAIN},
        "overload": known.get("overload", 0.0),
        "devs": devices,
        "assignments": [base64.b64encode(row.tobytes()).decode() for row in rows],
        "last_part_moves": base64.b64encode(known["_last_part_moves"].tobytes()).decode(),
        "last_part_moves_epoch": int(known["_last_part_moves_epoch"] or 0),
        "last_part_gather_start": int(known["_last_part_gather_start"]),
    }


def _device(number: int, dev: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if dev is None:
        return None
    if dev["id"] != number or any(not isinstance(dev[name], int | float | str) for name in _OF_DEVICE[1:]):
        raise ValueError(f"its device {number} is none")
    plain = {name: value for name, value in dev.items() if isinstance(value, int | float | str)}
    ends = {"replication_ip": dev["ip"], "replication_port": dev["port"], "meta": "", "parts": 0, "parts_wanted": 0}
    return {"region": 1, **ends, **plain}


def same_table(file: bytes, builder: Mapping[str, Any]) -> bool:
    """Whether a ring file (of format 1) was made from this builder.

    Raises:
        ValueError: It is no ring file.
    """
    try:
        content = gzip.decompress(file)
        magic, version, size = struct.unpack_from("!4sHI", content)
        header = json.loads(content[10 : 10 + size])
    except (OSError, EOFError, struct.error, ValueError) as error:
        raise ValueError(f"it is no ring file: {error}") from None
    if (magic, version) != (_MAGIC, 1):
        raise ValueError("it is no ring file of format 1")
    table = b"".join(base64.b64decode(row) for row in builder["assignments"])
    if header.get("byteorder", "little") != "little":
        return False
    there = [dev and _shown(dev) for dev in header["devs"]]
    return content[10 + size :] == table and there == [dev and _shown(dev) for dev in builder["devs"]]


def _shown(dev: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(dev.get(name) for name in _OF_DEVICE)


@dataclass(frozen=True, slots=True)
class OciRing:
    """A ring of OCI's."""

    builder: Mapping[str, Any]
    file: bytes | None  # that nodes have; None: it is to be made of the builder


def read_rings(files: Mapping[str, tuple[bytes, bytes | None]]) -> dict[str, OciRing]:
    """The rings of a cluster, of builder and ring files.

    Raises:
        ValueError: One is no builder, or its ring file was made from another one.
    """
    found = {}
    for name, (builder, file) in files.items():
        try:
            found[name] = OciRing(read_builder(builder), file)
            if file is not None and not same_table(file, found[name].builder):
                raise ValueError("its ring.gz was made from another builder: write the ring, in OCI")
        except ValueError as error:
            raise ValueError(f"{name}.builder: {error}") from None
    return found


def rings_spec(builders: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What ``Cluster.rings`` has to say for these builders to be as they are wanted."""
    first = builders.get("account") or next(iter(builders.values()))
    wanted = {name: int(first[name]) for name in ("part_power", "replicas", "min_part_hours")}
    powers = {int(builder["part_power"]) for builder in builders.values()}
    if len(powers) > 1:
        raise ValueError(f"its rings have different part powers: {', '.join(map(str, sorted(powers)))}")
    return wanted


def put_rings(tree: Tree, cluster: str, builders: Mapping[str, Mapping[str, Any]]) -> None:
    """Have the cluster's document say what its builders are made with, and no setting say it otherwise."""
    wanted = rings_spec(builders)
    for documents in tree.files.values():
        documents[:] = [
            replace(one, spec=_with_rings(one.spec, wanted)) if (one.kind, one.name) == ("Cluster", cluster) else one
            for one in documents
        ]


def _with_rings(spec: Mapping[str, Any], wanted: Mapping[str, int]) -> dict[str, Any]:
    """A cluster's spec with its rings, and without the settings that are other names for what they say."""
    aliases = {f"swift_{name}" for name in wanted}
    settings = {name: value for name, value in spec.get("settings", {}).items() if name not in aliases}
    rest = {name: value for name, value in spec.items() if name != "settings"}
    return {**rest, **({"settings": settings} if settings else {}), "rings": wanted}


def storing_cluster(tree: Tree) -> str:
    """The one cluster with nodes of Swift, whose builders lie in a folder without its name.

    Raises:
        ValueError: There is none, or more than one.
    """
    found = [
        name
        for name, spec in tree.documents("Cluster").items()
        if any(facts_of(role).object_store == "swift" for role in spec.get("roles", {}))
    ]
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise ValueError(f"builders of several clusters lie in a folder of each cluster's name (with Swift: {names})")
    return found[0]
