"""A real sushy-emulator process for tests, with its fake driver: one machine behind one BMC, over TLS."""

import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from reconciler.execution.drivers.redfish import fingerprint_at
from reconciler.simulator.demo import free_port

from ..waiting import until

UUID = "27946b59-9e44-4fa7-8e91-f3527a1ef094"
USER, PASSWORD = "oci", "redfish-secret"

_EMULATOR = """\
import random
random.randint = lambda low, high: 1  # seconds until a power command shows; as it is shipped, up to eleven
from tests.conformance import redfish_more
from sushy_tools.emulator.main import main
main()
"""


@dataclass
class Emulator:
    """One BMC. ``boots``: the boot source of every time that the power came on."""

    address: str
    port: int
    folder: Path
    boots: list[str] = field(default_factory=list)
    _on: bool = False
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._listen()
        if not (self.folder / "cert.pem").exists():
            self.renew_certificate()
        (self.folder / "emulator.conf").write_text(self._config())
        command = [sys.executable, "-c", _EMULATOR, "--fake", "--config", self.folder / "emulator.conf"]
        with (self.folder / "emulator.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=Path(__file__).parents[2]
            )
        until("the emulator answers, or has ended", lambda: self._answers() or self._process.poll() is not None)
        assert self._process.poll() is None, (self.folder / "emulator.log").read_text()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def renew_certificate(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bmc")])
        now = datetime.now(UTC).replace(tzinfo=None)
        made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now)
        made = made.not_valid_after(now + timedelta(days=1))
        names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(self.address))])
        signed = made.add_extension(names, False).sign(key, hashes.SHA256())
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / "key.pem").write_bytes(private)

    def _config(self) -> str:
        import bcrypt

        users = self.folder / "users"
        if not users.exists():
            users.write_text(f"{USER}:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}\n")
        system = {"uuid": UUID, "name": "fake", "power_state": "Off", "external_notifier": True, "nics": []}
        values = {
            "LISTEN_IP": self.address,
            "LISTEN_PORT": self.port,
            "SSL_CERT": str(self.folder / "cert.pem"),
            "SSL_KEY": str(self.folder / "key.pem"),
            "AUTH_FILE": str(self.folder / "users"),
            "STATE_DIR": str(self.folder),
            "FAKE_SYSTEMS": [system],
        }
        told = f"EXTERNAL_NOTIFICATION_URL = {f'http://127.0.0.1:{self._server.server_port}'!r}\n"
        return "".join(f"SUSHY_EMULATOR_{name} = {value!r}\n" for name, value in values.items()) + told

    def _listen(self) -> None:
        """Be told of each change of the machine, as the emulator can."""
        emulator = self

        class Told(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                system = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                on = system["power_state"] == "On"
                if on and not emulator._on:
                    emulator.boots.append(system.get("boot_device", "Hdd"))
                emulator._on = on
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Told)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _answers(self) -> bool:
        try:
            return bool(fingerprint_at(self.address, self.port))
        except OSError:
            return False


@contextmanager
def running(folder: Path, address: str = "127.0.0.1", port: int | None = None) -> Iterator[Emulator]:
    if importlib.util.find_spec("sushy_tools") is None:
        pytest.skip("needs sushy-tools (pip)")
    emulator = Emulator(address, port or free_port(address=address), folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        emulator.start()
        yield emulator
    finally:
        emulator.stop()
