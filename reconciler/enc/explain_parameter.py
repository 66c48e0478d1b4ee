"""Explains one parameter by its name: where it may be written, or why it is not given."""

from collections.abc import Iterator

from ..model.explanation import MASK
from ..model.in_force import written_at
from ..model.redaction import redact
from ..model.settings import SettingRow
from ..model.signature import Signatures
from .params import ALWAYS, Derived, PuppetClass, SecretText, Setting, Source, Value
from .roles import ALL_CLASSES, EVERY_NODE, ROLES
from .view import View


def details(view: View, puppet_class: str, name: str, value: Value) -> tuple[str, ...]:
    """Where the value comes from and how to change it, a line each."""
    table = next((table for table in ALL_CLASSES if table.name == puppet_class), None)
    source = _source(table, name, view) if table else None
    setting = _setting_of(source)
    if setting is not None:
        return tuple(_of_setting(view, view.tree.settings_table[setting]))
    if isinstance(value, SecretText):
        return (f"To see it: reconciler secrets show {value.ref}{f' --part {value.part}' if value.part else ''}",)
    if source is None or (isinstance(source, Derived) and source.written):
        return ()
    return ("Not a setting: to give another value, write an EncOverlay for this class.",)


def why_not(view: View, name: str) -> tuple[str, ...]:
    """Why the node is not given the parameter, a line for each of its classes that has such a one."""
    role = view.node.role
    own = ROLES[role].table(view) if role in ROLES else None
    signatures = view.cluster.given.signatures
    tables = [table for table in (*EVERY_NODE, own) if table is not None]
    here = [f"{table.name}: {why}" for table in tables if (why := _why_not(table, name, view, signatures))]
    others = [table.name for table in ALL_CLASSES if table not in tables and name in table.may_give]
    if here:
        return tuple(here)
    row = view.tree.settings_table.get(name)
    if row is not None:
        here.append(f"it is a setting that no class of this node is given ({row.help.rstrip('.')})")
    if others:
        here.append(f"it is a parameter of {', '.join(others)}, which this node does not have")
    return tuple(here)


def _source(table: PuppetClass, name: str, view: View) -> Source | None:
    holding = (s for s in table.sections if name in s.params and (s.when is ALWAYS or s.when.holds(view)))
    return next((section.params[name] for section in holding), None)


def _setting_of(source: Source | None) -> str | None:
    match source:
        case Setting(name):
            return name
        case Derived(written=("Setting", name)):
            return name
    return None


def _of_setting(view: View, row: SettingRow) -> Iterator[str]:
    unit = f" ({row.unit})" if row.unit else ""
    yield f"{row.name}{unit}: {row.help}"
    levels = ", ".join(row.levels)
    yield f"May be written for: {levels}. The last of these that says something wins."
    yield f"  default  {row.otherwise or _in_yaml(row.default)}"
    for level, value, origin in written_at(view.tree, row.name, view.node.place):
        yield f"  {level:<7}  {MASK if row.secret else _in_yaml(value)}  {origin}"


def _in_yaml(value: object) -> str:
    match value:
        case None:
            return "not given"
        case tuple():
            return redact(f"[{', '.join(map(str, value))}]")
        case bool():
            return str(value).lower()
        case _:
            return redact(str(value))


def _why_not(table: PuppetClass, name: str, view: View, signatures: Signatures) -> str | None:
    """The reason why a class does not give a node this parameter; None: the class has no such parameter."""
    if name in table.left_to_puppet:
        default = signatures.classes.get(table.name, {}).get(name)
        told = f"; Puppet's own value is {default.default}" if default and default.default is not None else ""
        return f"left to Puppet: {table.left_to_puppet[name]}{told}"
    sections = [section for section in table.sections if name in section.params]
    if not sections:
        return None
    if not signatures.accepts(table.name, name):
        return f"puppet-module-oci {signatures.version} has no such parameter"
    if not any(section.when.holds(view) for section in sections):
        conditions = " or ".join(section.when.name for section in sections)
        return f"only given when {conditions}"
    source = next(section.params[name] for section in sections if section.when.holds(view))
    return f"there is none: {source.why}" if isinstance(source, Derived) else "nobody has set it, and it has no default"
