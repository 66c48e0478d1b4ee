"""``docs/commands.md`` says what ``--help`` says, and ``--help`` is fit to be read on a terminal."""

import os
import re
from collections.abc import Iterator

import pytest
from typer.main import get_command

from reconciler.cli.app import app

from .conftest import ROOT, Cli

PAGE = ROOT / "docs/commands.md"

HEAD = """\
# Commands

What `reconciler COMMAND --help` says. Data goes to standard output, and all else to standard error. `--format json` is
for programs, and described in `schemas/`. Commands that only read leave no trace. Only `run`, `demo`, `import` and
`restore` make a database, and `apply` where `--database` names it. All others that need one fail without, and name the
one that they looked for. Which database they talk to, and which daemon acts on it, goes to standard error.

| exit status | means |
|---|---|
| 0 | all is well |
| 1 | something is wrong: specs with errors, no such machine, a database that does not answer |
| 2 | `plan --detailed-exitcode`: something is to be done, waits for somebody, or is asked for in vain |
| 64 | wrong usage: an unknown command or option, a value that makes no sense, a file that is not there |
| 130, 141 | Ctrl-C; the reader of a pipe went away |

What goes wrong in the world is told in a sentence, never by a traceback. For a bug in the program itself,
`RECONCILER_TRACEBACK=1` shows where it is.

(`GOLDEN=overwrite pytest tests/cli/test_manual.py` writes this page.)
"""


def commands_below(command: object) -> dict[str, object]:
    return dict(getattr(command, "commands", {}))


def paths() -> Iterator[tuple[str, ...]]:
    """Every command as its words, the root first."""
    yield ()
    for name, command in commands_below(get_command(app)).items():
        below = commands_below(command)
        yield from [(name, word) for word in below] if below else [(name,)]


def section(cli: Cli, path: tuple[str, ...]) -> str:
    said = cli(*path, "--help")
    assert (said.status, said.err) == (0, "")
    return f"\n## {' '.join(('reconciler', *path))}\n\n```\n{said.out.rstrip()}\n```\n"


def test_the_page_of_commands_is_up_to_date(cli: Cli) -> None:
    page = HEAD + "".join(section(cli, path) for path in paths())
    if os.environ.get("GOLDEN") == "overwrite":
        PAGE.write_text(page)
    assert PAGE.read_text() == page, "GOLDEN=overwrite rewrites it"


@pytest.mark.parametrize("path", [*paths(), ("secrets",), ("import",), ("boot-image",)], ids=" ".join)
def test_help_fits_a_terminal_and_is_never_cut(cli: Cli, path: tuple[str, ...]) -> None:
    said = cli(*path, "-h").out
    assert max(map(len, said.splitlines())) <= 80
    assert not re.search(r"\w\.\.\.$", said, re.MULTILINE)


def test_every_command_is_told_in_a_sentence(cli: Cli) -> None:
    commands = cli("--help").out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(commands) == len(commands_below(get_command(app)))
    assert all(re.fullmatch(r"  [a-z-]+ +[A-Z].*\.", line) for line in commands)


def test_every_parameter_is_told(cli: Cli) -> None:
    def untold(command: object, *path: str) -> Iterator[tuple[str, ...]]:
        for parameter in getattr(command, "params", ()):
            if not getattr(parameter, "help", None):
                yield (*path, parameter.name)
        for name, below in commands_below(command).items():
            yield from untold(below, *path, name)

    assert list(untold(get_command(app))) == []
