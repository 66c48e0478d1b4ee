"""Every parameter of one node's Puppet classes: its value, and why the node got it. Secrets are masked.

Beside them stand the gates of the node's services, and those of the node that its first Puppet run waits for.
"""

from dataclasses import dataclass

from .gates import Gates

MASK = "********"
"""Stands for the text of a secret."""


@dataclass(frozen=True, slots=True)
class ExplainedParameter:
    """One parameter as the node gets it."""

    name: str
    value: object  # scalars, lists and mappings, as in the document; secrets as ``MASK``
    because: str  # a setting's file:line, a secret's name, or what a function says it does
    instead: str = ""  # what an overlay put it in place of: the value and its reason
    details: tuple[str, ...] = ()  # where it may be written, and what lost; only where one parameter was asked for
    base64: bool = False  # the value is a text in base64


@dataclass(frozen=True, slots=True)
class ExplainedSection:
    """Parameters given together, for one reason."""

    title: str
    condition: str | None  # completes "given when ..."; None: always
    parameters: tuple[ExplainedParameter, ...]


@dataclass(frozen=True, slots=True)
class ExplainedClass:
    """One Puppet class of the node."""

    name: str
    sections: tuple[ExplainedSection, ...]

    @property
    def parameters(self) -> tuple[ExplainedParameter, ...]:
        """The parameters of all sections."""
        return tuple(parameter for section in self.sections for parameter in section.parameters)


@dataclass(frozen=True, slots=True)
class ExplainedGates:
    """Gates of a node, and what its first Puppet run needs that does not serve yet."""

    own: Gates  # closed ones first; none before the node has a system
    needs: str | None = None  # whose services are missing; None: none, or Puppet has run
    of: str | None = None  # hostname of the first node that is missing; None: there is no such node yet
    others: Gates = ()  # that are closed on that node


@dataclass(frozen=True, slots=True)
class Explanation:
    """One node's whole document, explained, or what was asked for of it."""

    hostname: str
    cluster: str
    role: str
    classes: tuple[ExplainedClass, ...]
    notes: tuple[str, ...] = ()  # what the node does not get, and why
    machine: str = ""  # what it is beside that: serial, location, profile
    module: str = ""  # the version of puppet-module-oci that it is made for, and who says so
    gates: ExplainedGates | None = None  # None: not asked for
