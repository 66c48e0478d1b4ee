"""Handlers against fakes: what each makes true, and what it refuses."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.execution.handlers import handlers
from reconciler.execution.handlers.puppet import SLACK
from reconciler.execution.ports import BootDevice
from reconciler.model.actions import Action, Erasable, InstallOs, RootImage, Voucher
from reconciler.model.contents import Contents, MarkFound
from reconciler.model.disk_id import InstalledSystem
from reconciler.model.epoch import Epoch
from reconciler.model.errors import ForeignDataError, PermanentError, TemporaryError
from reconciler.model.files import File
from reconciler.model.gates import GateName
from reconciler.model.machine import Power, SecretRef
from reconciler.provisioning import commands, fence, fence_script, puppet_runs, root_image

from ..fakes.clock import NOON
from ..fakes.machine import FakeMachine, run_summary
from . import build
from .build import World

HOUR = timedelta(hours=1)

ON_THE_MACHINE = [
    build.LIVE, build.DISK, build.ON, build.INSTALL, build.PUPPET, build.ROLL_OUT, build.LOOK, build.FALLEN,
    build.BEGIN, build.ASK_BMC,
]  # fmt: skip


@pytest.fixture
def world() -> World:
    return World()


async def do(world: World, action: Action) -> None:
    await handlers(world.tools)[type(action)](action)
    assert all(shell.closed for shell in world.shells.shells)
    assert world.chassis.sessions == 0


@pytest.mark.parametrize(
    ("action", "done"),
    [
        (build.ENROLL, build.ENROLL),
        (build.MINT, (SecretRef("cl1", "swift", "hashpathprefix", "hex"),)),
        (build.RENEW, (SecretRef("cl1", "api", "server", "certificate"), datetime(2026, 12, 24, 12, tzinfo=UTC))),
        (build.RELEASE, build.SERIAL),
    ],
)
async def test_bookkeeping_is_left_to_the_records(world: World, action: Action, done: object) -> None:
    await do(world, action)
    assert world.records.done == [done]
    assert (world.chassis.calls, world.machine.log) == (0, [])


@pytest.mark.parametrize(
    ("action", "device"), [(build.LIVE, BootDevice.NETWORK), (build.DISK, BootDevice.DISK)], ids=["live", "disk"]
)
@pytest.mark.parametrize("state", list(Power))
async def test_a_boot(world: World, action: Action, device: BootDevice, state: Power) -> None:
    world.chassis.state = state
    await do(world, action)
    assert (world.chassis.state, world.chassis.booted_from, world.chassis.uefi) == (Power.ON, [device], [True])
    assert world.shells.expected == [build.SERIAL]


async def test_of_a_machine_whose_boot_mode_nobody_reported_none_is_asked_for(world: World) -> None:
    seen = world.directory.known[build.SERIAL]
    world.directory.known[build.SERIAL] = replace(seen, hardware=replace(seen.hardware, uefi=None))
    await do(world, build.DISK)
    assert (world.chassis.booted_from, world.chassis.uefi) == ([BootDevice.DISK], [None])


class TestAMachineThatNobodyHasSeen:
    @pytest.fixture(autouse=True)
    def unseen(self, world: World) -> None:
        world.directory.known.clear()
        world.directory.generations.clear()
        world.directory.reporters = frozenset()

    async def test_it_is_turned_on_from_the_network(self, world: World) -> None:
        await do(world, build.FIND)
        assert (world.chassis.state, world.chassis.booted_from) == (Power.ON, [BootDevice.NETWORK])

    @pytest.mark.parametrize("state", [one for one in Power if one is not Power.OFF])
    async def test_whatever_it_runs_is_not_ended(self, world: World, state: Power) -> None:
        world.chassis.state = state
        with pytest.raises(TemporaryError, match=f"it is {state}, and never reported"):
            await do(world, build.FIND)
        assert (world.chassis.state, world.chassis.booted_from) == (state, [])

    @pytest.mark.parametrize(("says", "told"), [("B002", "belongs to B002"), ("", "does not say whose it is")])
    async def test_another_machines_bmc_switches_nothing(self, world: World, says: str, told: str) -> None:
        world.chassis.serial = says
        with pytest.raises(PermanentError, match=told):
            await do(world, build.FIND)
        assert (world.chassis.state, world.chassis.booted_from) == (Power.OFF, [])


async def test_a_machine_that_is_on_is_not_turned_on(world: World) -> None:
    world.chassis.state = Power.ON
    await do(world, build.ON)
    assert (world.chassis.booted_from, world.shells.expected) == ([], [])


async def test_a_machine_that_is_off_is_turned_on(world: World) -> None:
    await do(world, build.ON)
    assert (world.chassis.state, world.shells.expected) == (Power.ON, [build.SERIAL])


@pytest.mark.parametrize("action", ON_THE_MACHINE, ids=lambda a: a.type)
async def test_what_was_planned_for_an_older_generation_is_refused(world: World, action: Action) -> None:
    world.directory.generations[build.SERIAL] = 2
    with pytest.raises(TemporaryError, match="planned for generation 1, and A001 is at 2 now"):
        await do(world, action)
    assert (world.chassis.calls, world.machine.log) == (0, [])


@pytest.mark.parametrize("action", ON_THE_MACHINE, ids=lambda a: a.type)
async def test_a_machine_that_nobody_saw_cannot_be_reached(world: World, action: Action) -> None:
    world.directory.known.clear()
    with pytest.raises(TemporaryError, match="was never seen"):
        await do(world, action)


async def test_a_machine_without_a_known_bmc_says_so(world: World) -> None:
    world.directory.bmcs.clear()
    with pytest.raises(TemporaryError, match="nobody knows the BMC"):
        await do(world, build.LIVE)


def held(signature: str, *, uuid: str) -> Contents:
    """What a disk without a name of its own holds."""
    return Contents.parse(signature) + Contents.of(MarkFound("UUID", uuid))


def met_on(disk: str, verdict: str, install: str) -> dict[str, object]:
    """What the script says that looks at the disks, where a marker of ours is."""
    marker = commands.Marker(build.SERIAL, "n1.example.com", 1, install, finished=verdict != "unfinished")
    return {"disk": disk, "verdict": verdict, "marker": base64.b64encode(marker.render().encode()).decode()}


class TestInstall:
    async def test_a_blank_machine_is_installed_once(self, world: World) -> None:
        hosts = {commands.TARGET + "/etc/hosts": File(b"127.0.0.1 localhost\n", 0o644)}
        world.options = replace(world.options, files=lambda action: hosts)
        await do(world, build.INSTALL)
        assert world.machine.installs == 1
        assert commands.parse_marker(world.machine.disk[commands.MARKER_FILE].decode()).hostname == build.HOSTNAME
        assert world.machine.disk["/etc/hosts"] == b"127.0.0.1 localhost\n"
        assert world.told[0] == (build.SERIAL, "2 steps left")

    async def test_the_record_on_the_disk_says_who_made_what_of_which_disks(self, world: World) -> None:
        world.options = replace(world.options, epoch=lambda: Epoch("6f1c0d7e", 41))
        await do(world, build.INSTALL)
        found = commands.parse_marker(world.machine.disk[commands.MARKER_FILE].decode())
        assert (found.serial, found.generation, found.id) == (build.SERIAL, 1, build.INSTALL.id)
        assert (found.fleet, found.counter, found.finished) == ("6f1c0d7e", 41, True)
        assert datetime.fromisoformat(found.began or "") >= NOON
        assert found.on == found.system_on == (str(build.SDA.identity),)

    async def test_nothing_is_erased_while_somebody_else_has_its_address(self, world: World) -> None:
        """A new database gives out an address that a machine in service has, of which it knows nothing."""

        def made(action: InstallOs) -> dict[str, File]:
            raise AssertionError("its keys were made")

        world.options = replace(world.options, files=made)
        world.shells.machines[build.OWN_ADDRESS] = FakeMachine(serial="B002")
        with pytest.raises(PermanentError, match=r"answers B002, .* is to have that address: nothing was erased"):
            await do(world, build.INSTALL)
        assert (world.machine.installs, world.records.erased) == (0, [])

    @pytest.mark.parametrize("vouched", [None, Voucher.NONCE])
    async def test_a_stranger_is_given_no_key_and_nothing_is_made_for_it(
        self, world: World, vouched: Voucher | None
    ) -> None:
        """Attack T7: an invented machine with an SSH port that takes any key."""

        def made(action: InstallOs) -> dict[str, File]:
            raise AssertionError("its keys were made")

        world.options = replace(world.options, files=made)
        world.directory.known[build.SERIAL] = replace(world.directory.known[build.SERIAL], boot=None)
        with pytest.raises(TemporaryError, match="it gets no keys"):
            await do(world, replace(build.INSTALL, vouched=vouched))
        assert (world.machine.installs, world.machine.files, world.records.erased) == (0, {}, [])

    @pytest.mark.parametrize("vouched", [Voucher.BMC, Voucher.PINNED, Voucher.APPROVED])
    async def test_whom_somebody_else_vouches_for_returns_no_nonce(self, world: World, vouched: Voucher) -> None:
        world.directory.known[build.SERIAL] = replace(world.directory.known[build.SERIAL], boot=None)
        action = replace(build.INSTALL, vouched=vouched)
        await do(world, action)
        assert (world.machine.installs, action.id) == (1, build.INSTALL.id)

    async def test_an_install_that_runs_is_followed_whoever_vouches(self, world: World) -> None:
        world.machine.install_looks = 3
        world.machine.put(commands.install_files(build.INSTALL, "true"))
        world.machine.answer(commands.START_INSTALL)
        await do(world, replace(build.INSTALL, vouched=None))
        assert world.machine.installs == 1

    async def test_doing_it_again_changes_nothing(self, world: World) -> None:
        await do(world, build.INSTALL)
        await do(world, build.INSTALL)
        assert world.machine.installs == 1

    async def test_a_machine_that_already_runs_what_was_asked_is_left_alone(self, world: World) -> None:
        await do(world, build.INSTALL)
        world.machine.reboot(installed=True)
        await do(world, build.INSTALL)
        assert world.machine.installs == 1

    async def test_nothing_is_erased_on_a_machine_that_runs_an_installed_system(self, world: World) -> None:
        await do(world, build.INSTALL)
        world.machine.reboot(installed=True)
        with pytest.raises(PermanentError, match=r"the installed system cl1-controller-1\S+ \(install \w+\) runs here"):
            await do(world, replace(build.INSTALL, reinstall="2026-11-22"))
        assert world.machine.installs == 1

    async def test_a_machine_with_another_serial_is_refused(self, world: World) -> None:
        world.machine.serial = "B002"
        with pytest.raises(PermanentError, match=r"the machine at 192\.0\.2\.7 is not A001: its serials are B002$"):
            await do(world, build.INSTALL)
        assert (world.machine.installs, world.machine.files) == (0, {})

    @pytest.mark.parametrize(
        ("disks", "why"),
        [
            ({}, "sda is gone"),
            ({"sda": ("SSD", 1)}, 'sda is "sda SSD 1", the plan saw "sda SSD 240000000000"'),
            ({"sda": ("HDD", 240_000_000_000)}, 'sda is "sda HDD'),
        ],
    )
    async def test_disks_that_changed_are_not_erased(
        self, world: World, disks: dict[str, tuple[str, int]], why: str
    ) -> None:
        world.machine.disks = disks
        with pytest.raises(PermanentError, match=why):
            await do(world, build.INSTALL)
        assert (world.machine.installs, world.machine.files) == (0, {})

    async def test_a_disk_that_the_plan_did_not_identify_is_not_erased(self, world: World) -> None:
        world.machine.disks["sdb"] = ("SSD", 5)
        with pytest.raises(PermanentError, match="sdb was not in the plan"):
            await do(world, replace(build.INSTALL, role="swiftstore", data_disks=("sdb",)))

    async def test_what_nobody_allowed_to_erase_is_named_and_stays(self, world: World) -> None:
        world.machine.written = [("sda", "gpt"), ("sda", "PMBR")]
        with pytest.raises(ForeignDataError, match="sda SSD 240000000000 holds gpt") as met:
            await do(world, replace(build.INSTALL, may_hold=(Erasable("sda", Contents.parse("ext4")),)))
        assert met.value.found == ((build.SDA.identity, Contents.parse("gpt")),)
        assert (world.machine.installs, list(world.machine.files), world.records.erased) == (0, [fence.SCRIPT_FILE], [])

    @pytest.mark.parametrize("allowed", [Contents.parse("gpt"), None], ids=str)
    async def test_what_somebody_allowed_to_erase_is_erased_and_that_is_recorded_first(
        self, world: World, allowed: Contents | None
    ) -> None:
        world.machine.written = [("sda", "gpt")]
        action = replace(build.INSTALL, may_hold=(Erasable("sda", allowed),))
        assert action.id == build.INSTALL.id
        await do(world, action)
        assert (world.machine.installs, world.records.erased) == (1, [(str(build.SDA.identity),)])

    async def test_what_is_to_be_erased_and_what_was_left_are_known_again_by_marks(self, world: World) -> None:
        world.machine.written = [("sda", "gpt")]
        world.machine.facts = [{"disk": "sda", "uuids": ["AA-1"]}]
        world.machine.left = {"sda": ["BB-2"]}
        world.machine.install_exit = 100
        with pytest.raises(PermanentError, match="the installer ended with 100"):
            await do(world, replace(build.INSTALL, may_hold=(Erasable("sda", held("gpt", uuid="AA-1")),)))
        assert world.records.marks == [("uuid aa-1",), ("uuid bb-2",)]
        world.machine.facts = [{"disk": "sda", "uuids": ["BB-2"]}]
        world.machine.install_exit = 0
        await do(world, replace(build.INSTALL, ours=("uuid aa-1", "uuid bb-2")))
        assert world.machine.installs == 2

    async def test_a_disk_of_the_same_model_swapped_in_is_asked_about(self, world: World) -> None:
        world.machine.written = [("sda", "LVM2_member")]
        world.machine.facts = [{"disk": "sda", "unread": "/dev/sda: LVM"}, {"disk": "sda", "uuids": ["CC-3"]}]
        ours = (str(build.SDA.identity), "uuid aa-1", "uuid bb-2")
        with pytest.raises(ForeignDataError) as met:
            await do(world, replace(build.INSTALL, ours=ours))
        assert met.value.found == ((build.SDA.identity, held("LVM2_member", uuid="CC-3")),)

    async def test_a_disk_swapped_for_one_with_the_same_signature_after_the_approval_is_asked_about(
        self, world: World
    ) -> None:
        world.machine.written = [("sda", "LVM2_member")]
        world.machine.facts = [{"disk": "sda", "uuids": ["DD-4"]}]
        with pytest.raises(ForeignDataError, match="sda SSD 240000000000 holds LVM2_member, UUID DD-4"):
            await do(world, replace(build.INSTALL, may_hold=(Erasable("sda", held("LVM2_member", uuid="CC-3")),)))
        assert (world.machine.installs, world.records.erased) == (0, [])

    async def test_this_very_install_on_the_disk_is_the_end_of_it(self, world: World) -> None:
        world.machine.facts, world.machine.look_exit = [met_on("sda", "ended", build.INSTALL.id)], fence_script.ENDED
        world.machine.written = [("sda", "gpt")]
        await do(world, build.INSTALL)
        assert (world.machine.installs, world.records.erased) == (0, [])

    async def test_a_finished_install_is_named_and_stays_whatever_the_policy_allows(self, world: World) -> None:
        world.machine.facts, world.machine.look_exit = [met_on("sda", "refused", "0123456789ab")], fence_script.REFUSED
        with pytest.raises(ForeignDataError) as met:
            await do(world, replace(build.INSTALL, may_hold=(("sda", None),)))
        assert met.value.found == ((build.SDA.identity, InstalledSystem("n1.example.com", "0123456789ab")),)
        assert (world.machine.installs, world.records.erased) == (0, [])

    @pytest.mark.parametrize("verdict", ["allowed", "unfinished"])
    async def test_what_an_allowed_or_unfinished_install_left_needs_no_other_word(
        self, world: World, verdict: str
    ) -> None:
        world.machine.facts = [met_on("sda", verdict, "0123456789ab")]
        world.machine.written = [("sda", "gpt")]
        await do(world, build.INSTALL)
        assert world.machine.installs == 1

    @pytest.mark.parametrize(
        ("fact", "why"),
        [
            ({"disk": "sda", "mounted": "/dev/sda1 on /mnt"}, "has mounted /dev/sda1 on /mnt"),
            (None, r'n1\S+ of install 0123456789ab on sda has answered the reinstall "again" already'),
        ],
    )
    async def test_what_no_approval_can_allow_is_for_an_operator(
        self, world: World, fact: dict[str, object] | None, why: str
    ) -> None:
        world.machine.facts = [fact or met_on("sda", "answered", "0123456789ab")]
        world.machine.look_exit = fence_script.REFUSED
        with pytest.raises(PermanentError, match=why):
            await do(world, replace(build.INSTALL, reinstall="again", may_erase=("0123456789ab",)))
        assert (world.machine.installs, world.records.erased) == (0, [])

    async def test_what_the_wrapper_meets_right_before_it_erases_is_named_too(self, world: World) -> None:
        world.machine.swapped = [met_on("sda", "refused", "0123456789ab")]
        with pytest.raises(
            ForeignDataError, match=r"holds the installed system n1\.example\.com of install 0123456789ab"
        ):
            await do(world, build.INSTALL)
        assert world.machine.installs == 0

    async def test_disks_that_changed_since_they_were_judged_are_judged_anew(self, world: World) -> None:
        world.machine.swapped = [{"disk": "sda", "uuids": ["EE-5"]}, {"disk": "", "changed": True}]
        with pytest.raises(TemporaryError, match="has changed since it was looked at: nothing was erased"):
            await do(world, build.INSTALL)
        assert world.machine.installs == 0

    async def test_the_wrapper_goes_on_only_where_it_sees_what_was_judged(self, world: World) -> None:
        world.machine.facts = [{"disk": "sda", "uuids": ["AA-1"]}]
        await do(world, replace(build.INSTALL, ours=("uuid aa-1",)))
        printed = '{"disk": "sda", "uuids": ["AA-1"]}'
        assert f"SEEN={fence.digest(printed)}" in world.machine.files[fence.SCRIPT_FILE].decode()

    async def test_a_live_system_that_cannot_look_erases_nothing(self, world: World) -> None:
        world.machine.look_exit = 1
        with pytest.raises(TemporaryError, match="the disks cannot be looked at: sh: lsblk: not found"):
            await do(world, build.INSTALL)
        assert (world.machine.installs, world.records.erased) == (0, [])

    async def test_a_disk_that_cannot_be_read_is_not_taken_for_blank(self, world: World) -> None:
        world.machine.unread = [{"unread": "sda"}]
        with pytest.raises(TemporaryError, match="what is on sda cannot be read"):
            await do(world, build.INSTALL)

    async def test_an_interface_that_is_missing_is_found_before_anything_is_erased(self, world: World) -> None:
        with pytest.raises(PermanentError, match=r"no interface eno9 \(for mgmt\) on this machine, which has eno1"):
            await do(world, replace(build.INSTALL, interfaces=(replace(build.MGMT, nics=("eno9",)),)))
        assert world.machine.installs == 0

    async def test_an_install_that_fails_says_how_and_is_tried_again_when_told_to(self, world: World) -> None:
        world.machine.install_exit = 100
        with pytest.raises(PermanentError, match=r"the installer ended with 100; the last line of .*oci\.log says"):
            await do(world, build.INSTALL)
        world.machine.install_exit = 0
        await do(world, build.INSTALL)
        assert world.machine.installs == 2

    async def test_a_running_install_is_followed_not_started(self, world: World) -> None:
        world.machine.put(commands.install_files(build.INSTALL, "true"))
        world.machine.answer(commands.START_INSTALL)
        await do(world, build.INSTALL)
        assert world.machine.installs == 1
        assert world.machine.log.count(commands.START_INSTALL) == 1

    async def test_another_install_that_runs_is_not_disturbed(self, world: World) -> None:
        world.machine.put(commands.install_files(replace(build.INSTALL, hostname="other.example.com"), "true"))
        world.machine.answer(commands.START_INSTALL)
        with pytest.raises(TemporaryError, match="another install runs"):
            await do(world, build.INSTALL)
        assert world.machine.installs == 1

    async def test_a_machine_out_of_reach_for_a_moment_is_found_again(self, world: World) -> None:
        world.machine.install_looks = 50
        told = []

        def lose(serial: str, line: str) -> None:
            told.append(line)
            if len(told) == 3:
                world.machine.unreachable = 8

        await handlers(replace(world.tools, progress=lose))[type(build.INSTALL)](build.INSTALL)
        assert (world.machine.installs, world.machine.unreachable) == (1, 0)

    async def test_a_machine_that_stays_out_of_reach_is_given_up(self, world: World) -> None:
        world.machine.install_looks = 50

        def lose(serial: str, line: str) -> None:
            world.machine.unreachable = 1000

        with pytest.raises(TemporaryError, match="cannot connect"):
            await handlers(replace(world.tools, progress=lose))[type(build.INSTALL)](build.INSTALL)

    async def test_a_machine_that_reboots_meanwhile_has_lost_its_install(self, world: World) -> None:
        def reboot(serial: str, line: str) -> None:
            world.machine.reboot(installed=False)

        with pytest.raises(PermanentError, match="the install vanished"):
            await handlers(replace(world.tools, progress=reboot))[type(build.INSTALL)](build.INSTALL)

    async def test_an_install_that_never_ends_is_given_up(self, world: World) -> None:
        world.machine.install_looks = 10**6
        with pytest.raises(PermanentError, match="still runs after 170 min"):
            await do(world, build.INSTALL)

    async def test_a_profile_says_how_long_its_machines_may_take(self, world: World) -> None:
        world.machine.install_looks = 10**6
        with pytest.raises(PermanentError, match="still runs after 20 min"):
            await do(world, replace(build.INSTALL, timeout=20 * 60))

    async def test_an_image_is_installed_by_its_own_script(self, world: World) -> None:
        picture = RootImage(url="http://192.0.2.1/root.tar.zst", sha256="a" * 64)
        await do(world, replace(build.INSTALL, image=picture))
        assert b"/bin/sh /run/reconciler/image.sh >" in world.machine.files[commands.SCRIPT_FILE]
        assert b"URL=http://192.0.2.1/root.tar.zst\n" in world.machine.files[root_image.SCRIPT_FILE]
        assert b"iface bond0 inet static\n" in world.machine.disk["/etc/network/interfaces"]

    async def test_the_command_is_quoted_for_the_shell(self, world: World) -> None:
        await do(world, replace(build.INSTALL, hostname="a;reboot"))
        assert b"--hostname 'a;reboot'" in world.machine.files[commands.SCRIPT_FILE]

    async def test_puppets_old_certificate_is_cleaned_before_anything_is_erased(self, world: World) -> None:
        cleaned: list[tuple[str, int]] = []

        async def clean(certname: str) -> None:
            cleaned.append((certname, len(world.records.erased)))

        world.options = replace(world.options, clean_certificate=clean)
        await do(world, build.INSTALL)
        assert cleaned == [(build.HOSTNAME, 0)]
        await do(world, build.INSTALL)
        assert len(cleaned) == 1, "it has ended, and its node may have a new certificate"

    async def test_nothing_is_erased_where_it_cannot_be_cleaned(self, world: World) -> None:
        async def refused(certname: str) -> None:
            raise TemporaryError("Puppet's old certificate was not cleaned")

        world.options = replace(world.options, clean_certificate=refused)
        with pytest.raises(TemporaryError, match="was not cleaned"):
            await do(world, build.INSTALL)
        assert (world.machine.installs, world.records.erased) == (0, [])


class TestPuppet:
    @pytest.fixture
    async def world(self) -> World:
        world = World()
        await do(world, build.INSTALL)
        world.machine.reboot(installed=True)
        world.shells.shells.clear()
        return world

    async def test_a_good_first_run_is_enough(self, world: World) -> None:
        world.machine.answer(puppet_runs.RUN_PUPPET)
        await do(world, build.PUPPET)
        assert world.machine.puppet_runs == 1

    async def test_puppet_is_run_where_it_did_not_run(self, world: World) -> None:
        await do(world, build.PUPPET)
        assert world.machine.puppet_runs == 1

    async def test_puppet_is_run_again_where_that_is_asked_for_however_good_its_last_run_was(
        self, world: World
    ) -> None:
        world.machine.answer(puppet_runs.RUN_PUPPET)
        await do(world, replace(build.PUPPET, again=True))
        assert world.machine.puppet_runs == 2

    async def test_puppet_is_run_again_where_it_failed(self, world: World) -> None:
        world.machine.puppet_exit = 6
        with pytest.raises(TemporaryError, match="the Puppet run ended with 6: Error: 2 resources failed"):
            await do(world, build.PUPPET)
        world.machine.puppet_exit = 0
        await do(world, build.PUPPET)
        assert world.machine.puppet_runs == 2

    @pytest.mark.parametrize(("succeeds", "ours"), [(True, 0), (False, 1)])
    async def test_the_runs_of_the_first_boot_are_waited_for(self, world: World, succeeds: bool, ours: int) -> None:
        world.machine.first_boot_looks, world.machine.first_boot_succeeds = 9, succeeds
        await do(world, build.PUPPET)
        assert world.machine.puppet_runs == ours
        assert (build.SERIAL, "its first boot runs Puppet: run 4 of 9") in world.told

    async def test_that_nine_runs_failed_is_said(self, world: World) -> None:
        world.machine.first_runs, world.machine.puppet_exit = 9, 6
        with pytest.raises(TemporaryError, match="Puppet failed 9 times at its first boot; then the Puppet run ended"):
            await do(world, build.PUPPET)

    async def test_the_live_system_gets_no_puppet(self, world: World) -> None:
        world.machine.reboot(installed=False)
        with pytest.raises(TemporaryError, match="does not run a system that we installed"):
            await do(world, build.PUPPET)

    async def test_another_nodes_system_gets_no_puppet(self, world: World) -> None:
        with pytest.raises(PermanentError, match=r"installed as cl1-controller-1\S+ on A001, not as cl1-compute"):
            await do(world, replace(build.PUPPET, hostname="cl1-compute-1.example.com"))
        assert world.machine.puppet_runs == 0

    async def test_when_a_run_of_ours_began_is_noted(self, world: World) -> None:
        began = world.clock.now
        await do(world, build.PUPPET)
        assert world.records.ran == [began]

    async def test_a_changed_document_is_applied(self, world: World) -> None:
        known(world, NOON - HOUR)
        world.machine.last_run = run_summary(ended=(NOON - HOUR).timestamp())
        began = world.clock.now
        await do(world, build.ROLL_OUT)
        assert (world.machine.puppet_runs, world.records.ran) == (1, [began])

    @pytest.mark.parametrize("skew", [-7200.0, 0.0, 7200.0], ids=["clock behind", "right", "clock ahead"])
    async def test_a_node_that_caught_up_by_itself_is_left_alone_whatever_its_clock_says(
        self, world: World, skew: float
    ) -> None:
        known(world, NOON - HOUR)
        world.machine.clock = NOON.timestamp() + skew
        world.machine.last_run = run_summary(ended=world.machine.clock - 600)
        await do(world, build.ROLL_OUT)
        began = world.clock.now - timedelta(seconds=600 + 20) - SLACK
        assert (world.machine.puppet_runs, world.records.ran) == (0, [began])

    @pytest.mark.parametrize(
        "how",
        [
            {"compiled": (NOON - HOUR).timestamp()},
            {"compiled": "v1.2-3-g1f2e"},
            {"compiled": ""},
            {"noop": 14},
            {"skipped": 9},
        ],
        ids=["an old catalog from its cache", "of unknown age", "of no version", "noop", "some tags"],
    )
    async def test_a_run_of_its_own_that_need_not_have_had_the_document_is_none(self, world: World, how: dict) -> None:
        known(world, NOON - HOUR)
        world.machine.last_run = run_summary(ended=world.machine.clock - 60, **how)
        began = world.clock.now
        await do(world, build.ROLL_OUT)
        assert (world.machine.puppet_runs, world.records.ran) == (1, [began])

    async def test_a_first_boot_that_applied_a_part_only_is_followed_by_a_run_of_ours(self, world: World) -> None:
        world.machine.last_run = run_summary(skipped=9)
        await do(world, build.PUPPET)
        assert world.machine.puppet_runs == 1

    async def test_a_node_whose_puppet_only_says_what_it_would_do_is_an_operators(self, world: World) -> None:
        world.machine.puppet_noop = 14
        with pytest.raises(TemporaryError, match="left 14 changes undone: take noop out"):
            await do(world, build.ROLL_OUT)
        assert world.records.ran == []

    async def test_a_run_of_its_own_that_failed_is_no_catching_up(self, world: World) -> None:
        known(world, NOON - HOUR)
        world.machine.last_run = run_summary(failed=1, ended=NOON.timestamp() - 600)
        world.machine.puppet_exit = 4
        with pytest.raises(TemporaryError, match="the Puppet run ended with 4"):
            await do(world, build.ROLL_OUT)
        assert (world.machine.puppet_runs, world.records.ran) == (1, [])

    @pytest.mark.parametrize("action", [build.PUPPET, build.ROLL_OUT], ids=lambda action: action.type)
    async def test_a_run_that_somebody_ended_is_not_taken_for_the_good_one_before_it(
        self, world: World, action: Action
    ) -> None:
        known(world, NOON - HOUR)
        world.machine.last_run = run_summary(ended=(NOON - HOUR).timestamp()) if action is build.ROLL_OUT else ""
        world.machine.puppet_is_ended = True
        with pytest.raises(TemporaryError, match=r"ended well, but its summary|was ended from outside"):
            await do(world, action)
        assert world.records.ran == []

    @pytest.mark.parametrize("action", [build.PUPPET, build.ROLL_OUT], ids=lambda action: action.type)
    async def test_the_services_are_asked_after_each_run(self, world: World, action: Action) -> None:
        world.machine.services = {"keystone": "no token: HTTP/1.1 503"}
        await do(world, action)
        (found,) = world.records.readings
        values = {each.name: each.value for each in found.values}
        assert values[GateName.KEYSTONE] == "no token: HTTP/1.1 503"
        assert (values[GateName.LOGIN], values[GateName.UNITS]) == ("yes", "all active")

    async def test_they_are_asked_too_where_the_first_boot_ran_puppet(self, world: World) -> None:
        world.machine.answer(puppet_runs.RUN_PUPPET)
        await do(world, build.PUPPET)
        assert len(world.records.readings) == 1

    async def test_what_is_asked_follows_from_the_classes_that_puppet_applied(self, world: World) -> None:
        world.machine.classes = ("oci::cephmon", "oci::generic")
        await do(world, build.PUPPET)
        (found,) = world.records.readings
        assert {each.name for each in found.values} == {GateName.LOGIN, GateName.FAILED_UNITS, GateName.CEPH_MON}
        assert found.classes == ("oci::cephmon", "oci::generic")

    async def test_a_look_that_does_not_end_well_opens_nothing(self, world: World) -> None:
        world.machine.look_at_services_exit = 124
        await do(world, build.PUPPET)
        (found,) = world.records.readings
        assert [(each.name, each.value) for each in found.values] == [
            (GateName.LOGIN, "the look ended with 124: it said nothing")
        ]

    async def test_a_first_boot_that_cannot_begin_is_told_and_puppet_is_run_without_it(self, world: World) -> None:
        world.machine.first_boot_missing = True
        with pytest.raises(TemporaryError, match=r"Unit oci-first-boot\.service not found"):
            await do(world, build.BEGIN)
        await do(world, build.PUPPET)
        assert world.machine.puppet_runs == 1

    @pytest.mark.parametrize("action", [build.BEGIN, build.PUPPET], ids=lambda action: action.type)
    async def test_a_first_boot_that_waits_is_let_go(self, world: World, action: Action) -> None:
        world.machine.first_boot_waits, world.machine.first_boot_succeeds = True, True
        await do(world, action)
        assert not world.machine.first_boot_waits
        await do(world, build.BEGIN)
        assert world.machine.puppet_runs == 0


def known(world: World, last_puppet_began: datetime) -> None:
    """The last good Puppet run that we knew of began then."""
    world.directory.known[build.SERIAL] = replace(
        world.directory.known[build.SERIAL], last_puppet_began=last_puppet_began
    )
