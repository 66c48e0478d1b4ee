"""What is met on disks is compared by its facts: with every sentence reworded the handlers decide the same."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from reconciler.execution.handlers import Tools, handlers
from reconciler.model.actions import ConfigureRaid, Erasable, InstallOs
from reconciler.model.contents import ContentPart, Contents
from reconciler.model.disk_id import Finding, InstalledSystem
from reconciler.model.errors import ForeignDataError
from reconciler.model.raid import RaidDisk, RaidLayout, RaidVolume
from reconciler.provisioning.raid.state import FoundDisk, FoundVolume, RaidState

from ..rewording import OTHER_WORDS, reworded
from . import build
from .build import World
from .test_raid import ACTION, Machine

SAID = ("reconciler.execution.handlers", "reconciler.provisioning.erasing", "reconciler.provisioning.disks")
"""What looks at disks and decides whether they may be erased; what else is said there are commands."""


@pytest.fixture
def in_other_words(monkeypatch: pytest.MonkeyPatch) -> Callable[[Tools], Any]:
    """Handlers that say everything in other words, also of what they meet."""
    for found in (Contents, InstalledSystem, *get_args(ContentPart)):
        monkeypatch.setattr(found, "__str__", lambda self: f"{OTHER_WORDS}{type(self).__name__}")
    with reworded(*SAID):
        made: Callable[[Tools], Any] = importlib.import_module("reconciler.execution.handlers").handlers
    return made


UNREAD = {"disk": "sda", "unread": "not-assembled", "where": "/dev/sda", "type": "LVM2_member"}


@pytest.mark.parametrize("written", [[("sda", "LVM2_member")], [("sda", "gpt"), ("sda1", "ext4")], []], ids=str)
async def test_what_an_install_meets_and_may_erase_is_the_same(
    in_other_words: Callable[[Tools], Any], written: list[tuple[str, str]]
) -> None:
    async def met(made: Callable[[Tools], Any], **differs: object) -> tuple[Finding, ...]:
        world = World()
        world.machine.written, world.machine.facts = written, [UNREAD, {"disk": "sda", "uuids": ["CC-3"]}]
        try:
            await made(world.tools)[InstallOs](replace(build.INSTALL, **differs))
        except ForeignDataError as error:
            return error.found
        assert world.machine.installs == 1
        return ()

    before = await met(handlers)
    assert before
    assert await met(in_other_words) == before
    allowed = tuple(Erasable("sda", each.what) for each in before if isinstance(each.what, Contents))
    assert await met(in_other_words, may_hold=allowed) == ()
    told_alike = (Erasable("sda", Contents.parse("xfs")),)
    assert await met(in_other_words, may_hold=told_alike) == before, "what is told alike is not the same"


async def test_what_a_controller_has_and_may_lose_is_the_same(
    in_other_words: Callable[[Tools], Any], tmp_path: Path
) -> None:
    async def met(made: Callable[[Tools], Any], folder: str, **differs: object) -> tuple[Finding, ...]:
        (tmp_path / folder).mkdir()
        machine = Machine(tmp_path / folder, [(0, [1])])
        try:
            await made(World(machine=machine).tools)[ConfigureRaid](replace(ACTION, **differs))
        except ForeignDataError as error:
            return error.found
        assert machine.changes[0] == "/c0/v0 delete force J"
        return ()

    before = await met(handlers, "a")
    assert before
    assert await met(in_other_words, "b") == before
    assert await met(in_other_words, "c", may_hold=before) == ()
    told_alike = (Finding(before[0].on, Contents.parse("xfs")),)
    assert await met(in_other_words, "d", may_hold=told_alike) == before, "what is told alike is not the same"


DISKS = tuple(RaidDisk(0, 32, slot, f"PHYF{slot}") for slot in range(3))
STATE = RaidState(
    disks=(
        FoundDisk(0, 32, 0, frozenset({"PHYF0"}), "member"),
        FoundDisk(0, 32, 1, frozenset({"PHYF1"}), "good", foreign=True),
        FoundDisk(0, 32, 2, frozenset({"PHYF2"}), "single"),
    ),
    volumes=(FoundVolume(0, 3, 0, frozenset({(0, 32, 0)})),),
)
LAYOUT = RaidLayout((RaidVolume(5, DISKS),))


def test_what_is_in_the_way_of_raid_volumes_is_the_same() -> None:
    with reworded("reconciler.provisioning.raid.steps"):
        other: Any = importlib.import_module("reconciler.provisioning.raid.steps")
    known: Any = importlib.import_module("reconciler.provisioning.raid.steps")
    assert other is not known
    before, after = (each.in_the_way(each.steps(LAYOUT, STATE), STATE, frozenset()) for each in (known, other))
    assert (len(before), after) == (3, before)
