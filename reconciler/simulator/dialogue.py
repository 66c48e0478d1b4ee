"""The answers of a simulated server over SSH, to what ``provisioning.commands`` says and to nothing else."""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping

from ..execution import seam
from ..provisioning import bmc, commands, fence, look, puppet_runs, raid, ring_files
from ..provisioning.addresses import READ_ADDRESSES
from . import storcli
from .files import SystemFiles
from .life import OWN_ADDRESS, ServerLife, ServerState

NOT_FOUND = 127


async def answer(server: ServerLife, command: str) -> tuple[int, str, str]:
    """Exit status, output and errors of a command on the system that runs."""
    if server.in_band is not None and server.state is ServerState.LIVE and bmc.is_for_it(command):
        return await server.in_band(command)
    status, text = await _run(server, command)
    return status, text, ""


async def _run(server: ServerLife, command: str) -> tuple[int, str]:
    if server.controller and (said := server.controller.answer(command)):
        return said
    reply = _ALWAYS.get(command) or _WHILE.get(server.state, {}).get(command)
    if server.state is ServerState.INSTALLED and (told := commands.is_on_controller(command)) is not None:
        server.told.append(told)
        return 0, ""
    if server.state is ServerState.INSTALLED and look.words_of_look(command) is not None:
        return await server.services.run(command)
    if reply is None:
        server.surprises.append(f"{command} ({server.state})")
        return NOT_FOUND, ""
    return await reply(server)


async def _boot_id(server: ServerLife) -> tuple[int, str]:
    return 0, server.boot_id + "\n"


async def _clock(server: ServerLife) -> tuple[int, str]:
    return 0, f"{seam.now().timestamp():.0f}\n"


async def _serial(server: ServerLife) -> tuple[int, str]:
    return 0, "# SMBIOS implementations newer than version 3.3.0\n" + "".join(f"{n}\n" for n in server.placed.numbers)


async def _disks(server: ServerLife) -> tuple[int, str]:
    devices = server.report()["blockdevices"]
    assert isinstance(devices, list)
    inside = {each["device"] for each in server.signatures()}
    return 0, json.dumps({"blockdevices": [_lsblk(device, inside) for device in devices]})


def _lsblk(device: Mapping[str, str], inside: Iterable[str]) -> dict[str, object]:
    """A disk as lsblk has it, with the partitions on which something lies."""
    name = device["realdev"]
    known = {key: device[key] for key in ("model", "serial", "wwn") if device.get(key)}
    parts = [{"name": part} for part in sorted(inside) if re.fullmatch(rf"{re.escape(name)}p?\d+", part)]
    children = {"children": parts} if parts else {}
    zones = "host-managed" if device.get("zoned") == "yes" else "none"
    can = {"ro": device.get("read_only") == "yes", "zoned": zones}
    return {"name": name, "type": "disk", "size": int(device["size"]), **known, **can, **children}


async def _signatures(server: ServerLife) -> tuple[int, str]:
    return 0, json.dumps({"signatures": server.signatures()})


async def _state(server: ServerLife) -> tuple[int, str]:
    return _cat(server.live_files, commands.STATE_FILE)


async def _progress(server: ServerLife) -> tuple[int, str]:
    status, text = _cat(server.live_files, commands.LOG_FILE)
    return status, text.splitlines(keepends=True)[-1] if text else ""


async def _marker(server: ServerLife) -> tuple[int, str]:
    runs = server.disk_files if server.state is ServerState.INSTALLED else server.live_files
    return _cat(runs, commands.MARKER_FILE)


async def _oci_system(server: ServerLife) -> tuple[int, str]:
    node = server.node
    return (0, f"{node.role}\n{node.hostname}\n") if node is not None else (1, "")


async def _nothing(server: ServerLife) -> tuple[int, str]:
    return 1, ""


async def _unit(server: ServerLife) -> tuple[int, str]:
    return (0, "active\n") if server.installing else (3, "inactive\n")


async def _raid_tool(server: ServerLife) -> tuple[int, str]:
    return (0, f"{storcli.PATH}\n") if server.controller else (1, "")


async def _look(server: ServerLife) -> tuple[int, str]:
    return await server.look()


async def _start(server: ServerLife) -> tuple[int, str]:
    return (0, "") if await server.start_installer() else (1, "")


async def _addresses(server: ServerLife) -> tuple[int, str]:
    given = server.disk_files.read(OWN_ADDRESS)
    own = dict.fromkeys([server.agent.address, *([given.strip()] if given is not None else [])])
    info = [{"family": "inet", "local": address, "prefixlen": 24, "scope": "global"} for address in own]
    return 0, json.dumps([{"ifname": "eth0", "addr_info": info}])


async def _last_run(server: ServerLife) -> tuple[int, str]:
    return (0, server.last_run) if server.last_run else (1, "")


async def _puppet(server: ServerLife) -> tuple[int, str]:
    good = await server.run_puppet()
    return (2, "Notice: Applied catalog\n") if good else (6, "Error: 3 resources failed\n")


async def _first_runs(server: ServerLife) -> tuple[int, str]:
    return (0, f"{server.first_runs}\n4711\n") if server.first_boot_goes_on else (1, f"{server.first_runs}\n")


async def _first_boot_is_to_end(server: ServerLife) -> tuple[int, str]:
    waits = server.disk_files.read(puppet_runs.FIRST_BOOT_FLAG) is not None
    return (0 if waits or server.first_boot_goes_on else 1), ""


async def _begin_first_boot(server: ServerLife) -> tuple[int, str]:
    await server.begin_first_boot()
    return 0, ""


async def _classes(server: ServerLife) -> tuple[int, str]:
    return await server.services.run(look.READ_CLASSES)


async def _root_password(server: ServerLife) -> tuple[int, str]:
    login = server.live_files.read(commands.ROOT_LOGIN_FILE)
    if login is None:
        return 1, ""
    server.root_password = login.partition(":")[2].strip()
    server.live_files.remove(commands.ROOT_LOGIN_FILE)
    return 0, ""


def _cat(files: SystemFiles, path: str) -> tuple[int, str]:
    text = files.read(path)
    return (0, text) if text is not None else (1, "")


Reply = Callable[[ServerLife], Awaitable[tuple[int, str]]]


def _rings(command: str) -> Reply:
    """Ring files are really read and put into place, below the server's own folder."""

    async def run(server: ServerLife) -> tuple[int, str]:
        return await server.run_on_disk(command)

    return run


_ALWAYS: dict[str, Reply] = {
    commands.READ_BOOT_ID: _boot_id,
    commands.READ_CLOCK: _clock,
    commands.READ_SERIAL: _serial,
    commands.LIST_DISKS: _disks,
    commands.READ_SIGNATURES: _signatures,
    commands.READ_MARKER: _marker,
    commands.READ_STATE: _state,
    commands.READ_UNIT: _unit,
    commands.READ_PROGRESS: _progress,
}
"""Questions, which any system can be asked."""

_WHILE: dict[ServerState, dict[str, Reply]] = {
    ServerState.LIVE: {
        commands.READ_OCI_SYSTEM: _nothing,
        raid.FIND_TOOL: _raid_tool,
        fence.LOOK: _look,
        commands.START_INSTALL: _start,
    },
    ServerState.INSTALLED: {
        commands.READ_OCI_SYSTEM: _oci_system,
        READ_ADDRESSES: _addresses,
        puppet_runs.READ_LAST_RUN: _last_run,
        puppet_runs.READ_FIRST_RUNS: _first_runs,
        puppet_runs.BEGIN_FIRST_BOOT: _begin_first_boot,
        puppet_runs.FIRST_BOOT_IS_TO_END: _first_boot_is_to_end,
        look.READ_CLASSES: _classes,
        puppet_runs.RUN_PUPPET: _puppet,
        commands.SET_ROOT_PASSWORD: _root_password,
        ring_files.READ_RINGS: _rings(ring_files.READ_RINGS),
        ring_files.PLACE_RINGS: _rings(ring_files.PLACE_RINGS),
        ring_files.OWN_RINGS: _rings(ring_files.OWN_RINGS),
    },
}
