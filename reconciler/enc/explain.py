"""A compiled document told as sections, values and reasons; no secret is in it."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from itertools import groupby

from ..model.explanation import MASK, ExplainedClass, ExplainedParameter, ExplainedSection, Explanation
from ..model.redaction import redact
from .compile import Compiled, Given
from .explain_parameter import details
from .params import LongText, SecretText, SecretWords, Value, is_base64
from .view import View

_WILD = frozenset("*?[")


def explain(
    compiled: Compiled, wanted: str | None = None, *, view: View | None = None, written: bool = False
) -> Explanation:
    """Every parameter with its reason.

    Args:
        compiled: The document.
        wanted: Only parameters of this name, or of this class; ``*`` stands for any letters.
        view: The node, for what is told beside the document: its machine and, where one parameter is asked for by
            its name, where it may be written.
        written: Only what the specs say, overlays included: no defaults, and nothing worked out.

    Raises:
        LookupError: The node gets nothing of that name.
    """
    classes = []
    for name, rows in compiled.classes.items():
        chosen = {
            key: given for key, given in rows.items() if _asked(wanted, name, key) and (not written or given.written)
        }
        if chosen or (wanted is None and not written):
            alone = view if wanted in chosen else None
            classes.append(_class(name, chosen, alone))
    if wanted is not None and not classes and not written:
        raise LookupError(f'{compiled.hostname} gets no parameter "{wanted}"')
    notes = compiled.notes if wanted is None else ()
    machine, module = (_machine(view), _module(view)) if view else ("", "")
    return Explanation(compiled.hostname, compiled.cluster, compiled.role, tuple(classes), notes, machine, module)


def _asked(wanted: str | None, puppet_class: str, parameter: str) -> bool:
    if wanted is None:
        return True
    if _WILD & set(wanted):
        return fnmatchcase(parameter, wanted) or fnmatchcase(puppet_class, wanted)
    return wanted in (parameter, puppet_class)


def _machine(view: View) -> str:
    allocation = view.node.member.allocation
    words = {"machine": view.node.serial, "location": allocation.location, "profile": allocation.profile}
    return ", ".join(f"{what} {name}" for what, name in words.items() if name)


def _module(view: View) -> str:
    version, fleet = view.cluster.given.signatures.version, view.fleet
    if fleet.puppet.module_version is None:
        return f"puppet-module-oci {version}, the newest known that Debian {fleet.release.debian} has"
    at = view.tree.place_in_fleet("puppet", "module_version")
    return f"puppet-module-oci {version}, puppet.module_version of the fleet{f', {at.file}:{at.line}' if at else ''}"


def _class(name: str, rows: Mapping[str, Given], alone: View | None) -> ExplainedClass:
    sections = groupby(rows.items(), key=lambda row: (row[1].section, row[1].condition))
    return ExplainedClass(name, tuple(_section(*named, name, dict(group), alone) for named, group in sections))


def _section(
    title: str, condition: str | None, puppet_class: str, rows: Mapping[str, Given], alone: View | None
) -> ExplainedSection:
    shown = (
        ExplainedParameter(
            name,
            _masked(given),
            given.origin,
            _instead(given),
            details(alone, puppet_class, name, given.value) if alone else (),
            given.base64,
        )
        for name, given in rows.items()
    )
    return ExplainedSection(title, condition, tuple(shown))


def _instead(given: Given) -> str:
    below = given.below
    return "" if below is None else f"{_short(_masked(below))} ({below.origin})"


def _short(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 40 else f"{text[:36]} ..."


def _masked(given: Given) -> object:
    return MASK if given.masked else shown_value(given.value, base64=given.base64)


def shown_value(value: Value, *, base64: bool = False) -> object:
    """Plain values as in the document, with a mask for each secret and without those of addresses."""
    match value:
        case SecretText() | SecretWords():
            return MASK
        case LongText() | str():
            return redact(str(value), base64=base64)
        case Mapping():
            return {key: shown_value(item, base64=is_base64(key)) for key, item in value.items()}
        case tuple():
            return [shown_value(item) for item in value]
        case _:
            return value
