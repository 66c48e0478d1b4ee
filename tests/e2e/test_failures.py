"""What breaks in a machine room: every story ends in service, or in a state that tells an operator what to do."""

import asyncio
import contextlib
import json
from datetime import timedelta
from pathlib import Path

from reconciler.model.machine import SecretRef
from reconciler.simulator.agent import Agent
from reconciler.simulator.hardware import CONTROLLER, RackedServer, mac_of, report
from reconciler.store.secrets.mint import AUTHORITY
from reconciler.store.secrets.pki import CERTIFICATE_YEARS, Subjects, issue

from .checks import assert_sound
from .world import ONE, SLOW_INSTALL, head, only, world


async def test_an_install_that_fails_waits_for_an_operator_and_erases_once_more_only_when_told(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        server = only(w)
        reason = server.root / "fail-install"
        reason.touch()
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_row(server.serial, lambda row: "an operator, then retry" in row["because"])
        page = head(await w.cli("machines", server.serial))
        assert "waiting for an operator, then retry: install_os failed: the installer ended with 1" in page
        assert "E: the mirror went away" in page
        await asyncio.sleep(3.0)  # three times the longest that it would be left alone before another try
        await w.cli("plan")
        assert server.installs == 1

        reason.unlink()
        await w.cli("retry", server.serial, "--why", "the mirror is back")
        await w.until_in_service(1)
        assert server.installs == 2
        retried = next(event for event in w.events(server.serial) if event.kind == "retried")
        assert "the mirror is back" in retried.text
        assert retried.who
        await w.daemons[-1].terminate()
        assert_sound(w, installed_once=False)


async def test_puppet_that_fails_nine_times_at_the_first_boot_is_run_until_an_operator_is_asked(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE, config={"timings": {"give_up_after": 2}}) as w:
        server = only(w)
        server.puppet_failures = 11  # nine of the first boot, and two of ours
        await w.started()
        await w.fleet.press_power_buttons()
        row = await w.until_row(server.serial, lambda row: "an operator, then retry" in row["because"])
        why = "Puppet failed 9 times at its first boot; then the Puppet run ended with 6: Error: 3 resources failed"
        assert row["because"] == f"an operator, then retry: 2 failures in a row, the last: {why}"
        page = head(await w.cli("machines", server.serial))
        assert why in page
        assert f"reconciler retry {server.serial} --why" in page
        await w.cli("retry", server.serial, "--why", "the package is in the mirror now")
        await w.until_in_service(1)
        assert sum("run_puppet began" in event.text for event in w.events(server.serial)) == 3
        await w.daemons[-1].terminate()
        assert_sound(w, most_boots=2)


async def test_a_hook_that_hangs_is_killed_and_told_again_when_an_operator_says_so(tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntest -e {tmp_path}/mended || exec sleep 1000\ncat >> {tmp_path}/told\n")
    hook.chmod(0o755)

    def with_hooks(specs: Path) -> None:
        fleet = specs / "fleet.yaml"
        hooks = "  hooks: {monitoring: ours, root_password: ours}\n"
        fleet.write_text(fleet.read_text().replace("\n  policy:", f"\n{hooks}  policy:", 1))

    config = {"timings": {"give_up_after": 2}, "hooks": {"ours": {"command": [str(hook)], "timeout": "3s"}}}
    async with world(tmp_path, racks=ONE, specs=with_hooks, config=config) as w:
        server = only(w)
        await w.started()
        await w.fleet.press_power_buttons()
        row = await w.until_row(server.serial, lambda row: "2 failures in a row" in row["because"])
        assert (row["phase"], row["kind"]) == ("in-service", "wait")
        assert f"hook root_password: {hook} did not end within 3 s, and was killed" in row["because"]
        assert "did not end within 3 s" in head(await w.cli("machines", server.serial))

        (tmp_path / "mended").touch()
        await w.cli("retry", server.serial, "--why", "monitoring answers again")
        await w.until_in_service(1)
        told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
        assert [(one["hook"], one["event"]) for one in told] == [
            ("root_password", "in-service"), ("monitoring", "in-service")
        ]  # fmt: skip
        assert told[0]["password"] == server.root_password
        assert not any(str(server.root_password) in event.text for event in w.events())
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_certificate_that_is_about_to_end_is_renewed_and_handed_out(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        server = only(w)
        await w.started()
        await w.fleet.press_power_buttons()
        row = (await w.until_in_service(1))["machines"][0]
        ref = SecretRef(row["hostname"], "pki", "client", "certificate")
        with contextlib.closing(w.site()) as site:
            soon = site.now() - timedelta(days=CERTIFICATE_YEARS * 365 - 10)
            old = issue(site.store.secret(AUTHORITY) or "", Subjects((row["hostname"],)), soon, client_only=True)
            site.store.set_secret(ref, old, site.now(), "a test")
        await w.until("it is renewed", lambda: any(e.kind == "certificate-renewed" for e in w.events()))
        renewed = await w.until_row(
            server.serial, lambda now: now["document"] != row["document"] and now["kind"] == "settled"
        )
        assert renewed["applied"] == renewed["document"]
        with contextlib.closing(w.site()) as site:
            ends = {str(one.ref): one.expires_at for one in site.store.certificates()}
            assert ends[str(ref)] > site.now() + timedelta(days=3000)
        assert "due" not in await w.cli("pki")
        told = [event.text for event in w.events(server.serial)]
        assert told.count("renew_certificates succeeded") == 1
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_bmc_that_is_away_while_it_is_needed_is_asked_again(tmp_path: Path) -> None:
    patient = {"timings": {"back_off": "3s"}}  # before the third failure it is back: then it would be left alone
    async with world(tmp_path, racks=ONE, pace=SLOW_INSTALL, config=patient) as w:
        server = only(w)
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_row(server.serial, lambda row: row["action"] == "install_os" and row["progress"])
        await w.fleet.bmcs[server.serial].stop()
        row = await w.until_row(server.serial, lambda row: "another try at boot_disk at " in row["because"])
        await w.fleet.bmcs[server.serial].start()
        assert f"the BMC at {server.bmc_address} does not answer" in row["because"]
        await w.until_in_service(1)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_bmc_that_is_away_for_long_is_asked_at_once_when_an_operator_says_so(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE, pace=SLOW_INSTALL, config={"timings": {"give_up_after": 4}}) as w:
        server = only(w)
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_row(server.serial, lambda row: row["action"] == "install_os" and row["progress"])
        await w.fleet.bmcs[server.serial].stop()
        await w.until_row(server.serial, lambda row: "an operator, then retry: 4 failures in a row" in row["because"])
        page = head(await w.cli("machines", server.serial))
        assert f"the BMC at {server.bmc_address}" in page
        assert "left alone until" in page
        assert f"reconciler retry {server.serial} --why" in page

        await w.fleet.bmcs[server.serial].start()
        await w.cli("retry", server.serial, "--why", "somebody plugged the BMC in again")
        await w.until_in_service(1)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_machine_that_loses_power_while_it_is_installed_is_not_erased_again_unasked(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE, pace=SLOW_INSTALL) as w:
        server = only(w)
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_row(server.serial, lambda row: row["action"] == "install_os" and row["progress"])
        await w.fleet.cut_power(server.serial)
        await w.fleet.press_power_button(server.serial)
        await w.until_row(server.serial, lambda row: "an operator, then retry" in row["because"])
        page = head(await w.cli("machines", server.serial))
        assert "install_os failed: host key changed" in page
        assert "If somebody else rebooted it, retry the machine" in page
        assert server.installs == 1

        await w.cli("retry", server.serial, "--why", "the power was cut by the building")
        await w.until_in_service(1)
        assert server.installs == 2
        await w.daemons[-1].terminate()
        assert_sound(w, installed_once=False)


async def test_a_machine_in_service_that_loses_power_is_turned_on_again(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        server = only(w)
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(1)
        await w.fleet.cut_power(server.serial)
        await w.until("it is on again", lambda: server.boots[2:])
        await w.until_in_service(1)
        assert server.boots == ["network", "disk", "disk"]
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_machine_whose_serial_another_board_claims_is_held_until_an_operator_has_looked(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        server = only(w)
        await w.started()
        await w.cli("pause", "--why", "until the other board is in")
        await w.fleet.press_power_buttons()
        await w.until_row(server.serial, lambda row: "pause" in row["because"])
        twin = RackedServer(server.serial, CONTROLLER, server.placed.switches, "swp30", 77)
        elsewhere = Agent(w.demo.url, f"{w.demo.stage.network}.77")
        said = report(twin, frozenset({"sda", "sdb"}), f"{w.demo.stage.network}.177")
        assert await elsewhere.report(said) == 409, "a hint takes nothing from a machine that returned its nonce"
        assert not (await w.row(server.serial))["conflict"]
        await elsewhere.boots_live(server.serial, mac_of(twin, 0))  # it really is a board that boots here
        assert await elsewhere.report(said) == 409
        await w.cli("resume")
        await w.until_row(server.serial, lambda row: row["conflict"])
        page = head(await w.cli("machines", server.serial))
        assert "waiting for an operator, then retry: two machines claim the serial" in page
        assert "52:54:00:00:4d:00" in page
        assert await elsewhere.report(said) == 409
        assert server.installs == 0
        (told,) = [event.text for event in w.events(server.serial) if event.kind == "conflict"]
        assert elsewhere.address in told

        await w.cli("retry", server.serial, "--why", "the other board was taken out")
        await w.until_in_service(1)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_second_board_is_noticed_by_whoever_reports_second(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        server = only(w)
        await w.started()
        twin = RackedServer(server.serial, CONTROLLER, server.placed.switches, "swp30", 77)
        said = report(twin, frozenset({"sda", "sdb"}), f"{w.demo.stage.network}.177")
        await w.until_heard(Agent(w.demo.url, f"{w.demo.stage.network}.77"), said)
        await w.until_row(server.serial, lambda row: row["phase"] == "enrolled")
        await w.fleet.press_power_buttons()
        await w.until_row(server.serial, lambda row: row["conflict"])
        await w.cli("plan")
        assert server.installs == 0
        assert server.boots == ["network"]


async def test_a_report_from_elsewhere_is_refused_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        server = only(w)
        await w.started()
        stranger = Agent(w.demo.url, "127.9.9.9")
        before = len(w.events())
        assert await stranger.report(server.report()) == 403
        assert await stranger.status("puppet-success", server.serial) == 403
        assert (await w.fleet_view())["machines"] == []
        assert len(w.events()) == before
        assert server.serial not in await w.cli("machines")
