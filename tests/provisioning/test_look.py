"""The very script that looks at services, run by dash and busybox: against stand-ins, and against the real programs."""

import json
import os
import shlex
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reconciler.model.gates import GATES, GateName
from reconciler.model.rings import RingFile, md5_of
from reconciler.model.roles import ROLES, gates_if_there, gates_of
from reconciler.provisioning import look
from reconciler.simulator.demo import free_port

from ..waiting import until

pytestmark = pytest.mark.waits

SHELLS = {"dash": ("dash",), "busybox": ("busybox", "sh")}
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@dataclass
class Node:
    """A node's folders and programs, below a folder of a test."""

    folder: Path
    shell: tuple[str, ...] = ("dash",)
    environment: Mapping[str, str] = field(default_factory=dict)

    def program(self, name: str, text: str) -> None:
        file = self.folder / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def file(self, path: str, text: str) -> Path:
        file = self.folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def says(self, *words: str) -> dict[str, str]:
        """What the script prints, by gate."""
        script = look.SCRIPT
        for path in ("/root", "/etc/swift", "/etc/systemd", "/var/lib/ceph", "/var/run/ceph"):
            script = script.replace(path, f"{self.folder}{path}")
        ran = subprocess.run(
            [*self.shell, "-c", script, "look", *words], capture_output=True, text=True, check=True, timeout=90,
            env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}", **self.environment},
        )  # fmt: skip
        assert ran.stderr == ""
        readings = look.parse_look(ran.stdout, (), NOW)
        return {each.name: each.value for each in readings.values if each.name is not GateName.LOGIN}


@pytest.fixture(params=sorted(SHELLS))
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Node:
    if shutil.which(SHELLS[request.param][0]) is None:
        pytest.skip(f"needs {request.param} (apt: {request.param})")
    (tmp_path / "root").mkdir()
    return Node(tmp_path, SHELLS[request.param])


def systemctl(node: Node, failed: str = "", **units: str) -> None:
    """One that knows these units, with their states."""
    cases = "".join(f"{name.replace('_', '-')}.service) state={state} ;;\n" for name, state in units.items())
    node.program(
        "systemctl",
        f"""case $1 in list-units) printf '{failed}'; exit ;; esac
for unit; do :; done
case $unit in
{cases}*) echo LoadState=not-found; [ "$2" = --property=LoadState ] || echo ActiveState=inactive; exit ;;
esac
echo LoadState=loaded
[ "$2" != --property=LoadState ] || exit 0
echo "ActiveState=${{state%%@*}}"
case $state in
    *@*) echo "ActiveEnterTimestampMonotonic=$(($(cut -d . -f 1 /proc/uptime) - ${{state#*@}}))000000" ;;
esac""",
    )


UNITS = [
    ({"nova_compute": "active@60", "openvswitch_switch": "active"}, "all active"),
    ({"nova_compute": "failed", "openvswitch_switch": "active@60"}, "nova-compute is failed"),
    ({"nova_compute": "active@3", "openvswitch_switch": "active@60"}, "nova-compute is starting"),
    ({"openvswitch_switch": "activating"}, "nova-compute is not installed, openvswitch-switch is activating"),
]


@pytest.mark.parametrize(("units", "expected"), UNITS, ids=["well", "failed", "again and again", "missing"])
def test_the_units_of_a_role_are_active_and_have_been_for_a_while(node: Node, units: dict, expected: str) -> None:
    systemctl(node, **units)
    assert node.says("units:nova-compute,openvswitch-switch") == {"units": expected}


def test_failed_units_are_those_of_openstack(node: Node) -> None:
    systemctl(node, failed="smartd.service loaded failed failed x\\nnova-compute.service loaded failed failed y\\n")
    assert node.says("failed-units") == {"failed-units": "nova-compute.service"}
    systemctl(node, failed="smartd.service loaded failed failed x\\n")
    assert node.says("failed-units") == {"failed-units": "none"}


def test_a_systemd_that_does_not_answer_opens_nothing(node: Node) -> None:
    node.program("systemctl", "printf '%s' 'Failed to connect to bus: \"no\" such\\thing' >&2; exit 1")
    said = node.says("units:nova-compute", "failed-units", "galera", "rabbitmq")
    assert said["units"] == "nova-compute is unknown"
    assert said["failed-units"] == 'systemctl does not answer: Failed to connect to bus: "no" such\\thing'
    assert not {look.ABSENT, "Synced", "no partition"} & set(said.values())


def test_ports_that_nobody_listens_on_are_named(node: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert node.says(f"ports:{port}") == {"ports": "all listen"}
        assert node.says(f"ports:{port},1") == {"ports": "nothing listens on 1"}


RABBIT = '{"alarms":[],"partitions":%s,"ram_nodes":[],"running_nodes":["rabbit@a",\n "rabbit@b"],"versions":{}}'


def test_rabbitmq_counts_its_nodes_and_names_partitions(node: Node) -> None:
    systemctl(node, rabbitmq_server="active")
    node.program("rabbitmqctl", f"echo {shlex.quote(RABBIT % '{}')}; echo 'warning: latin1' >&2")
    assert node.says("rabbitmq") == {"rabbitmq": "no partition", "rabbitmq-size": "2"}
    apart = shlex.quote(RABBIT % '{"rabbit@a": ["rabbit@c"]}')
    node.program("rabbitmqctl", f"echo {apart}")
    assert node.says("rabbitmq")["rabbitmq"].startswith('partitions: {"rabbit@a":["rabbit@c"]}')
    node.program("rabbitmqctl", "echo 'Error: unable to connect' >&2; exit 69")
    assert node.says("rabbitmq") == {"rabbitmq": "no answer: Error: unable to connect", "rabbitmq-size": "no answer"}


DISK = '{"node":"rabbit@a","resource":"disk","source":"rabbit@a"}'
MEMORY = '{"resource":"memory",\n "node":"rabbit@b"}'


@pytest.mark.parametrize(
    ("alarms", "expected"),
    [
        ("", "no partition"),
        (DISK, "alarm: disk on rabbit@a"),
        (f"{DISK},{MEMORY}", "alarm: disk on rabbit@a memory on rabbit@b"),
        (
            '{"resource":"file_descriptors"}',
            "alarm: file_descriptors",
        ),
    ],
)
def test_a_queue_whose_memory_or_disk_is_short_takes_no_message(node: Node, alarms: str, expected: str) -> None:
    systemctl(node, rabbitmq_server="active")
    said = (RABBIT % "{}").replace('"alarms":[]', f'"alarms":[{alarms}]')
    node.program("rabbitmqctl", f"echo {shlex.quote(said)}")
    assert node.says("rabbitmq") == {"rabbitmq": expected, "rabbitmq-size": "2"}


def test_what_is_not_installed_is_not_here(node: Node) -> None:
    systemctl(node)
    said = node.says("galera", "rabbitmq", "ceph-mon", "ceph-osds", "swift-servers")
    assert set(said.values()) == {look.ABSENT} and len(said) == 7


def ceph(node: Node, **states: str) -> None:
    """Daemons of Ceph's, each with its folder, its socket and what it says of its state there."""
    cases = ""
    for number, (daemon, state) in enumerate(states.items()):
        kind, _, name = daemon.partition("_")
        node.file(f"var/lib/ceph/{kind}/ceph-{name}/whoami", f"{name}\n")
        path = node.folder / f"var/run/ceph/ceph-{kind}.{name}.asok"
        path.parent.mkdir(parents=True, exist_ok=True)
        short = Path("/tmp") / f"{node.folder.name[-20:]}-{number}"
        with socket.socket(socket.AF_UNIX) as bound:  # sun_path is too short for a test's folder
            bound.bind(str(short))
        short.rename(path)
        cases += f"*/ceph-{kind}.{name}.asok) state={state} ;;\n"
    said = """printf '{\\n  "cluster_fsid": "f",\\n  "state": "%s",\\n  "maps": 1\\n}\\n' $state"""
    node.program("ceph", f"case $2 in\n{cases}esac\n{said}")


CEPH = [
    ({"osd_1": "active"}, "ceph-osds", "all active"),
    ({"osd_1": "active", "osd_12": "active"}, "ceph-osds", "all active"),
    ({"osd_1": "active", "osd_12": "booting"}, "ceph-osds", "1 of 2 active, not: 12"),
    ({"mon_a": "peon"}, "ceph-mon", "in quorum"),
    ({"mon_a": "probing"}, "ceph-mon", "probing"),
]


@pytest.mark.parametrize(("states", "gate", "expected"), CEPH)
def test_cephs_daemons_say_their_states_themselves(node: Node, states: dict, gate: str, expected: str) -> None:
    ceph(node, **states)
    assert node.says(gate) == {gate: expected}


EMPTY = [
    ("ceph-osds", "osd/ceph-5", "", "all active"),
    ("ceph-osds", "osd/ceph-5", "multi-user.target.wants/ceph-volume@lvm-5-1f2e.service", "1 of 2 active, not: 5"),
    ("ceph-osds", "osd/ceph-5", "multi-user.target.wants/ceph-volume@lvm-15-1f2e.service", "all active"),
    ("ceph-osds", "osd/ceph-5", "ceph-osd.target.wants/ceph-osd@5.service", "1 of 2 active, not: 5"),
    ("ceph-mon", "mon/ceph-a", "", look.ABSENT),
    ("ceph-mon", "mon/ceph-a", "ceph-mon.target.wants/ceph-mon@a.service", "it does not run"),
]


@pytest.mark.parametrize(("gate", "folder", "link", "expected"), EMPTY)
def test_an_empty_folder_is_a_daemons_where_systemd_is_to_start_it(
    node: Node, gate: str, folder: str, link: str, expected: str
) -> None:
    ceph(node, osd_1="active")
    (node.folder / "var/lib/ceph" / folder).mkdir(parents=True)
    if link:
        node.file(f"etc/systemd/system/{link}", "")
    assert node.says(gate) == {gate: expected}


def test_of_rings_that_nobody_knows_the_three_have_to_be_there(node: Node) -> None:
    nothing = "no account ring, no container ring, no object ring"
    assert node.says("swift-rings") == {"swift-rings": nothing}
    for ring in ("account", "container", "object"):
        node.file(f"etc/swift/{ring}.ring.gz", "x")
    assert node.says("swift-rings") == {"swift-rings": GATES[GateName.SWIFT_RINGS].opens_at}
    node.file("etc/swift/object.ring.gz", "")
    assert node.says("swift-rings") == {"swift-rings": "no object ring"}


def test_rings_that_are_known_have_to_be_those_in_force(node: Node) -> None:
    in_force = tuple(RingFile(ring, md5_of(ring.encode())) for ring in ("account", "container", "object", "object-1"))
    asked = look.words_of_look(look.look_command("swiftstore", (), in_force))
    assert asked is not None
    (word,) = (word for word in asked if word.startswith("swift-rings"))
    for ring, _ in in_force:
        node.file(f"etc/swift/{ring}.ring.gz", ring)
    assert node.says(word) == {"swift-rings": GATES[GateName.SWIFT_RINGS].opens_at}
    node.file("etc/swift/object.ring.gz", "of last week")
    (node.folder / "etc/swift/object-1.ring.gz").unlink()
    was, wanted = md5_of(b"of last week")[:8], md5_of(b"object")[:8]
    said = f"object is {was}, and {wanted} is in force, no object-1 ring"
    assert node.says(word) == {"swift-rings": said}


# ---- the real programs


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200 if self.path == "/healthcheck" else 404, b"OK")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked = body  # type: ignore[attr-defined]
        password = body["auth"]["identity"]["password"]["user"]["password"]
        catalog = [{"endpoints": [{"id": n}], "type": "t", "id": n, "name": "n"} for n in "ab"]
        catalog.append({"endpoints": [], "type": "empty", "id": "c", "name": "n"})
        if password == PASSWORD and self.path == "/identity/v3/auth/tokens":
            self._answer(201, json.dumps({"token": {"catalog": catalog}}).encode(), {"X-Subject-Token": "s3cret"})
        else:
            self._answer(401, b'{"error": {"code": 401}}')

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] = {}) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


PASSWORD = 'p"a\\ss $w'


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate of its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, private = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return pem, private


@pytest.fixture
def keystone(tmp_path: Path) -> Iterator[HTTPServer]:
    pem, private = certificate(tmp_path, "localhost")
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def openrc(node: Node, port: int, authority: Path, password: str = PASSWORD) -> None:
    """As ``oci::controller`` writes it."""
    quoted = shlex.quote(password)
    node.file(
        "root/oci-openrc",
        f"\nexport OS_PROJECT_DOMAIN_NAME='default'\nexport OS_USER_DOMAIN_NAME='default'\n"
        f"export OS_PROJECT_NAME='admin'\nexport OS_USERNAME='admin'\nexport OS_PASSWORD={quoted}\n"
        f"export OS_AUTH_URL='https://localhost:{port}/identity/v3'\nexport OS_CACERT={authority}\n",
    )


def test_keystone_gives_a_token_over_tls_that_is_checked(node: Node, keystone: HTTPServer) -> None:
    openrc(node, keystone.server_port, node.folder / "localhost.pem")
    assert node.says("keystone") == {"keystone": "token", "catalog": "2"}
    asked = keystone.asked["auth"]  # type: ignore[attr-defined]
    assert asked["scope"] == {"project": {"name": "admin", "domain": {"name": "default"}}}
    openrc(node, keystone.server_port, node.folder / "localhost.pem", password="another")
    assert node.says("keystone") == {"keystone": "no token: HTTP/1.0 401 Unauthorized", "catalog": "not known"}


def test_a_keystone_with_the_certificate_of_others_gives_none(node: Node, keystone: HTTPServer) -> None:
    other, _ = certificate(node.folder, "elsewhere")
    openrc(node, keystone.server_port, other)
    said = node.says("keystone")
    assert said["keystone"].startswith("no answer: curl: (60)"), said
    openrc(node, 1, other)
    assert node.says("keystone")["keystone"].startswith("no answer: curl: (7)")
    (node.folder / "root/oci-openrc").unlink()
    assert node.says("keystone")["keystone"].startswith("no credentials in ")


def test_swifts_servers_answer_on_the_address_and_port_of_their_own_configuration(node: Node) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        here = f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port={server.server_port}\nworkers = 2\n"
        for name in ("account", "object", "proxy"):
            node.file(f"etc/swift/{name}-server.conf", here)
        assert node.says("swift-servers", "swift-proxy") == {"swift-servers": "all answer", "swift-proxy": "OK"}
    finally:
        server.shutdown()
        server.server_close()
    said = node.says("swift-servers", "swift-proxy")
    assert said["swift-servers"].startswith(f"account on {server.server_port}: curl: (7)")
    assert said["swift-proxy"].startswith("curl: (7)")


GALERA = Path("/usr/lib/galera/libgalera_smm.so")


@pytest.mark.skipif(
    shutil.which("mariadbd") is None or not GALERA.exists() or os.geteuid() != 0,
    reason="needs root, mariadb-server and galera-4",
)
def test_a_real_galera_says_that_it_is_synced(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    node = Node(tmp_path)
    systemctl(node, mariadb="active")
    data, sock = tmp_path / "data", f"{tmp_path}/s"
    tmp_path.chmod(0o755)
    plain = ["--no-defaults", f"--datadir={data}", "--user=root"]
    subprocess.run(["mariadb-install-db", *plain, "--skip-test-db"], check=True, capture_output=True, timeout=300)
    node.file("root/.my.cnf", f"[client]\nsocket={sock}\nuser=root\n")
    assert node.says("galera")["galera"].startswith("no answer: ERROR 2002")
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            ["mariadbd", *plain, f"--socket={sock}", "--skip-networking", "--binlog-format=ROW", "--wsrep-on=ON",
             f"--wsrep-provider={GALERA}", "--wsrep-cluster-address=gcomm://", "--wsrep-new-cluster",
             f"--wsrep-provider-options=base_host=127.0.0.1;base_port={port};gmcast.listen_addr=tcp://127.0.0.1:{port}",
             "--innodb-buffer-pool-size=16M", "--wsrep-node-address=127.0.0.1"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        until(
            "it is synced, or has ended", lambda: node.says("galera")["galera"] == "Synced" or server.poll() is not None
        )
        assert node.says("galera") == {"galera": "Synced", "galera-size": "1"}, (tmp_path / "log").read_text()[-3000:]
    finally:
        server.terminate()
        server.wait()


# ---- the script itself


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck (apt: shellcheck)")
def test_shellcheck_finds_nothing() -> None:
    ran = subprocess.run(["shellcheck", "--shell=sh", "-"], input=look.SCRIPT, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_every_gate_of_every_role_is_asked_for_and_answered() -> None:
    for role in ROLES:
        words = look.words_of_look(look.look_command(role, ()))
        assert words is not None
        asked = {GateName(word.partition(":")[0]) for word in words}
        wanted = {*gates_of(role), *gates_if_there(role)} - {GateName.LOGIN}
        assert asked == wanted - look.READ_WITH.keys()
    for gate in set(GateName) - {GateName.LOGIN}:
        assert f"say {gate} " in look.SCRIPT, gate


def test_other_commands_are_none_of_ours() -> None:
    assert look.words_of_look("exec timeout 5 true") is None
    assert look.words_of_look("cat /etc/passwd") is None


@pytest.mark.parametrize("text", ["{", '{"gate": "galera"}', '{"gate": "new", "value": "x"}', "[]"])
def test_nonsense_is_no_reading(text: str) -> None:
    with pytest.raises(ValueError, match="makes no sense"):
        look.parse_look(text, (), NOW)


def test_the_classes_that_puppet_applied_are_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("settings\noci::generic\noci::controller\nnova::api\noci::controller\n")
    command = look.READ_CLASSES.replace(look.CLASSES_FILES[0], f"{tmp_path}/classes.txt")
    ran = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)
    assert look.classes_in(ran.stdout) == ("oci::controller", "oci::generic")
