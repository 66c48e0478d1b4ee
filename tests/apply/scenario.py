"""``python -m tests.apply.scenario FOLDER SYSTEM DESCRIPTOR``, alone in its namespaces: nodes boot, and run Puppet.

Then they are asked. What was seen is written to ``FOLDER/seen.json``, and the tests say what it should be. The
descriptor is of the network namespace that reaches the Debian archive.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from reconciler.execution.ensure import Time
from reconciler.execution.handlers import Options, puppet, services
from reconciler.model.gates import ABSENT, gate_of
from reconciler.model.kinds import FleetSpec
from reconciler.model.rings import RingFile, md5_of
from reconciler.model.roles import gates_if_there, gates_of
from reconciler.provisioning import puppet_runs, ring_files

from ..cloud import network
from ..cloud.places import CACHE, MIRROR_PORT, NODES_GATEWAY, SERVER
from ..enc.puppet_modules import puppet_modules
from ..waiting import LONG, until
from .container import Container
from .nodes import Node, made

SEEN = "seen.json"
MOST_RUNS = 3
"""So often Puppet is run until it succeeds; OCI's first boot runs it nine times."""
RUN = 1200.0
"""Seconds for one Puppet run."""

TOOLS: Any = SimpleNamespace(options=Options(fleet=FleetSpec), time=Time(lambda: datetime.now(UTC), asyncio.sleep))
"""What the handlers need that only look."""

_FULL_DRIVES = r"crontab -l | sed -n 's/^.* \(swift-drive-full-checker .*\)$/\1/p' | sh"
"""What Puppet has cron do every five minutes, done at once.

rsync has no configuration before, and is started by the Puppet run after that: the daemon's next one, as a gate is
closed, or the node's own agent's."""

_OBJECT = b"what goes in comes out" * 1000

_THROUGH_THE_RINGS = """\
import io, sys
from swift.common.internal_client import InternalClient
client = InternalClient("/run/internal-client.conf", "check", 1)
client.create_container("AUTH_check", "box")
client.upload_object(io.BytesIO(b"through the rings"), "AUTH_check", "box", "one")
status, _, body = client.get_object("AUTH_check", "box", "one")
sys.stdout.write(b"".join(body).decode())
"""
_CLIENT = """\
[DEFAULT]
[pipeline:main]
pipeline = catch_errors cache proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:cache]
use = egg:swift#memcache
[filter:catch_errors]
use = egg:swift#catch_errors
"""


def run(folder: Path, system: Path, outside: int) -> dict[str, Any]:
    """What is seen of the nodes, by role, and of what they answer."""
    network.lay()
    nodes = made(folder / "site")
    with _mirror(folder, outside), _containers(nodes, folder, system) as containers:
        with ThreadPoolExecutor(len(containers)) as pool:
            brought_up = pool.map(_brought_up, containers)
            seen: dict[str, Any] = {one.node.role: told for one, told in zip(containers, brought_up, strict=True)}
        for one in containers:
            seen[one.node.role]["gates"] = _gates(one)
        store, proxy = (
            next(one for one in containers if one.node.role == role) for role in ("swiftstore", "swiftproxy")
        )
        seen["answers"] = dict(_answers(store.node, proxy.node))
        seen["from elsewhere"] = _from(SERVER, f"http://{store.node.address}:6200/healthcheck")
        seen["object"] = _object(store.node)
        seen["through the rings"] = _through_the_rings(proxy)
    return seen


@contextlib.contextmanager
def _mirror(folder: Path, outside: int) -> Iterator[None]:
    """The Debian archive, as nodes of a cloud reach it."""
    words = (SERVER, str(MIRROR_PORT), str(CACHE / "packages"), str(outside))
    with (folder / "mirror.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "tests.cloud.archive", *words], stdout=log, stderr=log, pass_fds=[outside]
        )
        try:
            until("the mirror answers", lambda: _ask("GET", f"http://{SERVER}:{MIRROR_PORT}/nothing") == (404, b""))
            yield
        finally:
            started.kill()
            started.wait()


@contextlib.contextmanager
def _containers(nodes: list[Node], folder: Path, system: Path) -> Iterator[list[Container]]:
    modules = puppet_modules()
    containers = [Container(node, n, folder / node.role, modules) for n, node in enumerate(nodes, 1)]
    try:
        for one in containers:
            one.start(system)
        yield containers
    finally:
        for one in containers:
            one.stop()


def _brought_up(container: Container) -> dict[str, Any]:
    """Boot a node to its last good Puppet run, or as far as it gets."""
    began = time.monotonic()
    container.wait_until_up()
    updated = container.say("mkdir -p /etc/puppet/code/environments/production && apt-get -qq update", LONG)
    assert updated.status == 0, updated.stderr
    runs = []
    while len(runs) < MOST_RUNS and not (runs and runs[-1]["good"]):
        runs.append(_run_puppet(container))
    for disk in container.node.disks:
        # Swift's own mark for a folder that stands in for a mounted disk (swift.common.utils.ismount)
        folder = f"/srv/node/{disk}"
        container.say(f"mkdir -p {folder} && touch {folder}/.ismount && chown -R swift:swift {folder}", LONG)
    if container.node.disks:
        container.say(_FULL_DRIVES, LONG)
        runs.append(_run_puppet(container))
    flag = (container.root / puppet_runs.SELF_SIGNED_FILE.lstrip("/")).is_dir()
    return {"runs": runs, "flag is a folder": flag, "seconds": round(time.monotonic() - began)}


def _run_puppet(container: Container) -> dict[str, Any]:
    """How one run went, by its exit status and by what the daemon reads of it."""
    ran = container.say(container.puppet, RUN)
    with (container.folder / "puppet.log").open("a") as log:
        log.write(f"{ran.stdout}\n{ran.stderr}\n== {ran.status}\n")
    errors = [line for line in (ran.stdout + ran.stderr).splitlines() if line.startswith("Error")]
    last = asyncio.run(puppet.last_run(TOOLS, container))
    good = ran.status in puppet_runs.PUPPET_GOOD and last is not None and last.good
    return {"status": ran.status, "good": good, "errors": errors[:20]}


def _rings(node: Node) -> list[RingFile]:
    """Those that the install gave it, which are in force."""
    paths = {ring: ring_files.ring_path(ring) for ring in ("account", "container", "object")}
    return [RingFile(ring, md5_of(node.files[path].content)) for ring, path in paths.items()]


def _gates(container: Container) -> dict[str, Any]:
    """The node's gates by the daemon's own look, once they hold, or as they are when the time is over."""
    role, deadline = container.node.role, time.monotonic() + LONG
    while True:
        found = asyncio.run(services.read_services(TOOLS, container, role, _rings(container.node)))
        known = {each.name: each for each in found.values}
        there = (name for name in gates_if_there(role, found.classes) if known[name].value != ABSENT)
        names = dict.fromkeys((*gates_of(role, found.classes), *there))
        gates = [gate_of(name, known.get(name), 1) for name in names]
        if all(gate.holds for gate in gates) or time.monotonic() > deadline:
            return {str(gate.name): {"value": gate.value, "holds": gate.holds} for gate in gates}
        time.sleep(1)


def _answers(store: Node, proxy: Node) -> Iterator[tuple[str, str]]:
    """What each server of Swift's says on its node's address, to this side, which is on the same network."""
    for server, port in (("account", 6002), ("container", 6001), ("object", 6200)):
        yield server, _from(NODES_GATEWAY, f"http://{store.address}:{port}/healthcheck")
    yield "proxy", _from(NODES_GATEWAY, f"http://{proxy.address}:8080/healthcheck")


def _from(address: str, url: str) -> str:
    """What is answered to one address of this side; else, how curl ended."""
    asked = ["curl", "--silent", "--noproxy", "*", "--interface", address, "--max-time", "10", url]
    ran = subprocess.run(asked, capture_output=True, text=True, check=False)
    return ran.stdout or f"curl ended with {ran.returncode}"


def _object(store: Node) -> dict[str, Any]:
    """An object that a storage server itself is given, and gives back."""
    url = f"http://{store.address}:6200/{store.disks[0]}/1/AUTH_check/box/direct"
    headers = {"X-Timestamp": f"{time.time():.5f}", "Content-Type": "application/octet-stream"}
    return {"put": _ask("PUT", url, _OBJECT, headers)[0], "same": _ask("GET", url)[1] == _OBJECT}


def _ask(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    asked = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()


def _through_the_rings(proxy: Container) -> str:
    """What comes back of an object that the proxy's node puts into its account, by the rings, without a token."""
    for path, text in (("/run/internal-client.conf", _CLIENT), ("/run/check.py", _THROUGH_THE_RINGS)):
        proxy.say(f"cat > {path} <<'END'\n{text}END", LONG)
    ran = proxy.say("python3 /run/check.py", LONG)
    return ran.stdout or ran.stderr[-2000:]


def main(folder: Path, system: Path, outside: int) -> None:
    """Write what was seen."""
    seen = run(folder, system, outside)
    (folder / SEEN).write_text(json.dumps(seen, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
