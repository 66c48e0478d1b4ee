"""Folders of keys and certificates as OCI's scripts leave them, made by the openssl command."""

import shutil
import subprocess
from pathlib import Path

import pytest

_CONF = """\
[req]
distinguished_name = dn
prompt = no
[dn]
C = CH
O = OCI
CN = {name}
[root]
keyUsage = critical,keyCertSign,cRLSign
basicConstraints = critical,CA:true
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[authority]
keyUsage = critical,keyCertSign,cRLSign
basicConstraints = critical,CA:true
subjectKeyIdentifier = hash
[server]
keyUsage = critical,digitalSignature,keyEncipherment
basicConstraints = CA:false
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = DNS:{name}
"""


class OciPki:
    """``pki`` is where OCI signs, ``ssl`` what nodes are given."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("needs openssl (apt: openssl)")
        self.pki, self.ssl = folder / "pki", folder / "ssl"
        self._ca, self._given = self.pki / "ca", self.ssl / "ca"
        for name in ("root-ca", "oci-ca"):
            (self._ca / name / "private").mkdir(parents=True)
        self._given.mkdir(parents=True)
        self._root()
        self._authority()

    def node(self, hostname: str, *, client: bool = True) -> None:
        """What is made for a node when it joins a cluster, or (without ``client``) for the API's name."""
        folder = self.ssl / "slave-nodes" / hostname
        folder.mkdir(parents=True)
        for stem in (hostname, f"{hostname}_client") if client else (hostname,):
            key, csr, crt = (folder / f"{stem}.{end}" for end in ("key", "csr", "crt"))
            self._sign(hostname, "server", self._ca / "oci-ca", key, csr, crt, "-text")
            (folder / f"{stem}.pem").write_text(crt.read_text() + key.read_text())

    def text(self, name: str) -> str:
        return (self.ssl / name).read_text()

    def _root(self) -> None:
        key, crt = self._ca / "root-ca/private/root-ca.key", self._ca / "root-ca.crt"
        conf = self._conf("OCI Root CA")
        self._openssl(
            "req", "-x509", "-new", "-nodes", "-newkey", "rsa:2048", "-days", "3650", "-config", str(conf),
            "-extensions", "root", "-keyout", str(key), "-out", str(crt),
        )  # fmt: skip
        shutil.copy(crt, self._given / "oci-pki-root-ca.pem")

    def _authority(self) -> None:
        key, csr, crt = self._ca / "oci-ca/private/oci-ca.key", self._ca / "oci-ca.csr", self._ca / "oci-ca.crt"
        self._sign("OCI CA 2 Root CA", "authority", self._ca / "root-ca", key, csr, crt)
        chain = (self._ca / "root-ca.crt").read_text() + crt.read_text()
        (self._ca / "oci-ca-chain.pem").write_text(chain)
        (self._given / "oci-pki-oci-ca-chain.pem").write_text(chain)
        shutil.copy(crt, self._given / "oci-pki-oci-ca.pem")

    def _sign(self, name: str, extensions: str, by: Path, key: Path, csr: Path, crt: Path, *more: str) -> None:
        conf = self._conf(name)
        request = ("-new", "-nodes", "-newkey", "rsa:2048", "-config", str(conf), "-keyout", str(key), "-out", str(csr))
        self._openssl("req", *request)
        self._openssl(
            "x509", "-req", "-in", str(csr), "-CA", f"{by}.crt", "-CAkey", str(by / "private" / f"{by.name}.key"),
            "-CAcreateserial", "-days", "3652", "-extfile", str(conf), "-extensions", extensions,
            "-out", str(crt), *more,
        )  # fmt: skip

    def _conf(self, name: str) -> Path:
        path = self.pki / "made.conf"
        path.write_text(_CONF.format(name=name))
        return path

    def _openssl(self, *words: str) -> None:
        ran = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
