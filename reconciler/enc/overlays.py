"""Users' own roles and ``EncOverlay`` documents: merged by scope, the narrower wins."""

from collections.abc import Mapping

from ..model.kinds import EncOverlaySpec, Selector
from ..model.tree import SpecTree
from .params import Value
from .view import View

Origin = str
Overlaid = dict[str, dict[str, tuple[Value, Origin]]]


def rank(selector: Selector) -> int:
    """How narrow a selector is: fleet 0 < cluster 1 < role 2 < role of a cluster 3 < node 4."""
    if selector.nodes:
        return 4
    return (2 if selector.roles else 0) + (1 if selector.clusters else 0)


def selects(selector: Selector, *, cluster: str, role: str, hostname: str) -> bool:
    """Whether every given key of the selector holds for the node."""
    return (
        (not selector.clusters or cluster in selector.clusters)
        and (not selector.roles or role in selector.roles)
        and (not selector.nodes or hostname in selector.nodes)
    )


def overlaid(view: View) -> Overlaid:
    """Classes and parameters that operators wrote for the node, each with the place where it is written."""
    result: Overlaid = {}
    own = view.tree.roles.get(view.node.role)
    if own is not None:
        _lay(result, own.classes, view.tree, "Role", view.node.role)
    for name, overlay in chosen(view):
        _lay(result, overlay.classes, view.tree, "EncOverlay", name)
    return result


def chosen(view: View) -> list[tuple[str, EncOverlaySpec]]:
    """The overlays that select the node, widest first."""
    node = view.node
    return [
        (name, overlay)
        for name, overlay in _by_scope(view)
        if selects(overlay.for_, cluster=view.cluster.name, role=node.role, hostname=node.hostname)
    ]


def _by_scope(view: View) -> list[tuple[str, EncOverlaySpec]]:
    return view.cluster.cached(
        ("overlays",), lambda: sorted(view.tree.overlays.items(), key=lambda item: (rank(item[1].for_), item[0]))
    )


def _lay(result: Overlaid, classes: Mapping[str, Mapping[str, object]], tree: SpecTree, kind: str, name: str) -> None:
    for puppet_class, parameters in classes.items():
        rows = result.setdefault(puppet_class, {})
        for parameter, written in parameters.items():
            at = tree.place(kind, name, "classes", puppet_class, parameter)
            origin = f"{kind} {name}, {at.file}:{at.line}" if at else f"{kind} {name}"
            value = frozen(written)
            below = rows.get(parameter)
            if below is not None and isinstance(value, Mapping) and isinstance(below[0], Mapping):
                rows[parameter] = (merged(below[0], value), f"{below[1]}; {origin}")
            else:
                rows[parameter] = (value, origin)


def merged(below: Value, above: Value) -> Value:
    """Mappings are merged key by key, however deep; anything else is replaced."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    return {**below, **{key: merged(below[key], value) if key in below else value for key, value in above.items()}}


def frozen(written: object) -> Value:
    """What YAML gave, with tuples for lists and texts for keys."""
    match written:
        case None | bool() | int() | float() | str():
            return written
        case Mapping():
            return {str(key): frozen(value) for key, value in written.items()}
        case list() | tuple():
            return tuple(frozen(item) for item in written)
        case _:
            return str(written)
