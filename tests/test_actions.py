"""Where a new action has to be known: said in a sentence when it is not."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import pytest

from reconciler.execution import handlers as registry
from reconciler.execution.handlers import TABLE, Tools, handlers
from reconciler.execution.handlers.context import open_bmc
from reconciler.model.actions import Action, BootLive, PowerOn
from reconciler.render.words import WORDS

from .execution import build
from .execution.build import World

PLANNING = "\n".join(file.read_text() for file in sorted((Path(__file__).parent / "planning").glob("test_*.py")))
EXECUTION = "\n".join(file.read_text() for file in sorted((Path(__file__).parent / "execution").glob("*.py")))


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


@pytest.mark.parametrize("action", get_args(Action), ids=lambda action: action.__name__)
def test_an_action_is_known_wherever_actions_are(action: type[Any]) -> None:
    assert complaint(action) is None


def test_nothing_is_registered_that_is_no_action() -> None:
    assert set(TABLE) == set(WORDS) == set(get_args(Action))


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
