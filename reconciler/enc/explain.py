"""A compiled document told as sections, values and reasons; no secret is in it."""

from collections.abc import Mapping
from itertools import groupby

from ..model.explanation import MASK, ExplainedClass, ExplainedParameter, ExplainedSection, Explanation
from .compile import Compiled, Given
from .params import LongText, SecretText, SecretWords, Value


def explain(compiled: Compiled, parameter: str | None = None) -> Explanation:
    """Every parameter with its reason; with ``parameter``, only those of that name, whatever their class.

    Raises:
        LookupError: The node gets no parameter of that name.
    """
    classes = (_class(name, rows, parameter) for name, rows in compiled.classes.items())
    kept = tuple(one for one in classes if one.sections or parameter is None)
    if parameter is not None and not kept:
        raise LookupError(f'{compiled.hostname} gets no parameter "{parameter}"')
    notes = compiled.notes if parameter is None else ()
    return Explanation(compiled.hostname, compiled.cluster, compiled.role, kept, notes)


def _class(name: str, rows: Mapping[str, Given], parameter: str | None) -> ExplainedClass:
    chosen = ((key, given) for key, given in rows.items() if parameter in (None, key))
    sections = groupby(chosen, key=lambda row: (row[1].section, row[1].condition))
    return ExplainedClass(name, tuple(_section(*named, dict(group)) for named, group in sections))


def _section(title: str, condition: str | None, rows: Mapping[str, Given]) -> ExplainedSection:
    shown = (ExplainedParameter(name, MASK if g.masked else shown_value(g.value), g.origin) for name, g in rows.items())
    return ExplainedSection(title, condition, tuple(shown))


def shown_value(value: Value) -> object:
    """Plain values as in the document, with a mask for each secret."""
    match value:
        case SecretText() | SecretWords():
            return MASK
        case LongText():
            return str(value)
        case Mapping():
            return {key: shown_value(item) for key, item in value.items()}
        case tuple():
            return [shown_value(item) for item in value]
        case _:
            return value
