"""Class signatures of a version of ``puppet-module-oci``: read from manifests, and the JSON they are kept as."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a Puppet class. ``default`` is Puppet code, as written; None: it must be given."""

    default: str | None = "undef"

    @property
    def mandatory(self) -> bool:
        """Whether the class refuses to compile without it."""
        return self.default is None


@dataclass(frozen=True)
class Signatures:
    """The classes of one version of the module, with their parameters."""

    version: str
    classes: Mapping[str, Mapping[str, Parameter]]

    def accepts(self, puppet_class: str, parameter: str) -> bool:
        """Whether the class takes the parameter. A class that is not the module's takes anything."""
        known = self.classes.get(puppet_class)
        return known is None or parameter in known

    def lacks(self, puppet_class: str) -> bool:
        """Whether it is one of the module's own classes, and this version does not have it."""
        return puppet_class.startswith("oci::") and puppet_class not in self.classes


def newest(versions: Iterable[str]) -> str:
    """The highest of version numbers such as ``43.0.10``."""
    return max(versions, key=lambda version: [int(part) for part in version.split(".")])


def from_json(version: str, data: Mapping[str, Mapping[str, Mapping[str, object]]]) -> Signatures:
    """Signatures as kept in ``schemas/puppet/<version>.json``."""
    return Signatures(
        version,
        {
            name: {key: Parameter(None if row["mandatory"] else str(row["default"])) for key, row in rows.items()}
            for name, rows in data.items()
        },
    )


def to_json(classes: Mapping[str, Mapping[str, Parameter]]) -> dict[str, dict[str, dict[str, object]]]:
    """The form of ``schemas/puppet/<version>.json``, in alphabetical order."""
    return {
        name: {key: {"default": row.default, "mandatory": row.mandatory} for key, row in sorted(rows.items())}
        for name, rows in sorted(classes.items())
    }


_TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*)
      | (?P<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
      | (?P<variable>\$(?:::)?[a-z_]\w*(?:::\w+)*)
      | (?P<word>[A-Za-z_][\w:]*)
      | (?P<arrow>=>)
      | (?P<other>.)""",
    re.X | re.S,
)
_OPEN, _CLOSE = "([{", ")]}"


def parse(manifest: str) -> dict[str, dict[str, Parameter]]:
    """Classes of a ``.pp`` file, their parameters, and each parameter's default.

    Only headers are read: a class's name, then what is between its parentheses.
    Comments and strings are skipped as Puppet does, so that a ``)`` in one ends nothing.
    """
    tokens = [(m.lastgroup or "", m[0], m.start()) for m in _TOKEN.finditer(manifest) if m.lastgroup != "skip"]
    found: dict[str, dict[str, Parameter]] = {}
    for at, (kind, text, _) in enumerate(tokens[:-2]):
        if (kind, text) == ("word", "class") and tokens[at + 1][0] == "word":
            has_list = tokens[at + 2][1] == "("
            found[tokens[at + 1][1]] = _parameters(manifest, tokens[at + 3 :]) if has_list else {}
    return found


def _parameters(manifest: str, tokens: list[tuple[str, str, int]]) -> dict[str, Parameter]:
    """The parameters of a class with their defaults as written, up to the parenthesis that closes the list.

    Args:
        manifest: The text from which defaults are cut.
        tokens: Kind, text and offset in the manifest of each, from behind the opening parenthesis.
    """
    found: dict[str, Parameter] = {}
    depth, name, begins = 0, "", -1
    for position, (kind, text, start) in enumerate(tokens):
        ends = depth == 0 and text in (",", ")")
        if ends and name:
            found[name] = Parameter(_code(manifest[begins:start]) if begins >= 0 else None)
            name, begins = "", -1
        if depth == 0 and text == ")":
            break
        if kind == "variable" and depth == 0 and not name:
            name = text.removeprefix("$")
        elif text == "=" and depth == 0 and name and begins < 0:
            begins = tokens[position + 1][2]
        elif kind == "other":
            depth += (text in _OPEN) - (text in _CLOSE)
    return found


def _code(text: str) -> str:
    """A default as one line of Puppet code, without comments after it."""
    kept = [m[0] for m in _TOKEN.finditer(text) if not (m.lastgroup == "skip" and m[0].startswith("#"))]
    return " ".join("".join(kept).split())
