"""APT repositories that nobody would get, or that hold nothing."""

import re
from collections.abc import Iterator

from ...model.diagnostics import Diagnostic
from ..schema_errors import did_you_mean
from .context import Check, CheckContext, error, warning

_TOKEN = re.compile(r"%%([A-Za-z0-9_]+)%%")
_GIVEN = (
    "OS_VERSION", "OPENSTACK_RELEASE",
    "DEBIAN_MIRROR", "DEBIAN_SECURITY_MIRROR", "DEBIAN_BACKPORT_MIRROR", "DEBIAN_INCOMING_BUILDD",
)  # fmt: skip
"""Tokens that have a value without anybody giving one: the node's codename, the fleet's release and mirrors."""


def repositories_hold_something(context: CheckContext) -> Iterator[Diagnostic]:
    """A repository has sources or pinning, and goes somewhere."""
    for name, repository in context.tree.repositories.items():
        if not repository.sources and not repository.pinning:
            detail = f'Repository "{name}" has neither sources nor pinning. Write its deb822 text below "sources: |".'
            yield error("Empty repository", detail, context.parsed.at("Repository", name))
        if not repository.install_in_target and not repository.install_in_live:
            detail = f'Repository "{name}" is for neither installed nodes nor the live image, so nobody gets it.'
            yield warning("Repository for nobody", detail, context.parsed.at("Repository", name, "install_in_target"))


def repository_names_are_distinct(context: CheckContext) -> Iterator[Diagnostic]:
    """No two repositories of a family would write the same file."""
    first: dict[tuple[str, str], str] = {}
    for name, repository in context.tree.repositories.items():
        key = (repository.family, repository.name or name)
        other = first.setdefault(key, name)
        if other != name:
            detail = f'Repositories "{other}" and "{name}" of family {key[0]} are both named "{key[1]}". Rename one.'
            yield error("Duplicate name", detail, context.parsed.at("Repository", name, "name"))


def tokens_have_values(context: CheckContext) -> Iterator[Diagnostic]:
    """Every ``%%NAME%%`` of the sources is replaced by something; a repository with one that is not is left out."""
    for name, repository in context.tree.repositories.items():
        known = {*_GIVEN, *context.tree.fleet.repository_tokens, *repository.tokens, *repository.extra}
        known.update(token for values in repository.distribution_tokens.values() for token in values)
        for token in sorted(set(_TOKEN.findall(repository.sources or "")) - known):
            detail = (
                f'Nothing gives %%{token}%% a value, so nodes do not get repository "{name}". '
                f"Set it in the fleet's repository_tokens.{did_you_mean(token, known)}"
            )
            yield error("Token without a value", detail, context.parsed.at("Repository", name, "sources"))


CHECKS: tuple[Check, ...] = (repositories_hold_something, repository_names_are_distinct, tokens_have_values)
