"""Modules of ours that say everything in other words, for tests that nothing is decided by a sentence."""

import ast
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parent.parent
SENTENCE = re.compile(r"[A-Za-z]\S* \S|^ \S|\S $")
NO_SENTENCES = ("DISCOVER_HOSTS",)
"""Constants of several words that are given to programs."""

OTHER_WORDS = "\N{PILCROW SIGN}"
"""Every reworded sentence begins with it."""


class Reworded(ast.NodeTransformer):
    """Every text of more than one word in another wording."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        return node if names & set(NO_SENTENCES) else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str) and SENTENCE.search(node.value):
            return ast.copy_location(ast.Constant(f"{OTHER_WORDS}{node.value.swapcase()}"), node)
        return node


class RewordingLoader(Loader):
    """Executes a module with other words."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def exec_module(self, module: ModuleType) -> None:
        reworded = Reworded().visit(ast.parse(self._path.read_text()))
        exec(compile(ast.fix_missing_locations(reworded), self._path, "exec"), module.__dict__)


class RewordingFinder:
    """Finds some modules, and those of some packages."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def is_one(self, name: str) -> bool:
        """Whether it is to be reworded."""
        return any(name == each or name.startswith(f"{each}.") for each in self._names)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if not self.is_one(name):
            return None
        file = ROOT / name.replace(".", "/")
        inside = [str(file)] if file.is_dir() else None
        file = file / "__init__.py" if inside else file.with_suffix(".py")
        return importlib.util.spec_from_file_location(
            name, file, loader=RewordingLoader(file), submodule_search_locations=inside
        )


@contextmanager
def reworded(*names: str) -> Iterator[None]:
    """Within it these modules and packages are imported anew, in other words; afterwards they are as they were."""
    finder: Any = RewordingFinder(names)
    known = {name: sys.modules.pop(name) for name in list(sys.modules) if finder.is_one(name)}
    parents = [(vars(sys.modules[name.rpartition(".")[0]]), name.rpartition(".")[2]) for name in names]
    attributes = [(parent, name, parent.pop(name)) for parent, name in parents if name in parent]
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if finder.is_one(name)]:
            del sys.modules[name]
        sys.modules.update(known)
        for parent, name, module in attributes:
            parent[name] = module
