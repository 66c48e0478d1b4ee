"""A site of one fleet without machines, on disk."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from reconciler.app.config import load_config
from reconciler.app.health import Health
from reconciler.app.site import Site
from reconciler.app.watches import Watches

FLEET = (
    "apiVersion: reconciler/v1\nkind: Fleet\nmetadata: {name: f}\n"
    "spec: {provisioning: {address: 192.0.2.1, trusted_networks: [192.0.2.0/24]}}\n"
)


def bare_site(folder: Path) -> Site:
    """Nothing is opened yet."""
    (folder / "specs").mkdir()
    (folder / "specs/fleet.yaml").write_text(FLEET)
    listen = {"address": "127.0.0.1", "port": 0}
    found: dict[str, object] = {
        "specs": str(folder / "specs"),
        "database": f"sqlite:///{folder}/db",
        "state": str(folder / "state"),
        "listen": listen,
    }
    (folder / "config.yaml").write_text(json.dumps(found))
    return Site(load_config(folder / "config.yaml", {}, {}))


def watches(site: Site, health: Health) -> Watches:
    """Those of a daemon that has made no plan yet."""
    published: Any = SimpleNamespace(health=health, latest=None)
    tools: Any = None
    return Watches(site, published, tools, dict, lambda: None, asyncio.Event(), _nothing)


async def _nothing() -> None: ...
