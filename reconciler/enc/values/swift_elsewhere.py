"""A Swift outside the cluster, in which Glance and Cinder's backups store: as settings say, or the linked cluster's.

Of the linked cluster, the Swift service's own user is taken: it is there as soon as
that cluster is, and may store in its own project.
"""

from collections.abc import Callable

from ...model.in_force import Place, SettingsAt
from ...model.machine import SecretRef
from ..params import Derived, SecretText, Value, derived
from ..view import View

USER, PROJECT, DOMAIN = "swift", "services", "default"
"""The Swift service's user in the linked cluster's Keystone."""


class _Linked:
    """The other cluster, as far as its specs tell."""

    def __init__(self, v: View, name: str) -> None:
        given = v.cluster.given
        self.name = name
        self.spec = given.tree.clusters[name]
        self.settings = SettingsAt(given.tree, Place(name, "controller"))
        self.api = self.spec.api.hostname or f"{name}-api.{self.spec.domain}"

    @property
    def keystone(self) -> str:
        """Where its Keystone answers."""
        if self.settings.is_on("external_keystone_activate"):
            return self.settings.text("external_keystone_url") or ""
        if self.settings.is_on("haproxy_use_sni"):
            return f"https://{self.settings.text('keystone_sni_name')}.{self.api}"
        return f"https://{self.api}/identity"

    @property
    def proxy(self) -> str:
        """Where its proxies answer, up to the account's name."""
        proxy = self.settings.text("swift_proxy_hostname")
        if self.settings.is_on("haproxy_use_sni"):
            return f"https://{proxy or f's3.{self.api}'}/v1/AUTH_"
        return f"https://{proxy or self.api}/object/v1/AUTH_"


def linked(name: str, of_link: Callable[[_Linked], Value], why: str) -> Derived:
    """The setting ``name`` where somebody wrote it, else what follows from the linked cluster."""

    def compute(v: View) -> Value:
        other, said = v.cluster.spec.links.swift, v.sourced(name)
        if other is None or other not in v.tree.clusters or said.written:
            return None if isinstance(said.value, tuple) else said.value
        return v.cluster.cached(("linked", name), lambda: of_link(_Linked(v, other)))

    return derived(compute, f"{name}, or else {why} of the linked cluster", "Cluster.links.swift")


def password_of(other: _Linked) -> Value:
    """The Swift service user's password."""
    return SecretText(SecretRef(other.name, "swift", "authtoken"))
