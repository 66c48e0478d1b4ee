"""Hardware that was observed is reported again just so, and its disks are where they were."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.execution.handlers import handlers
from reconciler.execution.ports import Ran
from reconciler.hardware.report import ReportError, digest, parse_report
from reconciler.model.actions import ConfigureRaid
from reconciler.model.hardware import Disk, DiskController, Hardware, PhysicalDisk
from reconciler.model.raid import RaidDisk, RaidLayout, RaidVolume
from reconciler.provisioning import raid
from reconciler.simulator.memory_server import MemoryKept
from reconciler.simulator.observed import ObservedBody, as_simulated, controller_state, report_of
from reconciler.simulator.storcli import PATH, Controller

from ..execution.build import SERIAL, World
from ..fakes.machine import FakeMachine

REPORTS = Path(__file__).parents[1] / "hardware/reports"
GB = 1000**3
SSD, HDD = 240 * GB, 12_000 * GB


def reported() -> Iterator[tuple[str, Hardware]]:
    for path in sorted(REPORTS.glob("*/report.json")):
        try:
            yield path.parent.name, parse_report(path.read_bytes())
        except ReportError:
            continue  # there are some that nobody believes


@pytest.mark.parametrize("hardware", [pytest.param(each, id=name) for name, each in reported()])
def test_a_report_of_it_is_understood_as_just_this_hardware(hardware: Hardware) -> None:
    simulated = as_simulated(hardware)
    assert parse_report(json.dumps(report_of(simulated)).encode()) == simulated
    body = ObservedBody(simulated)
    said = body.report(frozenset(body.disk_names), simulated.bmc_address or "", None, installed=False)
    assert digest(parse_report(json.dumps(said).encode())) == digest(replace(simulated, from_installed=False))


def server(*disks: Disk, physical: tuple[int, ...], enclosure: int | None = 64, controller: int = 1) -> Hardware:
    """A server with so many bytes in each slot, and these disks for its operating system."""
    behind = tuple(PhysicalDisk(controller, enclosure, n, size, "M", f"P{n}") for n, size in enumerate(physical))
    kind = DiskController("raid", "Broadcom", "MegaRAID", "LSI-raid")
    return Hardware(SERIAL, "Dell", "R740", 64 * 2**30, disks=disks, physical_disks=behind, controllers=(kind,))


def disk(name: str, size: int, serial: str = "") -> Disk:
    return Disk(name, name, size, "PERC", serial)


def asked(level: int, *slots: int) -> RaidVolume:
    return RaidVolume(level, tuple(RaidDisk(1, 64, slot, f"P{slot}") for slot in slots))


def told(hardware: Hardware, layout: RaidLayout | None = None) -> dict[str, tuple[int | None, tuple[int, ...]]]:
    """By disk the level and slots of its volume; None: it is a single disk, or beside the controller."""
    found = controller_state(hardware, layout)
    said: dict[str, tuple[int | None, tuple[int, ...]]] = {one.name: (level, at) for one, level, at in found.volumes}
    return said | {one.name: (None, (at,)) for one, at in found.single} | {one.name: (None, ()) for one in found.beside}


def test_a_volume_is_of_the_disks_that_its_profile_names_where_it_has_their_size() -> None:
    two = server(disk("sda", SSD), disk("sdb", HDD * 2), physical=(SSD, SSD, SSD, HDD, HDD, HDD))
    assert told(two, RaidLayout((asked(1, 1, 2), asked(5, 3, 4, 5)))) == {"sda": (1, (1, 2)), "sdb": (5, (3, 4, 5))}
    assert told(two) == {"sda": (1, (0, 1)), "sdb": (0, (3, 4))}, "else of as few disks as make its size"


def test_a_single_disk_is_known_by_its_serial_and_nvme_is_behind_no_controller() -> None:
    mixed = server(disk("sda", HDD, "P1"), disk("nvme0n1", SSD), physical=(HDD, HDD))
    assert told(mixed) == {"sda": (None, (1,)), "nvme0n1": (None, ())}


class WithController(FakeMachine):
    """A live system with storcli, and a simulated server's controllers behind it."""

    def __init__(self, body: ObservedBody) -> None:
        super().__init__()
        self.body = body
        self.controller = Controller(MemoryKept(), lambda: body.drives(frozenset(body.disk_names)), place=body.place)
        self.controller.begin(*body.delivered)

    def answer(self, command: str) -> Ran:
        if command == raid.FIND_TOOL:
            return Ran(0, f"{PATH}\n", "")
        if command.startswith(PATH):
            said = self.controller.answer(command)
            return Ran(*said, "") if said else Ran(1, f"E: {command}\n", "")
        return super().answer(command)

    def shown(self) -> list[str]:
        return list(self.body.devices(self.controller.shown()))


@pytest.mark.parametrize("enclosure", [None, 64])
async def test_volumes_and_single_disks_are_made_on_any_controller(enclosure: int | None) -> None:
    body = ObservedBody(
        server(disk("sda", HDD), disk("nvme0n1", SSD), physical=(SSD, SSD, HDD, HDD), enclosure=enclosure)
    )
    machine = WithController(body)
    assert machine.shown() == ["sda", "nvme0n1"]
    mirror = RaidVolume(1, tuple(RaidDisk(1, enclosure, slot, f"P{slot}") for slot in (0, 1)))
    single = tuple(RaidDisk(1, enclosure, slot, f"P{slot}") for slot in (2, 3))
    action = ConfigureRaid(serial=SERIAL, generation=1, volumes=(mirror,), single=single, whatever=True)
    world = World(machine=machine)
    await handlers(world.tools)[ConfigureRaid](action)
    shown = machine.controller.shown()
    assert [(each.slots, each.size) for each in shown] == [((0, 1), SSD), ((2,), HDD), ((3,), HDD)]
    assert machine.shown() == ["nvme0n1", "sdb", "sdc", "sdd"]
    said = body.report(frozenset(body.disk_names), "", shown, installed=False)
    disks = parse_report(json.dumps(said).encode()).disks
    assert {each.name: each.size for each in disks} == {"nvme0n1": SSD, "sdb": SSD, "sdc": HDD, "sdd": HDD}


def test_a_disk_that_was_swapped_has_another_serial_and_wwn() -> None:
    one = Disk("sda", "sda", HDD, "ST12", "ZHZ1AB7F", "0x5000c500a1b2c3d4")
    body = ObservedBody(replace(server(physical=()), disks=(one, replace(one, name="sdb", device="sdb", serial="X9"))))
    before = body.report(frozenset({"sda", "sdb"}), "", None, installed=False)
    body.swap("sda")
    after = body.report(frozenset({"sda", "sdb"}), "", None, installed=False)
    found, known = (parse_report(json.dumps(said).encode()).disks for said in (after, before))
    assert (found[0].model, found[0].size) == (known[0].model, known[0].size)
    assert found[0].serial != known[0].serial
    assert found[0].wwn != known[0].wwn
    assert found[1] == known[1]


def test_a_disk_that_was_pulled_is_not_reported() -> None:
    hardware = server(disk("sda", SSD), disk("nvme0n1", SSD), physical=(SSD, SSD))
    body = ObservedBody(hardware)
    said = body.report(frozenset({"1:64:0"}), "", None, installed=False)
    found = parse_report(json.dumps(said).encode())
    assert ([each.name for each in found.disks], len(found.physical_disks)) == (["sda"], 1)
