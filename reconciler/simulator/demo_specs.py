"""The example specs as the demo needs them: everything that they name is on the loopback network."""

import re
from pathlib import Path

from ..model.errors import PermanentError

_NODES = re.compile(r"subnet: (192\.168\.\d+)\.0/24")
"""A network of nodes in the specs that come with this."""


def put_on_loopback(specs: Path, network: str) -> None:
    """Have the daemon trust the network; BMCs are in its .96/27, and nodes get addresses in its upper half.

    Args:
        specs: The spec tree; its files are changed.
        network: The first three numbers of a network.

    Raises:
        PermanentError: The specs have more networks of nodes than there is room for.
    """
    files = {path: path.read_text() for path in sorted(specs.rglob("*.yaml"))}
    names = sorted({name for text in files.values() if _is_a("Cluster", text) for name in _NODES.findall(text)})
    prefix = 27 if len(names) <= 4 else 28
    begins = range(128, 256, 2 ** (32 - prefix))
    if len(names) > len(begins):
        raise PermanentError(f"the demo has room for {len(begins)} networks of nodes, and the specs have {len(names)}")
    for path, text in files.items():
        if _is_a("Fleet", text):
            text = re.sub(r"(?m)^(    address:) \S+", r"\1 127.0.0.1", text)
            text = re.sub(r"(?m)^(    trusted_networks:) \[.*?\]", rf"\1 [127.0.0.1/32, {network}.0/24]", text)
            for named, here in (("subnet", "96/27"), ("gateway", "97"), ("for_machines_in", "0/24")):  # of BMCs
                text = re.sub(rf"(?m)^(        {named}:) \S+", rf"\1 {network}.{here}", text)
        if _is_a("Cluster", text):
            for name, begin in zip(names, begins, strict=False):
                first, last = begin + 4, begin + begins.step - 3
                text = text.replace(f"subnet: {name}.0/24", f"subnet: {network}.{begin}/{prefix}")
                within = rf"first: {re.escape(name)}\.\d+, last: {re.escape(name)}\.\d+"
                text = re.sub(within, f"first: {network}.{first}, last: {network}.{last}", text)
        path.write_text(text)


def _is_a(kind: str, text: str) -> bool:
    return re.search(rf"^kind: {kind}$", text, re.MULTILINE) is not None
