"""Changes of one node's document by a new revision: secrets as fingerprints, addresses without logins."""

from collections.abc import Callable, Iterator, Mapping

from ..model.explanation import MASK
from ..model.machine import SecretRef
from ..model.plan import EncChange
from ..model.redaction import redact
from .compile import Compiled, Given
from .params import LongText, SecretText, SecretWords, Value, is_base64

Fingerprint = Callable[[SecretRef], str]
"""Stands for the text of a secret: the same as long as the text is."""


def changes(before: Compiled, after: Compiled, fingerprint: Fingerprint) -> Iterator[EncChange]:
    """Every parameter whose value differs; None stands for a parameter that is not given."""
    for name in dict.fromkeys([*before.classes, *after.classes]):
        old, new = before.classes.get(name, {}), after.classes.get(name, {})
        for key in dict.fromkeys([*old, *new]):
            one, other = old.get(key), new.get(key)
            if one is None or other is None or one.value != other.value:
                yield EncChange(after.hostname, name, key, _shown(one, fingerprint), _shown(other, fingerprint))


def _shown(given: Given | None, fingerprint: Fingerprint) -> object:
    if given is None:
        return None
    return MASK if given.masked else _plain(given.value, fingerprint, base64=given.base64)


def _plain(value: Value, fingerprint: Fingerprint, *, base64: bool = False) -> object:
    """A value for people and for JSON: a secret as its name and fingerprint, a file's text as its length."""
    match value:
        case SecretText():
            return f"secret {value} {fingerprint(value.ref)}".rstrip()
        case SecretWords(words):
            return f"secret {value} {' '.join(fingerprint(word.ref) for word in words)}".rstrip()
        case LongText():
            return f"a text of {len(str(value))} characters"
        case Mapping():
            return {key: _plain(item, fingerprint, base64=is_base64(key)) for key, item in value.items()}
        case tuple():
            return [_plain(item, fingerprint) for item in value]
        case str():
            return redact(value, base64=base64)
        case _:
            return value
