"""Enough of a Puppet server for a node's first run: ``python -m tests.lab.puppet_server FOLDER ADDRESS``.

The agent is Debian's own, and what it is asked for is real: a certificate, its facts, a report. The catalog is not: it
has one file, which holds the names of the classes that the daemon's ENC gave for the node. The classes themselves would
install OpenStack.
"""

import http.server
import json
import ssl
import sys
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PORT = 8140
CLASSES_FILE = "/var/lib/classes-of-the-lab"
"""On the node."""

_DIRECTORY = {
    "path": "/", "relative_path": ".", "links": "follow", "owner": 0, "group": 0, "mode": 0o755, "type": "directory",
    "checksum": {"type": "ctime", "value": "{ctime}2026-01-01 00:00:00 UTC"}, "destination": None,
}  # fmt: skip
"""A folder of plug-ins without a plug-in."""


class Authority:
    """Signs whatever it is sent."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Puppet CA: lab")])
        self.certificate = self.sign(self._key.public_key(), self._name, authority=True)

    def sign(
        self, key: rsa.RSAPublicKey, name: x509.Name, names: Iterable[x509.GeneralName] = (), *, authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=3))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return made.sign(self._key, hashes.SHA256())

    def sign_request(self, pem: bytes) -> x509.Certificate:
        request = x509.load_pem_x509_csr(pem)
        key = request.public_key()
        assert request.is_signature_valid and isinstance(key, rsa.RSAPublicKey)
        return self.sign(key, request.subject)

    def revoked(self) -> bytes:
        """The list of revoked certificates: none are."""
        now = datetime.now(UTC)
        made = x509.CertificateRevocationListBuilder(self._name, now - timedelta(days=1), now + timedelta(days=3))
        return made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Handler(http.server.BaseHTTPRequestHandler):
    """One request of an agent."""

    authority: Authority
    daemon: str  # address
    signed: dict[str, bytes]  # certificates by node

    def do_GET(self) -> None:
        _, _, _, what, *rest = urlsplit(self.path).path.split("/")
        name = rest[0] if rest else ""
        if what == "certificate":
            known = {"ca": _pem(self.authority.certificate), **self.signed}
            self._answer(known.get(name), "text/plain")
        elif what == "certificate_revocation_list":
            self._answer(self.authority.revoked(), "text/plain")
        elif what == "file_metadatas":
            self._answer(_json([_DIRECTORY]))
        elif what == "node":
            self._answer(_json({"name": name, "environment": "production", "parameters": {}, "classes": {}}))
        else:
            self._answer(None)

    def do_PUT(self) -> None:
        _, _, _, what, name = urlsplit(self.path).path.split("/")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if what == "certificate_request":
            self.signed[name] = _pem(self.authority.sign_request(body))
            self._answer(b"", "text/plain")
        else:  # a report
            self._answer(_json([]))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        name = urlsplit(self.path).path.rsplit("/", 1)[1]
        self._answer(_json(catalog(name, self._classes(name))))

    def _classes(self, name: str) -> list[str]:
        with urllib.request.urlopen(f"http://{self.daemon}/v1/enc/{name}", timeout=30) as answer:
            return sorted(yaml.safe_load(answer.read())["classes"])

    def _answer(self, body: bytes | None, kind: str = "application/json") -> None:
        self.send_response(404 if body is None else 200)
        self.send_header("X-Puppet-Version", "8.10.0")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")


def catalog(name: str, classes: list[str]) -> dict[str, object]:
    """A catalog with one file."""
    file = {
        "type": "File", "kind": "compilable_type", "title": CLASSES_FILE, "tags": ["file"], "exported": False,
        "parameters": {"ensure": "file", "content": "".join(f"{each}\n" for each in classes)},
    }  # fmt: skip
    return {
        "name": name, "version": 1, "code_id": None, "catalog_uuid": "e1f1d0f7-6c7c-4a5e-9d43-2d1c1d0b7a11",
        "catalog_format": 2, "environment": "production", "tags": [], "classes": classes,
        "resources": [file], "edges": [],
    }  # fmt: skip


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def main(folder: Path, address: str) -> None:
    """Serve until the process is ended."""
    authority, key = Authority(), rsa.generate_private_key(65537, 2048)
    names = (x509.DNSName("puppet"), x509.IPAddress(ip_address(address)))
    own = authority.sign(key.public_key(), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "puppet")]), names)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "puppet-server.pem"
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(*form) + _pem(own))
    Handler.authority, Handler.daemon, Handler.signed = authority, address, {}
    server = http.server.ThreadingHTTPServer((address, PORT), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
