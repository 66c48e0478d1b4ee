"""OCI's authority, and the certificates that it signed, under the names that our documents use.

OCI keeps them in two folders. ``/etc/openstack-cluster-installer/pki`` is where it signs::

    ca/root-ca.crt  ca/root-ca/private/root-ca.key  ca/oci-ca.crt  ca/oci-ca/private/oci-ca.key  ca/oci-ca-chain.pem

``/var/lib/oci/ssl`` is what nodes are given::

    ca/oci-pki-{root-ca,oci-ca,oci-ca-chain}.pem
    slave-nodes/NAME/NAME.{key,crt,csr,pem}          NAME: a node, the API's hostname, or the Swift proxies'
    slave-nodes/NAME/NAME_client.{key,crt,csr,pem}
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..model.machine import SecretRef
from .database import Row
from .machines import OciMachine, is_set
from .swift_links import api_of

_ROOT = SecretRef("fleet", "pki", "root_ca", "certificate")
_AUTHORITY = SecretRef("fleet", "pki", "oci_ca", "certificate")
_PARTS = ("key", "crt", "csr", "pem")
_NODES = "slave-nodes"

_AUTHORITIES = (
    (_ROOT, ("root-ca", "root-ca"), ("root-ca.crt", "root-ca.crt", "root-ca/private/root-ca.key")),
    (_AUTHORITY, ("oci-ca", "oci-ca-chain"), ("oci-ca.crt", "oci-ca-chain.pem", "oci-ca/private/oci-ca.key")),
)
"""Certificate and chain as nodes are given them; certificate, chain and key where it signs."""

NamedTexts = Mapping[str, str]
"""Texts by path below a folder."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What OCI keeps of keys outside of its database, as far as it was given."""

    signing: NamedTexts = field(default_factory=dict)
    given_out: NamedTexts = field(default_factory=dict)
    login: Mapping[str, str] = field(default_factory=dict)  # the parts of OCI's own SSH key


@dataclass(slots=True)
class CarriedCertificates:
    """Secrets as their parts, and what could not be carried over, as sentences."""

    secrets: dict[SecretRef, dict[str, str]] = field(default_factory=dict)
    leftover: list[str] = field(default_factory=list)


def certificates(keys: Keys, clusters: Iterable[Row], machines: Iterable[OciMachine]) -> CarriedCertificates:
    """Every key and certificate that a document of ours names.

    Args:
        keys: The files.
        clusters: OCI's clusters.
        machines: OCI's machines.
    """
    found = CarriedCertificates()
    if keys.login:
        found.secrets[SecretRef("fleet", "ssh", "provisioning", "ssh")] = dict(keys.login)
    if not keys.signing and not keys.given_out:
        return found
    _authorities(keys, found)
    owners = _owners(clusters, machines)
    lacking = []
    for (owner, kind), stem in owners.items():
        ref = SecretRef(owner, "pki", kind, "certificate")
        if parts := _leaf(keys.given_out, stem):
            found.secrets[ref] = parts
        else:
            lacking.append(str(ref))
    if lacking:
        found.leftover.append(
            f"certificates that are not in {_NODES}/ with their keys, so that new ones are made: {', '.join(lacking)}"
        )
    named = {path.split("/")[1] for path in keys.given_out if path.startswith(f"{_NODES}/") and path.count("/") > 1}
    if unused := sorted(named - {stem.partition("/")[0] for stem in owners.values()}):
        found.leftover.append(f"certificates of {', '.join(unused)}: no machine and no cluster has that name")
    return found


def _authorities(keys: Keys, found: CarriedCertificates) -> None:
    """Carry over the root authority and the one that signs nodes; what is missing of them becomes a leftover."""
    for ref, given, own in _AUTHORITIES:
        crt, chain = (keys.given_out.get(f"ca/oci-pki-{name}.pem") for name in given)
        own_crt, own_chain, key = (keys.signing.get(f"ca/{name}") for name in own)
        crt = crt or own_crt
        if not crt:
            found.leftover.append(f"{ref}: there is neither ca/oci-pki-{given[0]}.pem nor ca/{own[0]}")
            continue
        parts = {"crt": crt, "chain": chain or own_chain or crt}
        if key:
            parts["key"] = key
        elif ref == _AUTHORITY:
            found.leftover.append(
                f"{ref} has no key (ca/{own[2]}): it can sign no certificate for a node that joins later"
            )
        found.secrets[ref] = parts


def _owners(clusters: Iterable[Row], machines: Iterable[OciMachine]) -> dict[tuple[str, str], str]:
    """Owner and kind of each certificate, and its files below the folder of nodes, without their ends."""
    found: dict[tuple[str, str], str] = {}
    for row in clusters:
        api = api_of(row)
        found[row["name"], "api"] = f"{api}/{api}"
        proxies = str(row.get("swift_proxy_hostname") or "")
        if is_set(proxies):
            found[row["name"], "swiftproxy"] = f"{proxies}/{proxies}"
    for machine in machines:
        if machine.role:
            name = machine.hostname
            found[name, "snakeoil"], found[name, "client"] = f"{name}/{name}", f"{name}/{name}_client"
    return found


def _leaf(files: NamedTexts, stem: str) -> dict[str, str] | None:
    there = {part: files[path] for part in _PARTS if (path := f"{_NODES}/{stem}.{part}") in files}
    if "key" not in there or "crt" not in there:
        return None
    return {"csr": "", **there}  # who buys a certificate does not keep the request, and OCI gives none


def login_key(private: str, public: str) -> dict[str, Any]:
    """The parts of an SSH key pair.

    Raises:
        ValueError: ``public`` is not what ssh-keygen writes.
    """
    match public.split():
        case [kind, body, *_]:
            return {"private": private, "public": body, "type": kind}
    raise ValueError("the public half of the SSH key is not one line of type, key and comment")
