"""A simulated server does what a real one does: it boots, reports, is installed, loses power."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from reconciler.hardware.report import parse_report
from reconciler.model.actions import InstallOs, RootImage
from reconciler.provisioning import commands, fence, puppet_runs
from reconciler.simulator.hardware import CONTROLLER, PROXY, STORE, Model, RackedServer, boot_mac, report
from reconciler.simulator.life import Pace, ServerState
from reconciler.simulator.programs import put_programs

from ..execution.build import INSTALL
from .stage import FAST, SSH_PORT, SWITCHES, Stage, staged

SLOW = Pace(boot=0.05, report_every=0.1, install_step=30.0, puppet=0.05)


async def installed(stage: Stage, action: InstallOs = INSTALL, address: str | None = None) -> None:
    await stage.boot("network")
    times = stage.listener.statuses.count("installed")
    await stage.install(action, address)
    await stage.until(lambda: stage.listener.statuses.count("installed") > times)
    await stage.server.power_off()
    await stage.boot("disk")


async def test_an_image_is_installed_without_its_script_being_run_on_this_machine(tmp_path: Path) -> None:
    picture = RootImage(url="http://192.0.2.1/root.tar", sha256="a" * 64)
    async with staged(tmp_path) as stage:
        await installed(stage, replace(INSTALL, image=picture))
        assert stage.server.installs == 1
        assert stage.server.state is ServerState.INSTALLED


@pytest.mark.parametrize(
    ("asked", "on_disk", "device", "state"),
    [
        ("network", False, "network", ServerState.LIVE),
        ("network", True, "network", ServerState.LIVE),
        ("disk", True, "disk", ServerState.INSTALLED),
        ("disk", False, "disk", ServerState.STUCK),
        ("default", False, "network", ServerState.LIVE),  # an empty disk falls through to the next device
        ("default", True, "disk", ServerState.INSTALLED),
    ],
)
async def test_a_server_boots_what_was_chosen_or_what_it_finds(
    asked: str, on_disk: bool, device: str, state: ServerState, tmp_path: Path
) -> None:
    async with staged(tmp_path) as stage:
        if on_disk:
            stage.server.marker.parent.mkdir(parents=True)
            stage.server.marker.write_text(commands.Marker("S1", "n1.example.com", 1, "abc").render())
        await stage.server.power_on(asked)
        assert stage.server.state is ServerState.BOOTING
        await stage.until(lambda: stage.server.state is not ServerState.BOOTING)
        assert (stage.server.boots, stage.server.state) == ([device], state)


@pytest.mark.parametrize("is_stock", [False, True])
async def test_our_agent_returns_the_nonce_that_the_boot_script_gave_and_the_stock_one_does_not(
    tmp_path: Path, is_stock: bool
) -> None:
    async with staged(tmp_path) as stage:
        stage.listener.script = "#!ipxe\nkernel vmlinuz boot=live reconciler.nonce=1.ab.cd console=ttyS0 || exit 1\n"
        stage.server.agent.is_stock = is_stock
        await stage.boot("network")
        await stage.until(lambda: stage.listener.reports)
        assert stage.listener.booted == [(stage.server.address, boot_mac(stage.server.placed).replace(":", "-"))]
        assert stage.listener.reports[0].get("boot_nonce") == (None if is_stock else "1.ab.cd")
        await stage.server.power_off()
        stage.listener.script = "#!ipxe\n"
        heard = len(stage.listener.reports)
        await stage.boot("network")
        await stage.until(lambda: len(stage.listener.reports) > heard + 1)
        assert "boot_nonce" not in stage.listener.reports[-1]


async def test_a_server_that_is_on_is_not_booted_again(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.boot("network")
        await stage.server.power_on("disk")
        assert (stage.server.boots, stage.server.state) == (["network"], ServerState.LIVE)


async def test_the_live_system_says_so_and_reports_from_its_own_address_until_the_power_goes(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.boot("network")
        await stage.until(lambda: len(stage.listener.reports) >= 3)
        assert stage.listener.statuses == ["live"]
        assert {caller for caller, _, _ in stage.listener.heard} == {stage.server.address}
        await stage.server.power_off()
        heard = len(stage.listener.heard)
        await asyncio.sleep(6 * FAST.report_every)
        assert len(stage.listener.heard) <= heard + 1  # one may have been under way


@pytest.mark.parametrize("model", [CONTROLLER, PROXY, STORE], ids=lambda model: model.product)
def test_reports_are_such_as_the_stock_agent_sends(model: Model) -> None:
    said = report(RackedServer("S1", model, SWITCHES, "swp7", 3), frozenset({"sda", "sdb"}), "127.1.0.101")
    found = parse_report(json.dumps(said).encode())
    assert (found.serial, found.product, found.bmc_address) == ("S1", model.product, "127.1.0.101")
    assert len(found.physical_disks or found.disks) == 2
    assert [nic.mac for nic in found.nics] == [f"52:54:00:00:03:0{i}" for i in range(4)]
    assert (found.from_installed, found.extra) == (False, {})


async def test_a_disk_that_was_pulled_is_missing_in_the_next_report(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.boot("network")
        (stage.server.root / "disks" / "sdc").unlink()
        await stage.until(lambda: stage.listener.reports and _disks(stage.listener.reports[-1]) == 13)
        names = [disk["name"] for disk in stage.listener.reports[-1]["blockdevices"]]
        assert "sdc" not in names


def _disks(said: dict[str, list[object]]) -> int:
    return len(said["blockdevices"])


async def test_an_installed_system_runs_puppet_says_so_once_and_reports_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await installed(stage)
        reports = len(stage.listener.reports)  # none is under way: the power went before it booted from its disk
        await stage.until(lambda: "puppet-success" in stage.listener.statuses)
        await asyncio.sleep(6 * FAST.report_every)
        assert len(stage.listener.reports) == reports
        assert stage.listener.statuses == [
            "live", "installing", "installed", "firstboot", "puppet-running", "puppet-success"
        ]  # fmt: skip
        assert parse_report(json.dumps(stage.listener.reports[0]).encode()).from_installed is False
        assert parse_report(json.dumps(stage.server.report()).encode()).from_installed is True
        assert (stage.server.installs, stage.server.boots) == (1, ["network", "disk"])


async def test_each_system_has_an_address_of_its_own(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        leased = stage.server.address
        given = f"{leased.rpartition('.')[0]}.130"
        await installed(stage, address=given)
        assert (await stage.ask(commands.READ_MARKER))[0] == 0
        await stage.until(lambda: "puppet-success" in stage.listener.statuses)
        told = {said: caller for caller, what, said in stage.listener.heard if what == "status"}
        assert (told["installed"], told["firstboot"], told["puppet-success"]) == (leased, given, given)
        with pytest.raises(ConnectionRefusedError):
            await asyncssh.connect(leased, SSH_PORT, known_hosts=None, config=None)
        await stage.server.power_off()
        await stage.boot("network")
        assert stage.server.own_address == leased
        assert (await stage.ask(commands.READ_MARKER))[0] != 0


async def test_the_first_boot_happens_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await installed(stage)
        await stage.until(lambda: "puppet-success" in stage.listener.statuses)
        await stage.server.power_off()
        await stage.boot("default")
        assert stage.server.state is ServerState.INSTALLED
        assert stage.listener.statuses.count("firstboot") == 1


async def test_puppet_fails_as_often_as_it_is_told_to(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.server.puppet_failures = 10
        await installed(stage)
        await stage.until(lambda: "puppet-failure" in stage.listener.statuses)
        assert puppet_runs.parse_first_runs((await stage.ask(puppet_runs.READ_FIRST_RUNS))[1]) == (9, False)
        assert puppet_runs.parse_last_run((await stage.ask(puppet_runs.READ_LAST_RUN))[1]).good is False
        assert (await stage.ask(puppet_runs.RUN_PUPPET))[0] == 6
        assert (await stage.ask(puppet_runs.RUN_PUPPET))[0] in puppet_runs.PUPPET_GOOD
        assert puppet_runs.parse_last_run((await stage.ask(puppet_runs.READ_LAST_RUN))[1]).good is True


async def test_power_loss_kills_the_installer_and_leaves_nothing_to_boot(tmp_path: Path) -> None:
    async with staged(tmp_path, pace=SLOW) as stage:
        await stage.boot("network")
        await stage.install(INSTALL)
        await stage.until(lambda: stage.server.installs == 1)
        assert stage.server.installing
        await stage.server.power_off()
        assert (stage.server.installing, stage.server.live.exists(), stage.server.marker.exists()) == (False,) * 3
        await stage.server.power_on("default")
        await stage.until(lambda: stage.server.state is ServerState.LIVE)


async def test_an_install_that_is_repeated_erases_what_was_there_unless_it_has_finished(tmp_path: Path) -> None:
    async with staged(tmp_path, pace=SLOW) as stage:
        other = commands.Marker("S1", "n1.example.com", 1, "0123456789ab")
        stage.server.marker.parent.mkdir(parents=True)
        stage.server.marker.write_text(other.render())
        await stage.boot("network")
        await stage.install(INSTALL)
        await stage.until(lambda: not stage.server.installing)
        state = commands.parse_state((await stage.ask(commands.READ_STATE))[1])
        assert (state.state, [met.verdict for met in state.looked.markers]) == ("refused", ["refused"])
        assert stage.server.installs == 0 and stage.server.marker.exists()
        stage.server.marker.write_text(replace(other, finished=False).render())
        await stage.install(INSTALL)
        await stage.until(lambda: stage.server.installs == 1 and not stage.server.marker.exists())


def test_nothing_that_touches_disks_is_the_machines_own_that_simulates(tmp_path: Path) -> None:
    put_programs(tmp_path, 0.0, "http://127.0.0.1:9", "127.0.0.1")
    assert set(fence.PROGRAMS) <= {program.name for program in (tmp_path / "bin").iterdir()}


async def test_an_install_fails_where_somebody_left_a_file_that_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        (stage.server.root / "fail-install").touch()
        await stage.boot("network")
        await stage.install(INSTALL)
        await stage.until(lambda: not stage.server.installing)
        state = commands.parse_state((await stage.ask(commands.READ_STATE))[1])
        assert (state.id, state.state, state.exit) == (INSTALL.id, "failed", 1)
        assert (await stage.ask(commands.READ_PROGRESS))[1] == "E: the mirror went away\n"
        assert not stage.server.marker.exists()


async def test_the_same_install_started_again_erases_nothing_more(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.boot("network")
        await stage.install(INSTALL)
        await stage.until(lambda: not stage.server.installing)
        await stage.install(INSTALL)
        await stage.until(lambda: not stage.server.installing)
        assert stage.server.installs == 1
