"""Passwords, keys and certificates of OCI under the names that our documents use."""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..model.machine import SecretRef
from .database import Tables
from .machines import OciMachine

_FORMS = {
    "ssh": "ssh", "rndckey": "rndc", "credential1": "fernet", "credential2": "fernet",
    "fernetkey1": "fernet", "fernetkey2": "fernet", "kek": "fernet",
    "fsid": "uuid", "libvirtuuid": "uuid", "uuid": "uuid", "adminkey": "cephx", "openstackkey": "cephx",
    "monkey": "cephx", "mgrkey": "cephx", "bootstraposdkey": "cephx",
}  # fmt: skip
"""How a kind of secret is made, where no document says; all others are hexadecimal digits."""

_SERIALIZED = re.compile(r's:[0-9]+:"(.*)";?', re.DOTALL)

Forms = Mapping[tuple[str, str], str]
"""Form by service and kind, of the secrets that documents name."""


def form_of(service: str, kind: str, forms: Forms) -> str:
    """How such a secret is made: as the documents say, or as the kind usually is."""
    return forms.get((service, kind)) or _FORMS.get(kind, "hex")


def passwords(tables: Tables, forms: Forms) -> tuple[dict[SecretRef, dict[str, str] | str], list[str]]:
    """The secrets of every cluster, and what could not be carried over.

    Texts are given as they are, those of form ``ssh`` as their parts.
    """
    clusters = {row["id"]: row["name"] for row in tables["clusters"]}
    found: dict[SecretRef, dict[str, str] | str] = {}
    leftover: list[str] = []
    for row in tables.get("passwords", ()):
        owner = clusters.get(row["cluster"])
        if owner is None:
            leftover.append(f"password {row['service']}/{row['passtype']} of a cluster that no longer exists")
            continue
        zone = int(row.get("az") or 0)
        kind = row["passtype"] if zone == 0 else f"{row['passtype']}-az{zone}"
        ref = SecretRef(owner, row["service"], kind, form_of(row["service"], row["passtype"], forms))
        text: Any = (
            _pair(row["passtxt1"], row["passtxt2"]) if ref.form == "ssh" else _text(row["passtype"], row["pass"])
        )
        if not text:
            leftover.append(f"password {ref}: it is empty")
        else:
            found[ref] = text
    return found, leftover


def key_pairs(tables: Tables, machines: Iterable[OciMachine]) -> tuple[dict[SecretRef, dict[str, str]], list[str]]:
    """Root's SSH keys of the nodes."""
    hostnames = {machine.hostname for machine in machines if machine.role}
    found: dict[SecretRef, dict[str, str]] = {}
    leftover: list[str] = []
    for row in tables.get("sshkeypairs", ()):
        pair = _pair(row["pubkey"], row["privatekey"])
        if row["hostname"] not in hostnames or not pair:
            leftover.append(
                f"SSH key pair of {row['username']}@{row['hostname']}: no machine has that name, or it is empty"
            )
        else:
            found[SecretRef(row["hostname"], row["username"], "ssh", "ssh")] = pair
    return found, leftover


def bmc_passwords(machines: Iterable[OciMachine]) -> dict[SecretRef, str]:
    """Passwords of BMCs, those that OCI knows."""
    return {
        SecretRef(f"bmc:{machine.serial}", "bmc", "password", "password16"): str(machine.row["ipmi_password"])
        for machine in machines
        if machine.row.get("ipmi_password")
    }


def _text(kind: str, stored: object) -> str:
    """A password as nodes get it: OCI makes Keystone's Fernet keys of the first 32 characters of what it keeps."""
    text = "" if stored is None else str(stored)
    return base64.urlsafe_b64encode(text[:32].encode()).decode() if kind.startswith("fernetkey") else text


def _pair(public: object, private: object) -> dict[str, str]:
    texts = {"public": _unserialized(public), "private": _unserialized(private)}
    return texts if all(texts.values()) else {}


def _unserialized(stored: object) -> str:
    """OCI keeps keys as PHP serializes a text."""
    text = "" if stored is None else str(stored)
    found = _SERIALIZED.fullmatch(text.strip())
    return found[1] if found else text
