"""Where a new action has to be known: said in a sentence when it is not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import pytest

from reconciler.execution import handlers as registry
from reconciler.execution.handlers import TABLE, Tools, handlers
from reconciler.execution.handlers.context import open_bmc
from reconciler.model import actions
from reconciler.model.actions import Action, BootLive, PowerOn
from reconciler.render.words import WORDS

from .execution import build
from .execution.build import World
from .planning.fleet import Server

ROOT = Path(__file__).parents[1]
WRITTEN = [
    thing
    for thing in vars(actions).values()
    if isinstance(thing, type) and issubclass(thing, BootLive.__base__) and thing is not BootLive.__base__
]
"""Every action of model/actions.py, in the union or not."""


def texts(folder: str, pattern: str = "*.py") -> str:
    return "\n".join(file.read_text() for file in sorted((ROOT / folder).glob(pattern)))


PLANNING, EXECUTION = texts("tests/planning", "test_*.py"), texts("tests/execution")
ANSWERING = {file: (ROOT / file).read_text() for file in ("reconciler/simulator/dialogue.py", "tests/fakes/machine.py")}
"""Machines that handlers talk to here, by the file that says what they answer."""


def lacking(action: type[Any]) -> Iterator[str]:
    """What nobody has done for this action yet."""
    if action not in get_args(Action):
        yield "a place in the union Action (model/actions.py)"
    if action not in TABLE:
        yield "a handler (TABLE in execution/handlers/__init__.py)"
    if "limit" not in vars(action):
        yield "a time limit of its own (ClassVar limit in model/actions.py)"
    if action not in WORDS:
        yield "words for operators (WORDS in render/words.py)"
    kind = get_args(action.__annotations__["type"])[0]
    if f'"{kind}"' not in PLANNING and action.__name__ not in PLANNING:
        yield f'a test that plans it (tests/planning/test_*.py name neither {action.__name__} nor "{kind}")'
    if action.__name__ not in EXECUTION:
        yield f"a test of its handler (tests/execution names no {action.__name__})"
    if action.sets_up_bmc and not action.uses_bmc:
        yield "uses_bmc = True, as it sets_up_bmc"


def complaint(action: type[Any]) -> str | None:
    found = "; ".join(lacking(action))
    return f"{action.__name__} lacks {found}" if found else None


def commands_in(handlers: str) -> list[str]:
    """The commands that handlers send, each with its module, as their text has them."""
    constant = r"(?:commands|puppet_runs|ring_files)\.[A-Z_]+"
    return sorted(set(re.findall(rf"\brun(?:_checked\([\w.]+, |\()({constant})", handlers)))


def unanswered(commands: list[str]) -> list[str]:
    """A sentence for each of these commands to which a machine has no answer."""
    return [
        f"{file} lacks an answer to {command}"
        for command in commands
        for file, text in ANSWERING.items()
        if not re.search(rf"\b{re.escape(command)}\b", text)
    ]


@pytest.mark.parametrize("action", WRITTEN, ids=lambda action: action.__name__)
def test_an_action_is_known_wherever_actions_are(action: type[Any]) -> None:
    if found := complaint(action):
        pytest.fail(found, pytrace=False)


def test_nothing_is_registered_that_is_no_action() -> None:
    assert set(TABLE) == set(WORDS) == set(get_args(Action)) <= set(WRITTEN)


def test_whatever_handlers_say_is_answered_by_the_machines_of_simulator_and_tests() -> None:
    sent = commands_in(texts("reconciler/execution/handlers"))
    assert {"commands.READ_SERIAL", "commands.LIST_DISKS", "puppet_runs.RUN_PUPPET", "ring_files.READ_RINGS"} <= set(
        sent
    )
    if found := unanswered(sent):
        pytest.fail("\n".join(found), pytrace=False)


def test_an_answer_that_is_missing_is_named() -> None:
    handler = "await shell.run(commands.READ_CLOCK, timeout=1)\nawait run_checked(self._shell, commands.READ, 1)\n"
    assert commands_in(handler) == ["commands.READ", "commands.READ_CLOCK"]
    assert unanswered(commands_in(handler)) == [f"{file} lacks an answer to commands.READ" for file in ANSWERING]


@dataclass(frozen=True, kw_only=True, slots=True)
class SwapDisk(BootLive.__base__):
    """An action that somebody has only begun to add."""

    sets_up_bmc: ClassVar[bool] = True
    type: Literal["swap_disk"] = "swap_disk"


def test_what_a_new_action_lacks_is_said_in_a_sentence() -> None:
    assert complaint(SwapDisk) == (
        "SwapDisk lacks a place in the union Action (model/actions.py); "
        "a handler (TABLE in execution/handlers/__init__.py); "
        "a time limit of its own (ClassVar limit in model/actions.py); "
        "words for operators (WORDS in render/words.py); "
        'a test that plans it (tests/planning/test_*.py name neither SwapDisk nor "swap_disk"); '
        "a test of its handler (tests/execution names no SwapDisk); "
        "uses_bmc = True, as it sets_up_bmc"
    )


def test_an_action_without_an_effect_on_the_fleet_of_the_planning_tests_is_named() -> None:
    with pytest.raises(NotImplementedError, match="SwapDisk touches a machine: say here what that does to it"):
        Server("A").carry_out(SwapDisk(serial="A", generation=1))


async def test_a_handler_gets_no_bmc_where_its_action_does_not_say_that_it_uses_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def handler(tools: Tools, action: Any) -> None:
        await (await open_bmc(tools, action.serial))[1].close()

    world = World()
    monkeypatch.setitem(registry.TABLE, PowerOn, handler)
    await handlers(world.tools)[PowerOn](build.ON)
    monkeypatch.setattr(PowerOn, "uses_bmc", False)
    with pytest.raises(NotImplementedError, match="does not say uses_bmc = True"):
        await handlers(world.tools)[PowerOn](build.ON)
