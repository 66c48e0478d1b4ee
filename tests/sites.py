"""A site of one fleet without machines, on disk."""

import json
from pathlib import Path

from reconciler.config import load_config
from reconciler.site import Site

FLEET = (
    "apiVersion: reconciler/v1\nkind: Fleet\nmetadata: {name: f}\n"
    "spec: {provisioning: {address: 192.0.2.1, trusted_networks: [192.0.2.0/24]}}\n"
)


def bare_site(folder: Path) -> Site:
    """Nothing is opened yet."""
    (folder / "specs").mkdir()
    (folder / "specs/fleet.yaml").write_text(FLEET)
    found = {"specs": str(folder / "specs"), "database": f"sqlite:///{folder}/db", "state": str(folder / "state")}
    (folder / "config.yaml").write_text(json.dumps(found))
    return Site(load_config(folder / "config.yaml", {}, {}))
