"""Every part that must know of a role knows of it: a class, the row of its facts, the names in specs, the page."""

import ast
import json
import pkgutil
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from functools import cache
from importlib import import_module

import pytest

from reconciler.enc import classes
from reconciler.enc.params import ALWAYS, PuppetClass
from reconciler.enc.roles import ALL_CLASSES, ROLES
from reconciler.hardware.match import match
from reconciler.hardware.racking import rack
from reconciler.hardware.report import parse_report
from reconciler.model import roles
from reconciler.model.hardware import Racked
from reconciler.model.roles import BUILT_IN_ROLES, RoleFacts, facts_of, has_external_bridge, is_on_vm_networks
from reconciler.model.tree import SpecTree
from reconciler.render.roles import WORDS, render_roles_page
from reconciler.simulator.hardware import disk_names, report
from reconciler.specs.loader import load_tree
from reconciler.specs.settings_table import load_table

from .build import ROOT
from .servers import placed

PAGE = ROOT / "docs/roles.md"


@cache
def example() -> SpecTree:
    """The specs of ``examples/all-roles``."""
    files = {str(path): path.read_bytes() for path in sorted((ROOT / "examples/all-roles").glob("*.yaml"))}
    loaded = load_tree(files, load_table())
    assert loaded.tree is not None, loaded.problems
    return loaded.tree


def served() -> Iterator[str]:
    """The role of each simulated server that one profile takes, and whose place is known."""
    for one in placed():
        hardware = parse_report(json.dumps(report(one, frozenset(disk_names(one.model)), "192.0.2.1")).encode())
        fitting = match(hardware, example().profiles).profiles
        if len(fitting) == 1 and isinstance(rack(hardware, example().rackings), Racked):
            yield example().profiles[fitting[0]].role


KNOWS: Mapping[str, Callable[[], Collection[str]]] = {
    "a class: a line in reconciler/enc/roles.py": lambda: ROLES,
    "a row of its facts in reconciler/model/roles.py": lambda: roles.ROLES,
    "its name in the list that specs are checked against: BUILT_IN_ROLES of reconciler/model/roles.py": lambda: (
        BUILT_IN_ROLES
    ),
    "a line in docs/roles.md: make schemas": lambda: re.findall(r"^\| `(\w+)`", PAGE.read_text(), re.MULTILINE),
    "a node that Puppet compiles: a profile in examples/all-roles/profiles.yaml": lambda: {
        profile.role for profile in example().profiles.values()
    },
    "a cluster that asks for it: a count in examples/all-roles/cl1.yaml": lambda: {
        role for cluster in example().clusters.values() for role in cluster.roles
    },
    "a server that fits its profile alone: in SERVERS of tests/enc/servers.py, with the height of its product in "
    "examples/all-roles/fleet.yaml": lambda: set(served()),
}
"""What a role must have, and the roles that have it."""


def lacking(knows: Mapping[str, Collection[str]]) -> list[str]:
    """A sentence for every role that some part has and another has not."""
    everyone = dict.fromkeys(role for some in knows.values() for role in some)
    return [f"the role {role} lacks {what}" for role in everyone for what, some in knows.items() if role not in some]


def test_the_page_for_people_is_up_to_date() -> None:
    assert PAGE.read_text() == render_roles_page(), "run: make schemas"


def unused(known: Iterable[PuppetClass]) -> list[str]:
    """A sentence for every class that no role has."""
    return [
        f"{table.name} is the class of no role: it lacks a line in ROLES of reconciler/enc/roles.py"
        for table in known
        if table not in ALL_CLASSES
    ]


def test_a_role_that_is_known_somewhere_is_known_everywhere() -> None:
    found = lacking({what: known() for what, known in KNOWS.items()})
    assert not found, "\n".join(found)


def test_a_class_that_is_written_is_a_roles() -> None:
    modules = [import_module(one.name) for one in pkgutil.walk_packages(classes.__path__, f"{classes.__name__}.")]
    written = [thing for module in modules for thing in vars(module).values() if isinstance(thing, PuppetClass)]
    assert len(written) >= len(ALL_CLASSES)
    assert not unused(written), "\n".join(unused(written))


def test_a_class_of_no_role_is_named() -> None:
    (said,) = unused([*ALL_CLASSES, PuppetClass("oci::cache", ())])
    assert said == "oci::cache is the class of no role: it lacks a line in ROLES of reconciler/enc/roles.py"


@pytest.mark.parametrize("what", KNOWS)
def test_what_a_new_role_lacks_is_named(what: str) -> None:
    knows = {part: ["sql", "gateway"] if part == what else ["sql"] for part in KNOWS}
    assert lacking(knows) == [f"the role gateway lacks {other}" for other in KNOWS if other != what]


def test_the_page_has_words_for_every_fact() -> None:
    assert {field.name for field in fields(RoleFacts)} - {"help", "puppet_class"} == set(WORDS)


@pytest.mark.parametrize("role", BUILT_IN_ROLES)
def test_the_facts_name_the_class_that_a_role_ends_up_with(role: str) -> None:
    condition, table = ROLES[role].choices[-1]
    assert condition is ALWAYS
    assert roles.ROLES[role].puppet_class == table.name


@pytest.mark.parametrize("role", BUILT_IN_ROLES)
def test_every_role_says_what_it_is_for(role: str) -> None:
    assert roles.ROLES[role].help[0].isupper()


def test_a_role_of_the_users_own_has_the_defaults() -> None:
    assert facts_of("acme") == RoleFacts()


@pytest.mark.parametrize(
    ("role", "asked", "addresses", "bridge"),
    [
        ("controller", {"controller", "compute"}, True, True),
        ("controller", {"controller", "compute", "network"}, False, False),
        ("controller", {"controller"}, True, False),
        ("compute", {"controller", "compute"}, True, True),
        ("network", {"controller", "network"}, True, True),
        ("messaging", {"controller", "compute", "messaging"}, False, False),
        ("acme", {"controller", "compute", "acme"}, False, False),
    ],
)
def test_who_is_on_the_networks_of_virtual_machines_and_who_has_br_ex(
    role: str, asked: set[str], addresses: bool, bridge: bool
) -> None:
    assert (is_on_vm_networks(role, asked), has_external_bridge(role, asked)) == (addresses, bridge)


MAY_NAME_ROLES = ("enc", "oci_import", "model/roles.py", "model/vips.py")
"""Classes of Puppet and a database of OCI have names of roles; so has the table; usages of VIPs are called alike."""


def names_of_roles(tree: ast.AST) -> Iterator[int]:
    """Lines on which a role is compared with a name, or several names stand together."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                sides = [node.left, *node.comparators]
                named = any(isinstance(each, ast.Constant) and each.value in roles.ROLES for each in ast.walk(node))
                if named and any(re.search(r"\brole$", ast.unparse(side)) for side in sides):
                    yield node.lineno
            case ast.Set(elts=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                texts = [part.value for part in parts if isinstance(part, ast.Constant)]
                if len(texts) == len(parts) > 1 and set(texts) <= roles.ROLES.keys():
                    yield node.lineno


def test_nobody_asks_for_the_name_of_a_role_where_the_table_of_facts_can_be_asked() -> None:
    package = ROOT / "reconciler"
    modules = {str(path.relative_to(package)): path for path in package.rglob("*.py")}
    asked = [
        f"{name}:{line}"
        for name, path in sorted(modules.items())
        if not name.startswith(MAY_NAME_ROLES)
        for line in names_of_roles(ast.parse(path.read_text()))
    ]
    assert asked == [], "a question for RoleFacts in reconciler/model/roles.py"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('m.allocation.role == "controller"', True),
        ('role in ("sql", "acme")', True),
        ('SWIFT = {"swiftproxy", "swiftstore"}', True),
        ('disk.by == "controller"', False),
        ('net.role in (role, "all")', False),
        ('columns = ("network", "address")', False),
    ],
)
def test_a_name_of_a_role_is_found(text: str, found: bool) -> None:
    assert bool([*names_of_roles(ast.parse(text))]) is found
