"""What operators decide is done, and recorded with who and why."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.model.events import Failed, Started
from reconciler.model.machine import SecretRef
from reconciler.store import LeaseWatch

from .conftest import NOW, STORE, Cli, Laid, Said


def done(on: Any, *arguments: str, **more: Any) -> Said:
    """Decide something, which is not refused."""
    said = on(*arguments, **more)
    assert said.status == 0, said.err
    return said


def refused(on: Any, *arguments: str, **more: Any) -> str:
    """Why it is not done."""
    said = on(*arguments, **more)
    names, found, why = said.err.partition("Error: ")
    assert (said.status, said.out, found) == (1, "", "Error: ")
    assert names == "" or names.startswith("From sqlite:///")
    return why


def last_event(on: Any) -> dict[str, Any]:
    return on("events", "--limit", "1", "--format", "json").json[-1]


@pytest.mark.parametrize(
    ("arguments", "kind", "serial"),
    [
        (("pause",), "paused", False),
        (("pause", "cluster:swift01"), "paused", False),
        (("pause", f"machine:{STORE}"), "paused", True),
        (("retry", STORE), "retried", True),
        (("accept", "0123456789abcdef0123456789abcdef01234567"), "commit-accepted", False),
    ],
)
def test_a_decision_is_told_with_who_and_why(
    on: Any, laid: Laid, arguments: tuple[str, ...], kind: str, serial: bool
) -> None:
    done(on, *arguments, "--why", "it burns")
    event = last_event(on)
    assert (event["kind"], event["who"]) == (kind, "night-shift")
    assert event["serial"] == (laid.serial(STORE) if serial else None)
    assert "it burns" in event["text"]


def test_a_pause_of_a_machine_is_seen_in_the_plan_and_ends(on: Any, laid: Laid) -> None:
    laid.change("swiftstore: {count: 6", "swiftstore: {count: 8")
    laid.commit()
    done(on, "pause", "cluster:swift01", "--why", "upgrade")
    assert "2 waiting" in on("plan").out
    assert "cluster:swift01 is paused: by night-shift: upgrade" in on("plan").out
    assert "cluster:swift01 is paused: by night-shift: upgrade" in on("machines").err
    assert "No daemon is running on this database" in on("machines").err
    assert refused(on, "resume") == "fleet is not paused; cluster:swift01 is\n"
    done(on, "resume", "cluster:swift01")
    assert last_event(on)["kind"] == "resumed"
    assert "2 to do" in on("plan").out
    assert refused(on, "resume", "cluster:swift01") == "cluster:swift01 is not paused; nothing is\n"


def test_a_machine_is_approved_by_name_and_only_when_it_asks(on: Any, laid: Laid) -> None:
    serial = laid.serial(STORE)
    assert "does not wait for an approval: in service" in refused(on, "approve", STORE, "--why", "x")
    (laid.specs / "machines/store.yaml").write_text(
        f"apiVersion: reconciler/v1\nkind: Machine\nmetadata: {{name: {serial}}}\nspec: {{lifecycle: decommissioned}}\n"
    )
    laid.commit()
    page = on("machines", STORE).out
    assert f"reconciler approve {serial} --why" in page
    asked = on("machines", STORE, "--format", "json").json["because"]
    approved = done(on, "approve", STORE, "--why", "CHG-1")
    assert "Approved release" in approved.err
    assert "No daemon is running" in approved.err
    assert last_event(on)["text"].endswith(f": CHG-1 (it waited for {asked})")
    assert f"release {STORE}" in on("plan").out


def test_a_failure_is_shown_with_what_to_do(on: Any, laid: Laid) -> None:
    serial = laid.serial(STORE)
    with closing(laid.open()) as site:
        begun = site.store.events_after(0)
        action = next(e.action for _, e in reversed(begun) if isinstance(e, Started) and e.serial == serial)
        site.store.append_all([Started(serial, NOW, action), Failed(serial, NOW, action.id, "the disk is gone")])
    page = on("machines", STORE).out
    assert "Last error      the disk is gone" in page
    assert f"reconciler retry {serial} --why" in page
    done(on, "retry", STORE, "--why", "new disk")
    assert "Failures" not in on("machines", STORE).out


def test_a_machine_that_holds_a_name_is_not_forgotten(on: Any, laid: Laid) -> None:
    assert "decommission it first" in refused(on, "forget", STORE, "--why", "x")
    free = next(row["serial"] for row in on("machines", "--format", "json").json if row["hostname"] is None)
    done(on, "forget", free, "--why", "sold")
    assert last_event(on)["text"] == "forgotten: sold"
    refused(on, "machines", free)


def test_a_vip_is_released_once_the_cluster_does_not_ask_for_it(on: Any, laid: Laid) -> None:
    assert 'no cluster "swift02" is known' in refused(on, "free-vip", "swift02", "api", "--why", "x")
    assert refused(on, "free-vip", "swift01", "sql", "--why", "x") == "swift01 has no sql VIP, but api\n"
    asked = refused(on, "free-vip", "swift01", "api", "--why", "x")
    assert "still asks for its api VIP 203.0.113.2" in asked
    assert "clusters/swift01.yaml:" in asked
    laid.change("swift01-public: {subnet: 203.0.113.0/28", "swift01-outside: {subnet: 203.0.113.64/28")
    laid.commit()
    done(on, "free-vip", "swift01", "api", "--why", "renumbered")
    assert last_event(on) | {"position": None, "at": None} == {
        "position": None,
        "at": None,
        "serial": None,
        "kind": "vip-released",
        "text": "VIP 203.0.113.2 (api) of swift01 on swift01-public released: renumbered",
        "who": "night-shift",
        "reason": None,
    }


def test_a_first_setup_begins_again(on: Any, laid: Laid) -> None:
    assert 'no cluster "swift02" is known' in refused(on, "set-up-again", "swift02", "--why", "x")
    with closing(laid.open()) as site:
        site.store.note_set_up("swift01", site.now())
    done(on, "set-up-again", "swift01", "--why", "its databases are lost")
    event = last_event(on)
    assert (event["kind"], event["who"]) == ("cluster-begins-again", "night-shift")
    assert event["text"] == "the first setup of swift01 begins again: its databases are lost"
    with closing(laid.open()) as site:
        assert site.store.set_up() == frozenset()


def test_secrets_are_listed_shown_and_set(on: Any) -> None:
    assert {"name": "swift01:swift/hashpathprefix", "form": "hex"}.items() <= next(
        row.items() for row in on("secrets", "list", "--format", "json").json if "prefix" in row["name"]
    )
    assert "SECRET" not in on("secrets", "list").out
    assert on("secrets", "show", "swift01:swift/hashpathprefix").out == "SECRET-swift01-swift-hashpathprefix\n"
    assert last_event(on) | {"position": None, "at": None} == {
        "position": None,
        "at": None,
        "serial": None,
        "kind": "secret-shown",
        "text": "secret swift01:swift/hashpathprefix shown",
        "who": "night-shift",
        "reason": None,
    }
    done(on, "secrets", "set", "fleet:bmc/password", stdin=b"calvin\n")
    assert last_event(on)["kind"] == "secret-set"
    assert on("secrets", "show", "fleet:bmc/password").out == "calvin\n"


def test_setting_a_secret_keeps_the_form_that_documents_ask_for(on: Any, laid: Laid) -> None:
    done(on, "secrets", "set", "swift01:swift/hashpathprefix", stdin=b"0a1b2c3d\n")
    with closing(laid.open()) as site:
        assert site.store.secret(SecretRef("swift01", "swift", "hashpathprefix", "hex")) == "0a1b2c3d"
    assert "0a1b2c3d" in on("enc", STORE).out


def test_a_secret_is_set_in_the_form_that_documents_will_ask_for(on: Any, laid: Laid) -> None:
    done(on, "secrets", "set", "cl2:swift/hashpathprefix", stdin=b"0a1b2c3d\n")
    with closing(laid.open()) as site:
        assert SecretRef("cl2", "swift", "hashpathprefix", "hex") in [ref for ref, _ in site.store.list_secrets()]
    assert "with the parts key, crt" in refused(on, "secrets", "set", "cl2:pki/api", stdin=b"no certificate\n")


def test_a_part_of_a_secret_can_be_shown_alone(on: Any) -> None:
    shown = on("secrets", "show", f"{STORE}:pki/snakeoil", "--part", "crt")
    assert shown.out == f"SECRET-{STORE}-pki-snakeoil-crt\n"
    assert "by its part: key, crt" in refused(on, "secrets", "show", f"{STORE}:pki/snakeoil", "--part", "toe")


def test_a_machine_held_over_its_serial_is_free_after_a_retry(on: Any, laid: Laid) -> None:
    free = next(row["serial"] for row in on("machines", "--format", "json").json if row["hostname"] is None)
    with closing(laid.open()) as site:
        site.store.set_conflict(free, "two machines claim this serial", "two sets of MACs", at=site.now())
    assert "two machines claim this serial" in on("machines", free).out
    done(on, "retry", free, "--why", "unplugged the wrong one")
    assert [e["kind"] for e in on("events", "--limit", "2", "--format", "json").json] == ["conflict-cleared", "retried"]
    assert "a free slot" in on("machines", free).out


def test_a_decision_says_which_database_and_which_daemon_hear_it(on: Any, laid: Laid) -> None:
    heard = f"Recorded in sqlite:///{laid.database}"
    said = done(on, "pause", "--why", "fire").err
    assert said.endswith(f"{heard}.\nNo daemon is running on this database: nothing happens until one does.\n")
    with closing(laid.open()) as site:
        site.store.acquire_lease("host:1", LeaseWatch(timedelta(minutes=1)), site.now())
        assert done(on, "resume").err.endswith(f"{heard}, for the daemon host:1.\n")
        said = done(on, "secrets", "set", "fleet:bmc/password", stdin=b"calvin\n").err
        assert f"{heard}, for the daemon host:1." in said


def test_an_export_restores_to_the_same_export(on: Any, cli: Cli, laid: Laid, tmp_path: Path) -> None:
    done(on, "pause", "cluster:swift01", "--why", "move")
    exported = on("export").out
    assert yaml.safe_load(exported)["allocations"][laid.serial(STORE)]["hostname"] == STORE
    (tmp_path / "fleet.yaml").write_text(exported)
    database = f"sqlite:///{tmp_path}/new.db"
    restored = cli("--database", database, "restore", tmp_path / "fleet.yaml")
    assert restored.status == 0
    assert restored.err == f"Restored 12 allocations and 12 machine states.\n{ONLY_LOOKS}"
    assert cli("--database", database, "export").out == exported
    events = cli("--database", database, "events", "--format", "json").json
    assert all("from fleet.yaml, by night-shift" in event["text"] for event in events)
    again = refused(cli, "--database", database, "restore", tmp_path / "fleet.yaml")
    assert again == "the database is not empty: restore into a new one\n"


ONLY_LOOKS = (
    'The daemon only looks until "reconciler adopt" has asked the machines what holds ("--dry-run" tells first).\n'
)


def test_a_backup_is_restored_in_the_place_of_the_database(on: Any, laid: Laid, tmp_path: Path) -> None:
    backup = tmp_path / "yesterday.db"
    assert "Without the secret key" in done(on, "backup", backup).err
    assert "overwrites nothing" in refused(on, "backup", backup)
    was = on("export").out
    done(on, "pause", "--why", "fire")
    assert refused(on, "restore", backup) == "the database is not empty: restore into a new one\n"
    with closing(laid.open()) as site:
        site.store.acquire_lease("host:1", LeaseWatch(timedelta(minutes=1)), site.now())
        assert "the daemon host:1 acts on this database: stop it first" in refused(on, "restore", "--replace", backup)
        site.store.release_lease(site.store.acquire_lease("host:1", LeaseWatch(timedelta(minutes=1)), site.now()))
    said = done(on, "restore", "--replace", backup).err
    assert "Restored the database of 20" in said and said.endswith(ONLY_LOOKS)
    assert on("export").out == was
    (aside,) = laid.database.parent.glob("reconciler.db.before-*[0-9]")
    assert str(aside) in said
    assert "it was restored (from yesterday.db of 20" in on("plan").out.replace("\n", " ")


def test_apply_leaves_a_database_to_its_daemon(on: Any, laid: Laid) -> None:
    with closing(laid.open()) as site:
        site.store.acquire_lease("host:1", LeaseWatch(timedelta(minutes=1)), site.now())
        assert "a daemon (host:1) acts on this database already" in refused(on, "apply")


def test_a_lease_is_broken_only_where_its_daemon_gives_no_sign_of_life(
    on: Any, laid: Laid, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no daemon has the lease" in on("lease", "break", "--why", "x").err
    with laid.open().store as store:
        fence = store.acquire_lease("host-a:17", LeaseWatch(timedelta(hours=1)), NOW)
        assert fence is not None

        def beats(_: float) -> None:
            assert store.renew_lease(fence, timedelta(hours=1), NOW)

        monkeypatch.setattr("reconciler.execution.seam.rest", beats)
        said = on("lease", "break", "--why", "it seems dead")
        assert (said.status, "the daemon host-a:17 lives" in said.err) == (1, True)
        assert store.held_lease() is not None
        monkeypatch.setattr("reconciler.execution.seam.rest", lambda _: None)
        said = on("lease", "break", "--why", "the host burnt")
        assert (said.status, "The lease of host-a:17 is broken" in said.err) == (0, True)
        assert store.held_lease() is None
