"""A Swift outside the cluster, in which Glance and Cinder's backups store: as settings say, or the linked cluster's.

Of the linked cluster, the Swift service's own user is taken: it is there as soon as
that cluster is, and may store in its own project.
"""

from collections.abc import Callable

from ..model.machine import SecretRef
from ..model.settings import Effective, effective
from .params import Derived, SecretText, Value, derived
from .view import View

USER, PROJECT, DOMAIN = "swift", "services", "default"
"""The Swift service's user in the linked cluster's Keystone."""


class _Linked:
    """The other cluster, as far as its specs tell."""

    def __init__(self, v: View, name: str) -> None:
        given = v.cluster.given
        self.name = name
        self.spec = given.tree.clusters[name]
        self.settings: Effective = effective(
            given.table, given.tree, cluster=name, role="controller", profile=None, serial=None
        )
        self.api = self.spec.api.hostname or f"{name}-api.{self.spec.domain}"

    def text(self, name: str) -> str:
        """A setting that is a text."""
        value = self.settings[name].value
        return value if isinstance(value, str) else ""

    def on(self, name: str) -> bool:
        """A setting that is a switch."""
        return self.settings[name].value is True

    @property
    def keystone(self) -> str:
        """Where its Keystone answers."""
        if self.on("external_keystone_activate"):
            return self.text("external_keystone_url")
        if self.on("haproxy_use_sni"):
            return f"https://{self.text('keystone_sni_name')}.{self.api}"
        return f"https://{self.api}/identity"

    @property
    def proxy(self) -> str:
        """Where its proxies answer, up to the account's name."""
        proxy = self.text("swift_proxy_hostname")
        if self.on("haproxy_use_sni"):
            return f"https://{proxy or f's3.{self.api}'}/v1/AUTH_"
        return f"https://{proxy or self.api}/object/v1/AUTH_"


def linked(name: str, of_link: Callable[[_Linked], Value], why: str) -> Derived:
    """The setting ``name`` where somebody wrote it, else what follows from the linked cluster."""

    def compute(v: View) -> Value:
        other, written = v.cluster.spec.links.swift, v.sourced(name)
        if other is None or other not in v.tree.clusters or written.origin != "default":
            return None if isinstance(written.value, tuple) else written.value
        return v.cluster.once(("linked", name), lambda: of_link(_Linked(v, other)))

    return derived(compute, f"{name}, or else {why} of the linked cluster", "Cluster.links.swift")


def password_of(other: _Linked) -> Value:
    """The Swift service user's password."""
    return SecretText(SecretRef(other.name, "swift", "authtoken"))
