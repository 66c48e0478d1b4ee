"""Keys of people, made by OpenSSH, and signatures by them: made and judged by OpenSSH, or made here for speed."""

import base64
import hashlib
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOTHING: Mapping[str, str] = {}
ARMOR = "-----{} SSH SIGNATURE-----\n"
Private = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def wire(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def armored(content: bytes) -> str:
    text = base64.b64encode(content).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return ARMOR.format("BEGIN") + "\n".join(lines) + "\n" + ARMOR.format("END")


@dataclass(frozen=True)
class Key:
    """A private key that signs as OpenSSH does, without a process for each signature; in hardware: as that would."""

    private: Private
    hardware: bool = False
    application: bytes = b"ssh:"

    @property
    def kind(self) -> str:
        plain = self.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[0].decode()
        return f"sk-{plain}@openssh.com" if self.hardware else plain

    @property
    def blob(self) -> bytes:
        plain = self.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()
        rest = base64.b64decode(plain[1])[4 + len(plain[0]) :]
        return wire(self.kind.encode()) + rest + (wire(self.application) if self.hardware else b"")

    @property
    def public(self) -> str:
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"

    def sign(self, payload: bytes, namespace: str = "git", hash_name: str = "sha512") -> str:
        head = namespace.encode(), b"", hash_name.encode()
        raw = self._raw(b"SSHSIG" + wire(*head, hashlib.new(hash_name, payload).digest()))
        return armored(b"SSHSIG" + struct.pack(">I", 1) + wire(self.blob, *head, raw))

    def _raw(self, message: bytes) -> bytes:
        tail, kind = b"", self.kind.encode()
        if self.hardware:
            tail = b"\x01" + struct.pack(">I", 7)
            message = hashlib.sha256(self.application).digest() + tail + hashlib.sha256(message).digest()
        match self.private:
            case ed25519.Ed25519PrivateKey():
                made = self.private.sign(message)
            case rsa.RSAPrivateKey():
                kind, made = b"rsa-sha2-512", self.private.sign(message, padding.PKCS1v15(), hashes.SHA512())
            case _:
                sizes = {256: hashes.SHA256, 384: hashes.SHA384, 521: hashes.SHA512}
                der = self.private.sign(message, ec.ECDSA(sizes[self.private.key_size]()))
                made = wire(*(_number(value) for value in decode_dss_signature(der)))
        return wire(kind, made) + tail


def _number(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def ed25519_key() -> Key:
    return Key(ed25519.Ed25519PrivateKey.generate())


def make_key(path: Path, kind: str = "ed25519") -> Path:
    """A key made by OpenSSH, in a file."""
    bits = ["-b", "2048"] if kind == "rsa" else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *bits, "-N", "", "-C", path.name, "-f", path], check=True)
    return path


def sign(path: Path, payload: bytes, namespace: str = "git", *options: str) -> str:
    """A signature by OpenSSH."""
    command = ["ssh-keygen", "-Y", "sign", *options, "-n", namespace, "-f", str(path)]
    return subprocess.run(command, input=payload, capture_output=True, check=True).stdout.decode()


@dataclass(frozen=True)
class OpenSsh:
    """What ``ssh-keygen -Y verify`` says, of a file of signers in a folder."""

    folder: Path

    def allow(self, text: str) -> None:
        (self.folder / "oracle-signers").write_text(text)

    def accepts(
        self, payload: bytes, signature: str, name: str, namespace: str = "git", options: Mapping[str, str] = NOTHING
    ) -> bool:
        """Whether it says that somebody has signed this."""
        (self.folder / "oracle-signature").write_text(signature)
        more = [word for option, value in options.items() for word in (option, value)]
        command = ["ssh-keygen", "-Y", "verify", "-f", str(self.folder / "oracle-signers"), "-I", name]
        command += ["-n", namespace, "-s", str(self.folder / "oracle-signature"), *more]
        return subprocess.run(command, input=payload, capture_output=True, check=False).returncode == 0
