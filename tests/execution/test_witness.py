"""What a machine runs by its own proof, and what is not rebooted because of it: fakes first, then real SSH servers."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from reconciler.execution.drivers.host_keys import FileHostKeys
from reconciler.execution.handlers import handlers
from reconciler.execution.ports import BootDevice, HostKey
from reconciler.model.actions import Action
from reconciler.model.epoch import Epoch
from reconciler.model.errors import NotBegunError, PermanentError, TemporaryError
from reconciler.model.history import BmcWord, Proof
from reconciler.model.machine import Power
from reconciler.provisioning import commands

from ..fakes.clock import NOON
from ..fakes.machine import FakeMachine
from ..ports import closed_port
from . import build
from .build import ADDRESS, HOSTNAME, OWN_ADDRESS, SERIAL, World
from .ssh_server import SshMachine, a_key, listening, public, shells

NETWORK_BOOT = replace(build.LIVE, hostname=HOSTNAME, install=build.INSTALL.id)
DISK_BOOT = replace(build.DISK, hostname=HOSTNAME)


def running(
    serial: str = SERIAL, hostname: str = HOSTNAME, install: str = build.INSTALL.id, *, finished: bool = True
) -> FakeMachine:
    """A machine that runs what an install made."""
    marker = commands.Marker(serial, hostname, 1, install, finished=finished)
    return FakeMachine(
        serial=serial, disk={commands.MARKER_FILE: marker.render().encode()}, installed_runs=True
    )  # fmt: skip


OURS, LIVE = running, FakeMachine
FORMER = {"install": "former"}


def stranger() -> FakeMachine:
    return FakeMachine(serial="B002")


def installing() -> FakeMachine:
    machine = FakeMachine(install_looks=10)
    machine.put(commands.install_files(build.INSTALL, "true"))
    machine.answer(commands.START_INSTALL)
    return machine


@pytest.fixture
def world() -> World:
    world = World()
    world.chassis.state = Power.ON
    return world


async def do(world: World, action: Action, **at: FakeMachine | None) -> None:
    """Carry it out, where these machines answer at its own address and where it reports from."""
    there = {OWN_ADDRESS: at.get("own"), ADDRESS: at.get("reports")}
    world.shells.machines = {address: machine for address, machine in there.items() if machine is not None}
    await handlers(world.tools)[type(action)](action)
    assert all(shell.closed for shell in world.shells.shells)


def proved(runs: str, address: str, install: str | None = None) -> list[Proof]:
    return [Proof(NOON, runs, address, install)]


class TestVerifyInstall:
    async def test_the_marker_of_just_this_install_proves_it(self, world: World) -> None:
        await do(world, build.LOOK, own=OURS())
        assert world.records.proofs == proved("installed", OWN_ADDRESS, build.INSTALL.id)

    @pytest.mark.parametrize(
        ("own", "told"),
        [
            (None, "nobody answers at 192.0.2.20, its own address"),
            (LIVE(), "at 192.0.2.20 answers A001: that does not prove"),
            (running(**FORMER), "by install former: that does not prove install"),
            (running(finished=False), "which did not finish: that does not prove install"),
            (running(hostname="other.example.com"), "was installed as other.example.com on A001"),
            (running(serial="B002"), "on B002"),
        ],
    )
    async def test_nothing_else_does(self, world: World, own: FakeMachine | None, told: str) -> None:
        with pytest.raises(TemporaryError, match=told):
            await do(world, build.LOOK, own=own, reports=OURS())
        assert world.records.proofs == []


class TestVerifyLive:
    @pytest.mark.parametrize(
        ("own", "reports", "proof"),
        [
            (OURS(), LIVE(), proved("installed", OWN_ADDRESS, build.INSTALL.id)),
            (running(**FORMER), None, proved("installed", OWN_ADDRESS, "former")),
            (running(finished=False), None, proved("installed", OWN_ADDRESS, build.INSTALL.id)),
            (FakeMachine(installed_runs=True), LIVE(), proved("installed", OWN_ADDRESS)),
            (None, LIVE(), proved("live", ADDRESS)),
            (stranger(), LIVE(), proved("live", ADDRESS)),
            (None, OURS(), proved("installed", ADDRESS, build.INSTALL.id)),
        ],
        ids=[
            "a forged report", "an older install", "one that did not finish", "a system without a marker", "it fell",
            "it fell, and its address is another's", "its installed system has the address of the live one",
        ],
    )  # fmt: skip
    async def test_what_it_runs_is_recorded(
        self, world: World, own: FakeMachine | None, reports: FakeMachine | None, proof: list[Proof]
    ) -> None:
        await do(world, build.FALLEN, own=own, reports=reports)
        assert (world.records.proofs, world.chassis.booted_from) == (proof, [])

    @pytest.mark.parametrize(
        ("own", "reports", "told"),
        [
            (None, None, "nobody answers as A001 at 192.0.2.20, its own address, nor at 192.0.2.7"),
            (None, stranger(), "at 192.0.2.7 answers B002: that is not cl1-controller-1"),
            (running(serial="B002"), LIVE(), "was installed as cl1-controller-1.example.com on B002"),
            (None, running(serial="B002"), "on B002"),
        ],
    )
    async def test_nothing_is_where_neither_was_seen(
        self, world: World, own: FakeMachine | None, reports: FakeMachine | None, told: str
    ) -> None:
        with pytest.raises(TemporaryError, match=told):
            await do(world, build.FALLEN, own=own, reports=reports)
        assert world.records.proofs == []

    async def test_a_live_system_may_have_the_address_of_the_installed_one(self, world: World) -> None:
        world.directory.addresses[SERIAL] = ADDRESS
        await do(world, build.FALLEN, reports=LIVE())
        assert world.records.proofs == proved("live", ADDRESS)


class TestNetworkBoot:
    async def test_a_machine_that_runs_what_was_installed_is_left_alone_and_recorded(self, world: World) -> None:
        await do(world, NETWORK_BOOT, own=OURS())
        assert world.records.proofs == proved("installed", OWN_ADDRESS, build.INSTALL.id)
        assert (world.chassis.calls, world.shells.expected) == (0, [])

    @pytest.mark.parametrize(
        "own", [running(**FORMER), running(finished=False), running(hostname="x"), running(serial="B002"), stranger()]
    )
    async def test_any_other_system_at_its_address_waits_for_an_operator(self, world: World, own: FakeMachine) -> None:
        with pytest.raises(PermanentError, match="it was not rebooted"):
            await do(world, NETWORK_BOOT, own=own)
        assert (world.chassis.calls, world.records.proofs) == (0, [])

    @pytest.mark.parametrize("own", [None, LIVE()], ids=["nobody answers", "its live system does"])
    async def test_one_whose_install_is_known_to_have_failed_is_booted(
        self, world: World, own: FakeMachine | None
    ) -> None:
        await do(world, NETWORK_BOOT, own=own)
        assert world.chassis.booted_from == [BootDevice.NETWORK]

    async def test_one_that_nobody_saw_end_and_that_is_off_is_booted(self, world: World) -> None:
        world.chassis.state = Power.OFF
        await do(world, replace(NETWORK_BOOT, unseen=True))
        assert world.chassis.booted_from == [BootDevice.NETWORK]

    @pytest.mark.parametrize("reports", [None, stranger(), OURS()])
    async def test_one_that_nobody_saw_end_and_that_is_on_and_silent_waits_for_an_operator(
        self, world: World, reports: FakeMachine | None
    ) -> None:
        with pytest.raises(PermanentError, match="it may serve, and was not rebooted"):
            await do(world, replace(NETWORK_BOOT, unseen=True), reports=reports)
        assert (world.chassis.state, world.chassis.booted_from, world.shells.expected) == (Power.ON, [], [])

    async def test_one_that_nobody_saw_end_and_that_is_in_its_live_system_is_booted(self, world: World) -> None:
        await do(world, replace(NETWORK_BOOT, unseen=True), reports=LIVE())
        assert world.chassis.booted_from == [BootDevice.NETWORK]

    async def test_but_not_while_it_is_being_installed(self, world: World) -> None:
        with pytest.raises(TemporaryError, match="an install runs on this machine"):
            await do(world, replace(NETWORK_BOOT, unseen=True), reports=installing())
        assert world.chassis.booted_from == []


FIRST = replace(build.LIVE, hostname=HOSTNAME)
"""Of a machine on which no install ever began, as far as the database knows: it may be older than the machine."""


class TestFirstNetworkBoot:
    @pytest.mark.parametrize("own", [OURS(), running(finished=False), stranger(), running(serial="B002")])
    async def test_whatever_has_its_address_is_asked_before(self, world: World, own: FakeMachine) -> None:
        with pytest.raises(PermanentError, match="it was not rebooted"):
            await do(world, FIRST, own=own)
        assert (world.chassis.calls, world.records.proofs) == (0, [])

    @pytest.mark.parametrize("own", [None, LIVE()], ids=["nobody answers", "its live system does"])
    async def test_one_of_which_nothing_answers_is_booted(self, world: World, own: FakeMachine | None) -> None:
        await do(world, FIRST, own=own)
        assert world.chassis.booted_from == [BootDevice.NETWORK]


class TestReinstall:
    """Of a machine that an approval has leave service: the database, and with it the approval, may be of yesterday."""

    BOOT = replace(NETWORK_BOOT, install="former", leaves="former")

    async def test_the_install_that_was_approved_to_go_is_taken_down(self, world: World) -> None:
        await do(world, self.BOOT, own=running(**FORMER))
        assert world.chassis.booted_from == [BootDevice.NETWORK]

    async def test_the_one_that_came_after_it_is_not(self, world: World) -> None:
        with pytest.raises(PermanentError, match="it was not rebooted"):
            await do(world, self.BOOT, own=OURS())
        assert world.chassis.calls == 0


class TestAge:
    """State folder and database may have been restored together: then only machines know better."""

    HERE = Epoch("of-ours", 7)

    def told(self, world: World) -> list[str]:
        told: list[str] = []
        world.options = replace(
            world.options, epoch=lambda: self.HERE, is_behind=lambda *which: which[2] > 7, doubt=told.append
        )
        return told

    def installed(self, **said: object) -> FakeMachine:
        marker = replace(commands.Marker(SERIAL, HOSTNAME, 1, build.INSTALL.id), **said)
        return FakeMachine(disk={commands.MARKER_FILE: marker.render().encode()}, installed_runs=True)

    @pytest.mark.parametrize("action", [FIRST, NETWORK_BOOT, DISK_BOOT, build.LOOK, build.FALLEN, build.INSTALL])
    async def test_an_install_that_a_newer_database_ordered_has_nothing_begun_any_more(
        self, world: World, action: Action
    ) -> None:
        told = self.told(world)
        newer = self.installed(fleet="of-ours", counter=8)
        with pytest.raises(NotBegunError, match=r"A001 was installed as .* of which it knows nothing"):
            await do(world, action, own=newer, reports=newer)
        assert len(told) == 1
        assert (world.chassis.booted_from, world.records.proofs, world.records.erased) == ([], [], [])

    @pytest.mark.parametrize("said", [{"fleet": "of-ours", "counter": 7}, {"fleet": "of-others", "counter": 8}, {}])
    async def test_one_of_now_or_of_another_fleet_says_nothing_of_it(
        self, world: World, said: dict[str, object]
    ) -> None:
        told = self.told(world)
        await do(world, build.LOOK, own=self.installed(**said))
        assert told == []


HINTED = replace(build.LIVE, hinted=True)


class TestABootForAHint:
    """A machine of which nobody returned a nonce may be anybody's: its BMC, or itself, has to agree."""

    async def test_one_that_is_off_is_booted(self, world: World) -> None:
        world.chassis.state = Power.OFF
        await do(world, HINTED)
        assert world.chassis.booted_from == [BootDevice.NETWORK]

    @pytest.mark.parametrize("reports", [None, stranger(), OURS()])
    @pytest.mark.parametrize("state", [one for one in Power if one is not Power.OFF])
    async def test_one_that_is_not_off_and_does_not_answer_as_the_live_system_is_left_alone(
        self, world: World, reports: FakeMachine | None, state: Power
    ) -> None:
        world.chassis.state = state
        with pytest.raises(PermanentError, match="anybody may have sent it, and it was not rebooted"):
            await do(world, HINTED, reports=reports)
        assert (world.chassis.state, world.chassis.booted_from, world.records.booted) == (state, [], [])

    async def test_one_that_answers_as_the_live_system_is_booted(self, world: World) -> None:
        await do(world, HINTED, reports=LIVE())
        assert world.chassis.booted_from == [BootDevice.NETWORK]

    async def test_but_not_while_it_is_being_installed(self, world: World) -> None:
        with pytest.raises(TemporaryError, match="an install runs on this machine"):
            await do(world, HINTED, reports=installing())
        assert world.chassis.booted_from == []

    async def test_it_is_the_same_action_for_the_journal(self) -> None:
        assert HINTED.id == build.LIVE.id


class TestVerifyBmc:
    """The witness of a machine whose agent returns no nonce."""

    async def test_its_own_bmc_says_that_it_is_on(self, world: World) -> None:
        await do(world, build.ASK_BMC)
        assert world.records.vouchers == [BmcWord(NOON, "192.0.2.9", "on")]
        assert (world.chassis.booted_from, world.chassis.sessions, world.shells.shells) == ([], 0, [])

    @pytest.mark.parametrize("state", [one for one in Power if one is not Power.ON])
    async def test_one_that_is_not_on_runs_nothing_that_could_report(self, world: World, state: Power) -> None:
        world.chassis.state = state
        with pytest.raises(TemporaryError, match=f"its BMC at 192.0.2.9 says that it is {state}: somebody else report"):
            await do(world, build.ASK_BMC)
        assert world.records.vouchers == [BmcWord(NOON, "192.0.2.9", state.value)]

    @pytest.mark.parametrize(
        ("serial", "told"), [("B002", "says that it belongs to B002"), ("", "does not say whose it is: it speaks for")]
    )
    async def test_another_machines_says_nothing_nor_does_one_that_knows_no_serial(
        self, world: World, serial: str, told: str
    ) -> None:
        world.chassis.serial = serial
        with pytest.raises(PermanentError, match=told):
            await do(world, build.ASK_BMC)
        assert world.records.vouchers == []

    async def test_one_that_does_not_know_our_password_is_not_ours(self, world: World) -> None:
        world.chassis.password = "another"
        with pytest.raises(PermanentError, match="refuses user"):
            await do(world, build.ASK_BMC)
        assert world.records.vouchers == []


@pytest.mark.parametrize("action", [build.LIVE, build.DISK, build.ON, build.FIND], ids=lambda action: action.type)
async def test_that_another_boot_begins_is_written_down_before_the_power_is_switched(
    world: World, action: Action
) -> None:
    """A nonce of the boot before is not to count for a moment longer than that boot lasts."""
    world.chassis.state, states = Power.OFF if action in (build.ON, build.FIND) else Power.ON, []
    world.records.booting = lambda serial, at: states.append((world.chassis.state, list(world.chassis.booted_from)))
    before = world.chassis.state
    if action is build.FIND:
        world.directory.known.clear()
    await do(world, action)
    assert states == [(before, [])]


async def test_no_boot_begins_where_the_bmc_does_not_answer(world: World) -> None:
    world.chassis.silent = True
    with pytest.raises(TemporaryError):
        await do(world, build.LIVE)
    assert world.records.booted == []


class TestDiskBoot:
    async def test_a_machine_that_runs_from_its_disk_is_left_alone(self, world: World) -> None:
        await do(world, DISK_BOOT, own=OURS(), reports=LIVE())
        assert world.records.proofs == proved("installed", OWN_ADDRESS, build.INSTALL.id)
        assert (world.chassis.calls, world.shells.expected) == (0, [])

    @pytest.mark.parametrize("own", [None, LIVE(), stranger(), running(serial="B002")])
    async def test_any_other_is_booted(self, world: World, own: FakeMachine | None) -> None:
        await do(world, DISK_BOOT, own=own, reports=LIVE())
        assert (world.chassis.booted_from, world.records.proofs) == ([BootDevice.DISK], [])


class TestPuppet:
    @pytest.mark.parametrize("action", [build.PUPPET, build.ROLL_OUT], ids=lambda action: action.type)
    async def test_a_node_is_asked_where_it_was_put_wherever_anybody_called_from(
        self, world: World, action: Action
    ) -> None:
        node = OURS()
        world.directory.known[SERIAL] = replace(world.directory.known[SERIAL], address="192.0.2.99")
        await do(world, action, own=node)
        assert node.puppet_runs == 1

    async def test_one_without_an_address_says_so(self, world: World) -> None:
        world.directory.addresses.clear()
        with pytest.raises(TemporaryError, match="A001 has no management address"):
            await do(world, build.PUPPET, reports=OURS())


# ---- real SSH servers

OWN, LEASE = "127.0.0.1", "127.0.0.2"


@pytest.fixture
async def node(world: World) -> AsyncIterator[SshMachine]:
    """The machine's installed system, with a host key that nobody saw yet."""
    world.directory.addresses[SERIAL] = OWN
    world.move(LEASE)
    async with listening(OURS()) as server:
        yield server


async def really(world: World, action: Action, keys: FileHostKeys, server: SshMachine) -> None:
    opened = shells(server.port, keys, world.directory, world.clock)
    await handlers(replace(world.tools, shells=opened))[type(action)](action)


@pytest.mark.parametrize("action", [build.LOOK, build.FALLEN, NETWORK_BOOT, DISK_BOOT], ids=lambda a: a.type)
async def test_who_asks_believes_any_host_key_and_pins_none(
    action: Action, world: World, node: SshMachine, keys: FileHostKeys
) -> None:
    pinned = HostKey(public(a_key()), "a boot of the live system")
    keys.pin(SERIAL, pinned)
    await really(world, action, keys, node)
    assert world.records.proofs == proved("installed", OWN, build.INSTALL.id)
    assert (keys.pinned(SERIAL), keys.new_boot_since(SERIAL)) == (pinned, None)
    assert world.chassis.booted_from == []


async def test_a_node_that_shows_another_host_key_gets_no_puppet(
    world: World, node: SshMachine, keys: FileHostKeys
) -> None:
    keys.pin(SERIAL, HostKey(public(a_key()), "a boot of the live system"))
    with pytest.raises(PermanentError, match="host key changed"):
        await really(world, build.PUPPET, keys, node)
    assert node.machine.puppet_runs == 0


async def test_a_liar_who_reports_and_lets_nobody_in_proves_nothing(
    world: World, node: SshMachine, keys: FileHostKeys
) -> None:
    node.client_key = a_key()
    await node.become(a_key())
    with pytest.raises(PermanentError, match="does not accept our SSH key"):
        await really(world, build.FALLEN, keys, node)
    assert world.records.proofs == []


async def test_nobody_at_either_address_is_no_fall(world: World, node: SshMachine, keys: FileHostKeys) -> None:
    await node.stop()
    with closed_port() as node.port, pytest.raises(TemporaryError, match="nobody answers as A001"):
        await really(world, build.FALLEN, keys, node)
    assert (world.records.proofs, world.chassis.booted_from) == ([], [])
