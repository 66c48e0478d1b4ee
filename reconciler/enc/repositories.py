"""APT repositories as ``oci::repos::*`` takes them: what a node installs, and what it removes again."""

import base64
import json
from collections.abc import Mapping

from ..model.kinds import FleetSpec, RepositorySpec
from ..model.repositories import common_tokens, directives_of, unknown_tokens
from .params import Value
from .view import View

_DEFAULT_FILENAME = {
    "base": "debian.sources",
    "security": "debian-security.sources",
    "backports": "debian-backports.sources",
    "incoming": "debian-incoming.sources",
}
_PREFIX = {"debian": "oci-debian", "osbpo": "oci-osbpo", "vendors": "oci-vendor"}


def repositories_of(family: str, v: View) -> Value:
    """Every repository of a family, by name; one that is not for the node says so, so that its files are removed."""
    chosen = ((r.name or name, r) for name, r in v.tree.repositories.items() if r.family == family)
    return tuple(_repository(name, r, v) for name, r in sorted(chosen, key=lambda pair: pair[0]))


def _repository(name: str, r: RepositorySpec, v: View) -> Value:
    manufacturer = v.node.member.hardware.manufacturer.strip() if v.node.member.hardware else ""
    role_fits = not r.roles or v.node.role in r.roles
    vendor_fits = r.family != "vendors" or not r.hardware_vendors or manufacturer in r.hardware_vendors
    fits = role_fits and vendor_fits
    return v.cluster.cached(("repository", r.family, name, fits), lambda: _entry(name, r, v.fleet, fits))


def _entry(name: str, r: RepositorySpec, fleet: FleetSpec, fits: bool) -> dict[str, Value]:
    """A repository in the keys that ``oci::repos`` reads. One that a node does not get has just enough for its removal.

    Args:
        name: Of the repository, for its file too.
        r: The repository.
        fleet: For tokens that all repositories share.
        fits: Whether the node's role and vendor are those of the repository.
    """
    directives = directives_of(r)
    filename = directives.get("filename") or _filename(r.family, name)
    if not r.install_in_target or unknown_tokens(r, fleet):
        return {"name": name, "install_repo_in_target": False, "filename": filename}
    entry: dict[str, Value] = {"name": name, **directives, "filename": filename, "install_repo_in_target": fits}
    if r.sources is not None:
        entry["sources"] = r.sources
    if r.key is not None:
        entry["key_base64"] = _base64(r.key)
    if r.pinning is not None:
        entry["pinning_file_base64"] = _base64(r.pinning)
    tokens = {"DEFAULT": common_tokens(r, fleet), **r.distribution_tokens}
    return {**entry, "tokens_base64": _base64(json.dumps(tokens, sort_keys=True))}


def repository_files(v: View) -> dict[str, str]:
    """The files of the node's repositories that the installer's hook reads: path below ``/etc/oci/repos`` to text."""
    found: dict[str, str] = {}
    for key, r in v.tree.repositories.items():
        name = r.name or key
        if not r.install_in_target or unknown_tokens(r, v.fleet):
            continue
        directives = {**directives_of(r), "install_repo_in_target": "yes"}
        if r.hardware_vendors:
            directives["target_hardware_vendor_cmd_check"] = '"dmidecode -s system-manufacturer"'
        sections = {"DEFAULT": {**directives, **common_tokens(r, v.fleet)}, **r.distribution_tokens}
        texts = {
            "repo.conf": "".join(_section(title, values) for title, values in sections.items()),
            "repo.sources": r.sources,
            "repo.pref": r.pinning,
            "key.asc": r.key,
        }
        found |= {f"{r.family}/{name}/{file}": text for file, text in texts.items() if text is not None}
    return found


def _section(title: str, values: Mapping[str, str]) -> str:
    return f"[{title}]\n" + "".join(f"{name}={value}\n" for name, value in sorted(values.items())) + "\n"


def _filename(family: str, name: str) -> str:
    """Debian's own repositories keep the names that the image builder writes, so that Puppet takes those files over."""
    known = _DEFAULT_FILENAME.get(name) if family == "debian" else None
    return known or f"{_PREFIX[family]}-{name}.sources"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
