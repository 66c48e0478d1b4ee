"""APT repositories with their tokens filled in, and the files that make a system use them."""

import re
from collections.abc import Iterator, Mapping

from .kinds import FleetSpec, RepositorySpec

OS_VERSION = "OS_VERSION"
"""The one token that Puppet fills in by itself: the node's Debian codename."""

PINNED_TOKENS = frozenset({"OPENSTACK_RELEASE"})
"""Tokens that only ``release`` of the fleet sets: an upgrade moves every repository at once."""

_TOKEN = re.compile(r"%%([A-Za-z0-9_]+)%%")
_MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}  # Debian's names to those of uname -m, which the module compares
_SIGNED_BY = re.compile(r"^Signed-By:.*\n?(?:[ \t].*\n?)*", re.MULTILINE | re.IGNORECASE)


def unknown_tokens(r: RepositorySpec, fleet: FleetSpec) -> tuple[str, ...]:
    """Tokens in the sources that nothing gives a value to, on any distribution."""
    known = {OS_VERSION, *common_tokens(r, fleet), *(name for some in r.distribution_tokens.values() for name in some)}
    return tuple(sorted(set(_TOKEN.findall(r.sources or "")) - known))


def repository_tokens(fleet: FleetSpec) -> dict[str, str]:
    """The fleet's own values for tokens, which win over a repository's."""
    return {name: value for name, value in fleet.repository_tokens.items() if name not in PINNED_TOKENS and value}


def common_tokens(r: RepositorySpec, fleet: FleetSpec) -> dict[str, str]:
    """What is common to all distributions. The module takes directives and tokens from one list, so both are in it."""
    server = {
        "DEBIAN_MIRROR": fleet.mirrors.debian,
        "DEBIAN_SECURITY_MIRROR": fleet.mirrors.security,
        "DEBIAN_BACKPORT_MIRROR": fleet.mirrors.backports,
        "DEBIAN_INCOMING_BUILDD": fleet.mirrors.incoming,
        "OPENSTACK_RELEASE": fleet.release.openstack,
    }
    return {**server, **directives_of(r), **r.tokens, **repository_tokens(fleet)}


def directives_of(r: RepositorySpec) -> Mapping[str, str]:
    """For whom it is, in the module's words, and what else its document says to the module."""
    lists = {
        "supported_codename": r.distributions,
        "supported_arch": tuple(_MACHINE.get(arch, arch) for arch in r.architectures),
        "supported_role": r.roles,
        "target_hardware_vendor_value": r.hardware_vendors,
    }
    return {**{key: ",".join(names) for key, names in lists.items() if names}, **r.extra}


def in_live(
    repositories: Mapping[str, RepositorySpec], fleet: FleetSpec, architecture: str
) -> Iterator[tuple[str, RepositorySpec]]:
    """Repositories for the live image, by name: of its release and architecture, and with all their tokens known."""
    for key, r in sorted(repositories.items()):
        fits = fleet.release.debian in (r.distributions or (fleet.release.debian,))
        fits = fits and architecture in (r.architectures or (architecture,))
        if r.install_in_live and fits and not unknown_tokens(r, fleet):
            yield r.name or key, r


def sources_of(r: RepositorySpec, fleet: FleetSpec) -> str | None:
    """The text of its .sources file for the fleet's release. It holds the key too: no other file does."""
    if r.sources is None:
        return None
    suite = fleet.release.debian
    tokens = {**common_tokens(r, fleet), **r.distribution_tokens.get(suite, {}), OS_VERSION: suite}
    text = _TOKEN.sub(lambda found: tokens.get(found[1], found[0]), r.sources)
    if r.key is None:
        return text
    key = "".join(f" {line.strip() or '.'}\n" for line in r.key.strip().splitlines())
    stanzas = (_SIGNED_BY.sub("", stanza).strip() for stanza in re.split(r"\n\s*\n", text))
    return "\n".join(f"{stanza}\nSigned-By:\n{key}" for stanza in stanzas if stanza)
