"""Every address, asked by everyone."""

import json
import re
from dataclasses import replace

import pytest

from reconciler.model.errors import TemporaryError
from reconciler.model.observations import Occurrence
from reconciler.render.fleet import Problem
from reconciler.server import dashboard, openapi

from .conftest import Client
from .worlds import LOOPBACK, NODE, NOW, PUPPET, STRANGER, TOKENS, TRUSTED, Rendered, World, fleet_of

ENC = "/v1/enc/n1.example.com"
OCI_ENC = "/oci/api.php?action=enc&hostname=n1.example.com"
READS = (
    "/", "/docs", "/openapi.json", "/machines/2S2JG001", "/metrics", "/v1/fleet", "/v1/plan", "/v1/machines",
    "/v1/machines/2S2JG001", "/v1/events", "/v1/clusters",
    "/v1/rings",
)  # fmt: skip


@pytest.mark.parametrize("path", [ENC, OCI_ENC])
@pytest.mark.parametrize(
    ("address", "role", "headers", "status"),
    [
        (PUPPET, None, {}, 200),
        (NODE, None, {}, 200),
        ("::ffff:" + NODE, None, {}, 200),
        (TRUSTED, None, {}, 403),
        (STRANGER, None, {}, 403),
        (LOOPBACK, None, {}, 403),
        (STRANGER, "puppet", {}, 200),
        (STRANGER, "operator", {}, 200),
        (STRANGER, "viewer", {}, 403),
        (STRANGER, "approver", {}, 403),
        (PUPPET, "nonsense", {}, 401),
        (PUPPET, None, {"x_forwarded_for": PUPPET}, 403),
        (PUPPET, None, {"forwarded": f"for={PUPPET}"}, 403),
        (PUPPET, None, {"via": "1.1 proxy"}, 403),
        (PUPPET, "puppet", {"x_forwarded_for": STRANGER}, 200),
        ("testclient", None, {}, 403),
    ],
)
async def test_classes_hold_secrets_and_are_given_to_few(
    client: Client, path: str, address: str, role: str | None, headers: dict[str, str], status: int
) -> None:
    answer = await client(address, role, **headers).get(path)
    assert answer.status_code == status
    assert ("oci::generic" in answer.text) is (status == 200)


async def test_classes_come_as_yaml_or_in_ocis_envelope(client: Client, world: World) -> None:
    plain = await client(PUPPET).get(ENC)
    assert plain.headers["content-type"] == "application/yaml"
    assert plain.content == world.documents["n1.example.com"].yaml
    envelope = (await client(PUPPET).get(OCI_ENC)).json()
    assert envelope["status"] == "success"
    assert envelope["data"].encode() == plain.content


async def test_who_may_not_ask_cannot_tell_which_nodes_exist(client: Client, world: World) -> None:
    answers = [await client(TRUSTED).get(f"/v1/enc/{name}.example.com") for name in ("n1", "n2", "nowhere")]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert world.looked_up == [], "a document may have to be read from disk"


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/enc/nowhere.example.com", 404, "No node is called nowhere.example.com."),
        ("/v1/enc/", 404, "No node is called (no name)."),
        ("/v1/enc/a%0d%0ab", 404, "No node is called a??b."),
        ("/v1/enc/n2.example.com", 503, "its cluster has no controller yet"),
        ("/oci/api.php?action=enc&hostname=nowhere", 404, "No node is called nowhere."),
        ("/oci/api.php?action=enc", 404, "No node is called (no name)."),
        ("/oci/api.php?action=machine_destroy&hostname=n1.example.com", 404, "only action=enc"),
        ("/oci/api.php", 404, "only action=enc"),
        ("/oci/api.php?" + "a=b&" * 50 + "action=enc", 404, "only action=enc"),
        ("/oci/nothing.php", 404, "Not Found"),
        ("/v1/nothing", 404, "Not Found"),
        ("/v1/machines/NOBODY", 403, "show a token"),
    ],
)
async def test_what_cannot_be_answered_is_said_in_a_sentence(client: Client, path: str, status: int, says: str) -> None:
    answer = await client(PUPPET).get(path)
    assert answer.status_code == status
    assert says in answer.text
    if path.startswith("/oci/api.php"):
        assert answer.json()["status"] == "error"


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    ("address", "role", "headers", "status"),
    [
        (LOOPBACK, None, {}, 200),
        ("::1", None, {}, 200),
        ("192.168.50.4", None, {}, 200),
        (STRANGER, "viewer", {}, 200),
        (STRANGER, "operator", {}, 200),
        (STRANGER, "approver", {}, 200),
        (STRANGER, "puppet", {}, 403),
        (STRANGER, "nonsense", {}, 401),
        (STRANGER, None, {}, 403),
        (TRUSTED, None, {}, 403),
        (LOOPBACK, None, {"x_forwarded_for": LOOPBACK}, 403),
        (LOOPBACK, None, {"host": "evil.example.com"}, 403),
        (LOOPBACK, None, {"host": "localhost:8080"}, 200),
        (LOOPBACK, None, {"host": "[::1]:8080"}, 200),
    ],
)
async def test_the_fleet_is_shown_to_viewers_and_their_networks(
    world: World, client: Client, path: str, address: str, role: str | None, headers: dict[str, str], status: int
) -> None:
    world.dashboard_networks = ("192.168.50.0/24",)
    assert (await client(address, role, **headers).get(path)).status_code == status


@pytest.mark.parametrize("path", [*READS, ENC, OCI_ENC, "/healthz", "/readyz"])
async def test_a_get_changes_nothing(world: World, client: Client, path: str) -> None:
    for address in (LOOPBACK, PUPPET):
        await client(address).get(path)
    assert world.store.is_untouched
    assert not world.operators.asked
    assert not world.woken


APPROVE = ("/v1/machines/2S2JG008/approve", {"action": "install_os", "generation": 3, "why": "empty indeed"})
WRITES = (
    (*APPROVE, {"approver"}),
    ("/v1/machines/2S2JG008/retry", {"why": "cable replaced"}, {"operator", "approver"}),
    ("/v1/pause", {"scope": "cluster:cl1", "why": "switch maintenance"}, {"operator", "approver"}),
    ("/v1/resume", {"scope": "fleet", "why": "done with it"}, {"operator", "approver"}),
)


@pytest.mark.parametrize(("path", "sent", "roles"), WRITES, ids=[path for path, _, _ in WRITES])
@pytest.mark.parametrize("role", [None, *TOKENS])
async def test_decisions_need_the_token_for_them(
    world: World, client: Client, path: str, sent: dict[str, object], roles: set[str], role: str | None
) -> None:
    answer = await client(LOOPBACK, role).post(path, json=sent)
    assert answer.status_code == (204 if role in roles else 403 if role else 401)
    assert len(world.operators.asked) == (role in roles)
    if role in roles:
        assert f"a-{role}" in world.operators.asked[0]


@pytest.mark.parametrize(
    ("path", "sent", "status", "says"),
    [
        (APPROVE[0], {"action": "install_os", "why": "because"}, 400, "body.generation"),
        (APPROVE[0], {"action": "install_os", "generation": "3", "why": "because"}, 400, "body.generation"),
        (APPROVE[0], {"action": "rm -rf", "generation": 3, "why": "because"}, 400, "body.action"),
        (APPROVE[0], {**APPROVE[1], "who": "root"}, 400, "body.who"),
        (APPROVE[0], {**APPROVE[1], "generation": 2}, 409, "generation 3, not 2"),
        (APPROVE[0], {**APPROVE[1], "covers": "the one that I saw"}, 400, "body.covers"),
        (APPROVE[0], {**APPROVE[1], "signature": 7}, 400, "body.signature"),
        ("/v1/machines/NOBODY/approve", APPROVE[1], 404, "No machine"),
        ("/v1/pause", {"scope": "everything", "why": "because"}, 400, "body.scope"),
        ("/v1/pause", {"scope": "fleet", "why": "  "}, 400, "body.why"),
        ("/v1/pause", {"scope": "fleet", "why": "x" * 20_000}, 413, "bytes"),
        ("/v1/pause", [], 400, "body"),
    ],
)
async def test_a_decision_that_makes_no_sense_is_refused_with_its_field(
    world: World, client: Client, path: str, sent: object, status: int, says: str
) -> None:
    answer = await client(STRANGER, "approver").post(path, json=sent)
    assert answer.status_code == status
    assert says in answer.text
    assert not world.operators.asked


async def test_an_approval_names_the_statement_that_was_shown_and_brings_its_signature(
    world: World, client: Client
) -> None:
    shown = await client(LOOPBACK, "viewer").get("/v1/machines/2S2JG008/statement")
    assert (shown.status_code, shown.headers["content-type"][:10]) == (200, "text/plain")
    assert shown.text == "reconciler-approval 1\naction: install_os\n"
    sent = {**APPROVE[1], "covers": "0" * 32, "signature": "-----BEGIN SSH SIGNATURE-----"}
    assert (await client(LOOPBACK, "approver").post(APPROVE[0], json=sent)).status_code == 204
    [asked] = world.operators.asked
    assert asked[-2:] == ("0" * 32, "-----BEGIN SSH SIGNATURE-----")


@pytest.mark.parametrize(("serial", "says"), [("2S2JG001", "waits for no approval"), ("NOBODY", "No machine")])
async def test_where_nothing_is_asked_there_is_no_statement(client: Client, serial: str, says: str) -> None:
    answer = await client(LOOPBACK, "viewer").get(f"/v1/machines/{serial}/statement")
    assert (answer.status_code, says in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ENC), ("DELETE", OCI_ENC), ("GET", "/v1/report"), ("PUT", "/oci/report.php"),
        ("POST", "/v1/install-status"), ("POST", "/v1/fleet"), ("DELETE", "/"), ("GET", "/v1/pause"),
        ("PATCH", "/v1/machines/2S2JG001"), ("PUT", "/healthz"),
    ],
)  # fmt: skip
async def test_an_unknown_method_is_405(world: World, client: Client, method: str, path: str) -> None:
    answer = await client(LOOPBACK, "operator").request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"]
    assert world.store.is_untouched


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/v1/fleet", ENC])
async def test_a_head_says_what_a_get_would(world: World, client: Client, path: str) -> None:
    asker = client(LOOPBACK, "operator")
    head, get = await asker.head(path), await asker.get(path)
    assert (head.status_code, head.headers["content-type"]) == (get.status_code, get.headers["content-type"])
    assert (await asker.head("/v1/install-status?status=live&chassis-serial=7XK9Z01")).status_code == 405
    assert world.store.is_untouched


@pytest.mark.parametrize("path", ["/v1/machines/NOPE", "/v1/nothing", "/v1/events?limit=0"])
async def test_the_api_says_no_in_json(client: Client, path: str) -> None:
    answer = await client(LOOPBACK).get(path)
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", [*READS, ENC, "/static/dashboard.js", "/nothing", "/healthz"])
async def test_every_answer_carries_the_headers_that_browsers_heed(client: Client, path: str) -> None:
    headers = (await client(LOOPBACK, "operator").get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers


async def test_polling_costs_nothing_while_nothing_changes(world: World, client: Client) -> None:
    asker = client(LOOPBACK)
    for path in ("/v1/fleet", "/"):
        world.view = fleet_of(12)
        first = await asker.get(path)
        again = await asker.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        world.view = fleet_of(12)  # looked at again, and found the same
        assert (await asker.get(path, headers={"if-none-match": first.headers["etag"]})).status_code == 304
        world.view = fleet_of(13)
        assert (await asker.get(path, headers={"if-none-match": first.headers["etag"]})).status_code == 200


async def test_the_fleet_as_json_says_what_the_page_says(client: Client) -> None:
    fleet = (await client(LOOPBACK).get("/v1/fleet")).json()
    assert fleet["totals"]["machines"] == len(fleet["machines"]) == 12
    assert fleet["generated_at"] == "2026-11-22T03:12:04+00:00"
    installing = next(row for row in fleet["machines"] if row["serial"] == "2S2JG001")
    assert (installing["kind"], installing["risk"]) == ("act", "destructive")
    assert installing["because"] == "it is blank, and cl1 wants a compute"
    assert installing["progress"] == "unpacking base system, 61%"


async def test_the_fleet_leaves_to_the_machines_what_its_page_does_not_show(client: Client) -> None:
    asker = client(LOOPBACK)
    shown = (await asker.get("/v1/fleet")).json()["machines"]
    whole = (await asker.get("/v1/machines")).json()
    assert {"disks", "addresses", "profiles", "refused"} <= whole[0].keys() - shown[0].keys()
    assert shown == [{key: row[key] for key in one} for one, row in zip(shown, whole, strict=True)]


async def test_machines_can_be_filtered(client: Client) -> None:
    rows = (await client(LOOPBACK).get("/v1/machines?role=compute&phase=enrolled")).json()
    assert rows
    assert {(row["role"], row["phase"]) for row in rows} == {("compute", "enrolled")}


async def test_events_are_followed_by_position(client: Client) -> None:
    asker = client(LOOPBACK)
    first = (await asker.get("/v1/events?limit=2")).json()
    rest = (await asker.get(f"/v1/events?after={first[-1]['position']}")).json()
    positions = [event["position"] for event in first + rest]
    assert positions == sorted(positions) == [87, 88, 89, 90]
    assert (await asker.get("/v1/events?after=-1")).status_code == 400


async def test_health_and_readiness_are_told_apart(world: World, client: Client) -> None:
    asker = client(STRANGER)
    assert (await asker.get("/healthz")).text == "ok\n"
    world.unready = ("no commit has been read yet",)
    assert (await asker.get("/healthz")).status_code == 200
    ready = await asker.get("/readyz")
    assert (ready.status_code, ready.text) == (503, "no commit has been read yet\n")
    world.unready, world.remarks = (), ("clock: it is behind",)
    ready = await asker.get("/readyz")
    assert (ready.status_code, ready.text) == (200, "ready\nclock: it is behind\n")
    world.plan = None
    assert (await client(LOOPBACK).get("/v1/plan")).status_code == 503
    world.unready = ()
    await world.ingest.stop()
    assert (await asker.get("/healthz")).status_code == 200, "the process answers: nothing is gained by a restart"
    unheard = await asker.get("/readyz")
    assert (unheard.status_code, unheard.text) == (503, "nothing that machines say is written down\n")
    told = await client(TRUSTED).get("/v1/install-status?status=live&chassis-serial=7XK9Z01")
    assert (told.status_code, told.headers["retry-after"]) == (503, "5")


async def test_what_of_the_daemon_does_not_work_is_shown(world: World, client: Client) -> None:
    problem = Problem("looking at power", "no <route>", NOW)
    world.view = replace(world.view, problems=(problem,))
    asker = client(LOOPBACK)
    page = (await asker.get("/")).text
    assert "<strong>looking at power fails</strong> since" in page
    assert "no &lt;route&gt;" in page
    assert "<title>! " in page
    assert (await asker.get("/v1/fleet")).json()["problems"][0]["why"] == "no <route>"
    assert 'reconciler_failing{what="looking at power"} 1.0' in (await asker.get("/metrics")).text


async def test_an_answer_from_the_copy_on_disk_says_how_old_it_is(world: World, client: Client) -> None:
    world.documents = {"n1.example.com": Rendered(b"classes: {}\n", NODE, as_of=NOW)}
    for path in (ENC, OCI_ENC):
        assert (await client(PUPPET).get(path)).headers["x-reconciler-as-of"] == NOW.isoformat()


async def test_what_the_database_keeps_from_being_answered_is_no_bug(world: World, client: Client) -> None:
    def away(after: int, limit: int) -> list[Occurrence]:
        raise TemporaryError("the database cannot be read (database is locked): another process holds it")

    world.events = away
    answer = await client(LOOPBACK).get("/v1/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "the database cannot be read" in answer.json()["detail"]


async def test_the_page_says_that_nothing_is_begun_and_that_the_clock_is_behind(world: World, client: Client) -> None:
    asker = client(LOOPBACK)
    assert "only looks" not in (await asker.get("/")).text
    world.view = replace(world.view, observing="Nothing is begun: <it> is older.", clock="it is behind & wrong")
    page = (await asker.get("/")).text
    assert "<title>! 12 machines" in page
    assert "This daemon only looks.</strong> Nothing is begun: &lt;it&gt; is older." in page
    assert "it is behind &amp; wrong" in page
    assert (await asker.get("/v1/fleet")).json()["observing"] == "Nothing is begun: <it> is older."


async def test_metrics_speak_of_what_happened(world: World, client: Client) -> None:
    world.view = fleet_of(12, problem="it does not validate")
    await client(PUPPET).get(ENC)
    await client(STRANGER).get(ENC)
    world.metrics.action_ended("install_os", "succeeded")
    world.metrics.planned(0.3)
    text = (await client(LOOPBACK).get("/metrics")).text
    for line in (
        'reconciler_enc_answers_total{result="ok"} 1.0',
        'reconciler_enc_answers_total{result="refused"} 1.0',
        'reconciler_machines{kind="settled",phase="in-service"} 5.0',
        'reconciler_machines_by_tone{tone="trouble"} 1.0',
        'reconciler_steps{kind="settled",reason="in-service"} 5.0',
        'reconciler_actions_total{result="succeeded",type="install_os"} 1.0',
        "reconciler_plan_duration_seconds_count 1.0",
        "reconciler_git_problem 1.0",
        "reconciler_git_commit_age_seconds 18000.0",
        "reconciler_report_queue_length 0.0",
    ):
        assert line in text


async def test_a_bug_of_ours_tells_strangers_nothing(world: World, client: Client) -> None:
    world.view = None
    answer = await client(LOOPBACK).get("/v1/fleet")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "This is a bug in reconciler; its log says more."}


async def test_the_documentation_is_whole_and_needs_no_network(client: Client) -> None:
    api = json.loads((await client(LOOPBACK).get("/openapi.json")).content)
    assert set(openapi.FAST_PATHS) < set(api["paths"])
    assert "/v1/machines/{serial}/approve" in api["paths"]
    for page in ("/", "/docs", "/machines/2S2JG001"):
        text = (await client(LOOPBACK).get(page)).text
        assert not re.search(r"""(?:src|href)="(?:https?:)?//""", text)
        assert "<script>" not in text
        assert "style=" not in text
    assert "/v1/report" in (await client(LOOPBACK).get("/docs")).text
    assert dashboard.router.routes


async def test_that_orders_are_not_verified_is_said_once(world: World, client: Client) -> None:
    page = (await client(LOOPBACK).get("/")).text
    assert page.count("orders are not verified") == 1
    world.view = replace(world.view, source=replace(world.view.source, is_verified=True))
    assert "orders are not verified" not in (await client(LOOPBACK).get("/")).text
