"""What others are told of a machine: hooks as real child processes, commands on a controller."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.execution.handlers import handlers
from reconciler.model.actions import RunHook, TellCluster
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.hook import HookCommand
from reconciler.model.kinds import FleetSpec

from . import build
from .build import World

pytestmark = pytest.mark.waits
CONTROLLER = "cl1-controller-1.example.com"
HOOK = RunHook(
    serial=build.SERIAL, generation=1, hook="dns", event="enrolled", hostname=build.HOSTNAME, cluster="cl1",
    role="controller", location="zone-1", addresses={"mgmt": "192.0.2.20"},
)  # fmt: skip
TELL = TellCluster(
    serial="B002", generation=1, hostname="cl1-compute-1.example.com", number=0, command="nova-manage it's $HOME",
    controller=build.SERIAL, controller_hostname=CONTROLLER,
)  # fmt: skip


def with_hook(world: World, folder: Path, text: str, timeout: float = 60.0) -> None:
    """The fleet's hooks are this script."""
    path = folder / "hook"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    raw = {"provisioning": {"address": "192.0.2.1", "trusted_networks": ["192.0.2.0/24"]}}
    names = ("dns", "root_password", "bmc_password")
    fleet = FleetSpec.model_validate({**raw, "hooks": dict.fromkeys(names, "script")})
    hooks = {"script": HookCommand((str(path), str(folder)), timeout)}
    world.options = replace(world.options, fleet=lambda: fleet, hooks=hooks)


async def do(world: World, action: Any) -> None:
    await handlers(world.tools)[type(action)](action)
    assert all(shell.closed for shell in world.shells.shells)


@pytest.fixture
async def world() -> World:
    world = World()
    await do(world, build.INSTALL)
    world.machine.reboot(installed=True)
    world.shells.shells.clear()
    return world


async def test_a_hook_that_the_daemons_configuration_does_not_define_is_not_run(world: World, tmp_path: Path) -> None:
    with_hook(world, tmp_path, f"touch {tmp_path}/ran")
    world.options = replace(world.options, hooks={})
    with pytest.raises(
        TemporaryError, match=r"the daemon's configuration defines no hook script\. Put hooks: {script:"
    ):
        await do(world, HOOK)
    assert not (tmp_path / "ran").exists()


async def test_a_hook_is_told_who_the_machine_is(world: World, tmp_path: Path) -> None:
    with_hook(world, tmp_path, 'cat > "$1/told"')
    await do(world, HOOK)
    assert json.loads((tmp_path / "told").read_text()) == {
        "version": 1, "hook": "dns", "event": "enrolled", "serial": build.SERIAL, "hostname": build.HOSTNAME,
        "cluster": "cl1", "role": "controller", "location": "zone-1", "addresses": {"mgmt": "192.0.2.20"},
        "product": "PowerEdge R640", "bmc_address": None,
    }  # fmt: skip
    assert world.machine.log[-1] != "chpasswd"


async def test_one_that_is_gone_from_the_specs_is_told_nothing(world: World) -> None:
    before = list(world.machine.log)
    await do(world, HOOK)
    assert (world.shells.shells, world.machine.log) == ([], before)


async def test_roots_password_is_set_before_the_hook_is_told_of_it(world: World, tmp_path: Path) -> None:
    with_hook(world, tmp_path, 'cat > "$1/told"')
    await do(world, replace(HOOK, hook="root_password", event="in-service"))
    told = json.loads((tmp_path / "told").read_text())
    assert (told["username"], told["password"]) == ("root", "s3cret") == ("root", world.machine.root_password)
    await do(world, replace(HOOK, hook="root_password", event="released"))
    assert "password" not in json.loads((tmp_path / "told").read_text())


async def test_the_bmcs_login_is_told_too(world: World, tmp_path: Path) -> None:
    with_hook(world, tmp_path, 'cat > "$1/told"')
    await do(world, replace(HOOK, hook="bmc_password"))
    told = json.loads((tmp_path / "told").read_text())
    assert (told["username"], told["password"]) == ("oci", "secret")


async def test_a_hook_that_tells_the_password_in_its_error_tells_it_nobody(world: World, tmp_path: Path) -> None:
    with_hook(world, tmp_path, "cat >&2; exit 1")
    with pytest.raises(TemporaryError, match=r'hook root_password: .*"password": "\(the password\)"') as error:
        await do(world, replace(HOOK, hook="root_password", event="in-service"))
    assert "s3cret" not in f"{error.value} {error.value.__cause__}"


async def test_a_hook_that_hangs_ends_in_its_own_time(world: World, tmp_path: Path) -> None:
    with_hook(world, tmp_path, "sleep 1000", timeout=1.0)
    with pytest.raises(TemporaryError, match=r"hook dns: .*hook did not end within 1 s, and was killed"):
        await do(world, HOOK)


async def test_a_command_is_run_on_the_controller_as_it_was_written(world: World) -> None:
    await do(world, TELL)
    assert world.machine.told == ["nova-manage it's $HOME"]
    assert world.told[-1] == ("B002", f"on {CONTROLLER}: nova-manage it's $HOME")


async def test_one_that_fails_says_where_and_how(world: World) -> None:
    world.machine.command_exit = 1
    with pytest.raises(TemporaryError, match=rf'"nova-manage .*" ended with 1 on {CONTROLLER}, saying No hosts found'):
        await do(world, TELL)


async def test_and_on_no_other_node(world: World) -> None:
    with pytest.raises(PermanentError, match="was installed as"):
        await do(world, replace(TELL, controller_hostname="cl1-controller-2.example.com"))
    assert world.machine.told == []
