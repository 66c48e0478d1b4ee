"""Where a new command has to be known: said in a sentence when it is not."""

import pkgutil
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import isfunction, signature
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.main import get_command
from typer.models import ParameterInfo

from reconciler import cli
from reconciler.cli.app import app

from .conftest import ROOT
from .test_manual import PAGE, commands_below, paths

Function = Callable[..., Any]

NAMED = {"validate": "diagnostics"}
"""Schemas that are not called as their command."""

TESTS = "\n".join(
    file.read_text()
    for folder in ("app", "cli", "e2e", "oci_import")
    for file in sorted((ROOT / "tests" / folder).rglob("*.py"))
    if file.name not in (Path(__file__).name, "test_manual.py")
)
"""Those that run commands."""


def written() -> list[Function]:
    """Every command of ``reconciler/cli``: a public function that takes what Typer gives."""
    modules = [import_module(one.name) for one in pkgutil.walk_packages(cli.__path__, f"{cli.__name__}.")]
    return [
        thing
        for module in modules
        if hasattr(module, "register")
        for name, thing in vars(module).items()
        if isfunction(thing) and thing.__module__ == module.__name__ and name[0] != "_" and is_typers(thing)
    ]


def is_typers(function: Function) -> bool:
    given = [parameter.annotation for parameter in signature(function).parameters.values()]
    return any(one is typer.Context or any(isinstance(each, ParameterInfo) for each in get_args(one)) for one in given)


def callbacks(root: typer.Typer) -> Iterator[Function | None]:
    """What is called for each command of an application and of its groups."""
    yield from (command.callback for command in root.registered_commands)
    for group in root.registered_groups:
        assert group.typer_instance is not None
        if group.typer_instance.registered_callback is not None:
            yield group.typer_instance.registered_callback.callback
        yield from callbacks(group.typer_instance)


def unregistered(functions: list[Function]) -> list[str]:
    """A sentence for each function that no command line calls."""
    called = set(callbacks(app))
    return [
        f"{one.__name__} lacks a line in register of {one.__module__.replace('.', '/')}.py, "
        "or its module a place in the imports and the loop of reconciler/cli/app.py"
        for one in functions
        if one not in called
    ]


def lacking(path: tuple[str, ...], *, json: bool) -> Iterator[str]:
    """What nobody has done for this command yet."""
    words = " ".join(path)
    if f"\n## reconciler {words}\n" not in PAGE.read_text():
        yield "a section of docs/commands.md (GOLDEN=overwrite pytest tests/cli/test_manual.py)"
    if json and not (ROOT / f"schemas/{NAMED.get(path[0], path[0])}.json").exists():
        yield "a schema of its JSON (a line of _PRINTED in reconciler/render/schemas.py, and make schemas)"
    quoted = '(?:", "| )'.join(map(re.escape, path))
    if not re.search(rf'"{quoted}[" ]', TESTS):
        yield f'a test that runs it (tests/cli has no "{words}")'


def complaint(path: tuple[str, ...], *, json: bool) -> str | None:
    found = "; ".join(lacking(path, json=json))
    return f"{' '.join(path)} lacks {found}" if found else None


def prints_json(path: tuple[str, ...]) -> bool:
    command: object = get_command(app)
    for word in path:
        command = commands_below(command)[word]
    return any(parameter.name == "format" for parameter in getattr(command, "params", ()))


def test_every_command_that_is_written_can_be_called() -> None:
    assert len(written()) >= len(list(paths()))
    if found := unregistered(written()):
        pytest.fail("\n".join(found), pytrace=False)


@pytest.mark.parametrize("path", [path for path in paths() if path], ids=" ".join)
def test_a_command_is_known_wherever_commands_are(path: tuple[str, ...]) -> None:
    if found := complaint(path, json=prints_json(path)):
        pytest.fail(found, pytrace=False)


def test_some_commands_print_json() -> None:
    assert 10 <= sum(prints_json(path) for path in paths() if path) < len(list(paths()))


def test_what_a_new_command_lacks_is_said_in_a_sentence() -> None:
    def shelf_list(context: typer.Context) -> None:
        """Never registered."""

    assert is_typers(shelf_list)
    assert unregistered([shelf_list]) == [
        "shelf_list lacks a line in register of tests/cli/test_registered.py, "
        "or its module a place in the imports and the loop of reconciler/cli/app.py"
    ]
    assert complaint(("shelf", "count"), json=True) == (
        "shelf count lacks a section of docs/commands.md (GOLDEN=overwrite pytest tests/cli/test_manual.py); "
        "a schema of its JSON (a line of _PRINTED in reconciler/render/schemas.py, and make schemas); "
        'a test that runs it (tests/cli has no "shelf count")'
    )
