"""The RAID configuration that a machine still needs before anything is installed on its disks."""

from ..model.actions import ConfigureRaid
from ..model.disk_id import ControllerId
from ..model.machine import Allocation, MachineView
from ..model.raid import RaidLayout
from .context import Context
from .install import foreign_data, may_be_anything, may_erase


def raid_wanted(m: MachineView, allocation: Allocation, ctx: Context) -> ConfigureRaid | None:
    """The configuration that nobody saw in place yet, for this machine in this place; None: there is none to make.

    What the controller has already is left alone: most often this action finds nothing to do. A machine that is
    reinstalled keeps what it has, as its data lies on it.
    """
    if m.raid is None or m.history.service.left is not None:
        return None
    places = {disk.identity for disk in m.raid.disks if disk.serial}  # a slot alone does not tell which disk is in it
    action = ConfigureRaid(
        serial=m.serial,
        generation=allocation.generation,
        volumes=m.raid.volumes,
        single=m.raid.single,
        ours=tuple(sorted(places & set(m.history.disks.erased))),
        may_hold=tuple(each for each in foreign_data(m) if isinstance(each.on, ControllerId)),
        may_erase=may_erase(m, ctx),
        whatever=may_be_anything(m, ctx),
    )
    return None if m.history.disks.raid == action.id else action


def raid_because(allocation: Allocation, layout: RaidLayout) -> str:
    """Why its controllers are touched."""
    single = [f"disks {', '.join(disk.place for disk in layout.single)} one by one"] if layout.single else []
    return f"profile {allocation.profile} asks for {'; '.join([*map(str, layout.volumes), *single])}"
