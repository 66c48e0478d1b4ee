"""The vocabulary of the tables: a Puppet class is sections of rows, a row is a parameter and where it comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ..model.machine import SecretRef

if TYPE_CHECKING:
    from .view import View

SecretScope = Literal["cluster", "node", "fleet"]
"""Whose a secret is: it has the cluster's name, the node's hostname, or ``fleet`` for an owner."""


@dataclass(frozen=True, slots=True)
class SecretText:
    """Stands in a document for the text of a secret, which only the shell knows."""

    ref: SecretRef
    part: str | None = None  # of a secret that is several texts: ``key``, ``crt``, ``public`` ...
    base64: bool = False  # Puppet gets the text in base64

    def __str__(self) -> str:
        name = f"{self.ref.service}/{self.ref.kind}"
        return f"{name}.{self.part}" if self.part else name


@dataclass(frozen=True, slots=True)
class SecretWords:
    """Stands for several secrets as one text, with a blank between them."""

    words: tuple[SecretText, ...]

    def __str__(self) -> str:
        return " ".join(map(str, self.words))


@dataclass(frozen=True, slots=True)
class LongText:
    """A text of which all but the beginning is the same for every node of a cluster, and kept only once."""

    own: str
    shared: str

    def __str__(self) -> str:
        return self.own + self.shared


def is_base64(key: str) -> bool:
    """Whether a value in a mapping is a text in base64, by the name that ``oci::repos`` has for it."""
    return key.endswith("_base64")


Value = (
    bool | int | float | str | None | SecretText | SecretWords | LongText | tuple["Value", ...] | Mapping[str, "Value"]
)
"""What a parameter may be. Tuples become lists; a tuple or mapping that many nodes get is the same object for all."""


SHARED_FROM = 32
"""Items of a list or mapping from which on what was found out about it is kept for the next node: it is the cluster's
peers, and not the node's own disks."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that does not depend on the node."""

    value: Value


@dataclass(frozen=True, slots=True)
class Secret:
    """Names a secret without holding it; only the shell swaps it for the text."""

    service: str
    kind: str
    part: str | None = None
    form: str = "hex"
    scope: SecretScope = "cluster"
    base64: bool = False

    def ref(self, view: "View") -> SecretRef:
        """The secret of this name that concerns the node."""
        owner = {"cluster": view.cluster.name, "node": view.node.hostname, "fleet": "fleet"}[self.scope]
        return SecretRef(owner, self.service, self.kind, self.form)


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the settings table, with the value in force for the node."""

    name: str


@dataclass(frozen=True, slots=True)
class Derived:
    """A value worked out from the cluster by a pure function. None: not given."""

    compute: "Callable[[View], Value]"
    why: str = ""
    written: "Written | Callable[[View], Written]" = ()
    base64: bool = False  # the value is a text in base64, which an explanation tells in clear


Written = tuple[str, ...]
"""Where an operator may write a value: ``Fleet`` or ``Cluster``, and the path below spec."""


Source = Constant | Secret | Setting | Derived


@dataclass(frozen=True, slots=True)
class Condition:
    """A named question about a node. The name completes the sentence "given when ..."."""

    name: str
    holds: "Callable[[View], bool]"
    denied: str = ""  # the opposite, where there are better words than "not (...)"

    def __and__(self, other: "Condition") -> "Condition":
        return Condition(f"{self._one()} and {other._one()}", lambda v: self.holds(v) and other.holds(v))

    def __or__(self, other: "Condition") -> "Condition":
        return Condition(f"{self.name} or {other.name}", lambda v: self.holds(v) or other.holds(v))

    def __invert__(self) -> "Condition":
        return Condition(self.denied or f"not ({self.name})", lambda v: not self.holds(v), self.name)

    def _one(self) -> str:
        """The name as a part of a longer one."""
        return f"({self.name})" if " or " in self.name else self.name


ALWAYS = Condition("always", lambda _: True)


@dataclass(frozen=True, slots=True)
class Section:
    """Parameters given together, for one reason."""

    title: str
    params: Mapping[str, Source]
    when: Condition = ALWAYS


@dataclass(frozen=True, slots=True)
class PuppetClass:
    """Everything one Puppet class is given, and the parameters we choose to leave at its defaults."""

    name: str
    sections: tuple[Section, ...]
    left_to_puppet: Mapping[str, str] = field(default_factory=dict)  # parameter -> why
    when: Condition = ALWAYS

    @property
    def may_give(self) -> frozenset[str]:
        """Every parameter that some node gets."""
        return frozenset(name for section in self.sections for name in section.params)


def setting(name: str) -> Setting:
    """The value in force of a row of the settings table."""
    return Setting(name)


def settings(*names: str) -> dict[str, Source]:
    """Rows for settings that Puppet knows under the same name."""
    return {name: Setting(name) for name in names}


def subroles(on: bool, *names: str) -> dict[str, Source]:
    """Rows that turn sub-roles of a class on, or off."""
    return {f"has_subrole_{name}": Constant(on) for name in names}


def constant(value: Value) -> Constant:
    """A parameter whose value does not depend on the node."""
    return Constant(value)


def derived(
    compute: "Callable[[View], Value]",
    why: str = "",
    written: "str | Callable[[View], Written]" = "",
    *,
    base64: bool = False,
) -> Derived:
    """A value worked out by ``compute``; why: its docstring, unless given.

    ``written``: ``Cluster.region`` for a value that an operator may have written there, so that its line is shown;
    ``Setting.vfio_ids`` for one that is a setting in other words; a function where it depends on the node. ``base64``:
    an explanation tells it in clear.
    """
    at = written if callable(written) else tuple(written.split(".")) if written else ()
    return Derived(compute, why or _reason(compute.__doc__ or ""), at, base64)


def spec(compute: "Callable[[View], Value]", written: str) -> Derived:
    """A value of the specs, unchanged."""
    kind, _, path = written.partition(".")
    return derived(compute, f"{path} of the {kind.lower()}", written)


def _reason(docstring: str) -> str:
    """The first line of a docstring, as the rest of a sentence."""
    line = docstring.strip().partition("\n")[0]
    return line if line[1:2].isupper() else line[:1].lower() + line[1:]


def pem(kind: str, part: str, scope: SecretScope = "cluster") -> Secret:
    """One file of a certificate of the fleet's own authority, in base64."""
    return Secret("pki", kind, part, form="certificate", scope=scope, base64=True)
