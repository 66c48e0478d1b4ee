"""Whether a machine may be installed, and the install itself with every choice made."""

from ..model.actions import InstallOs, RootImage
from ..model.machine import Allocation, MachineView
from ..model.plan import Wait
from ..model.spec import HardwareProfileSpec, InstallPolicy
from .circumstances import Circumstances
from .interfaces import NotPossibleError, interfaces_of
from .tunables import Tunables


def not_installable(m: MachineView, held: Allocation, at: Circumstances) -> Wait | None:
    """What is missing for an install, if anything."""
    if m.seen is None:
        return Wait(m.serial, "its first report: nobody has seen it yet")
    if m.disks is None or not m.disks.system_disks:
        return Wait(m.serial, f"a system disk: profile {held.profile} finds none on it")
    if not held.addresses:
        return Wait(m.serial, f"its management network: none is in {held.cluster} for it")
    try:
        interfaces_of(at.spec, m.serial, held, m.seen.hardware.nics)
    except NotPossibleError as error:
        return Wait(m.serial, str(error))
    return None


def unapproved_install(m: MachineView, at: Circumstances) -> Wait | None:
    """The approval that the fleet's policy asks for, if it was not given."""
    policy = at.spec.fleet.policy
    if m.history.left_service is not None or at.approval(m, "install_os"):
        return None
    if policy.foreign_data is InstallPolicy.APPROVAL and (foreign := _foreign(m)):
        on = f"approval to erase {foreign}: we did not put it there"
        return Wait(m.serial, on, needs_approval="install_os")
    if policy.foreign_data is InstallPolicy.APPROVAL and m.history.released and m.history.install_begun is None:
        on = f"approval to erase it: until {m.history.released:%Y-%m-%d} it had another place, and may hold its data"
        return Wait(m.serial, on, needs_approval="install_os")
    if policy.install is InstallPolicy.APPROVAL:
        return Wait(m.serial, "approval to install: the fleet's policy asks for it", needs_approval="install_os")
    return None


def _foreign(m: MachineView) -> str:
    """What the disks that would be erased hold, unless it is ours."""
    if m.history.install_begun is not None or m.seen is None or m.disks is None:
        return ""
    erased = {*m.disks.system_disks, *m.disks.data_disks}
    holding = [d for d in m.seen.hardware.disks if d.contents and (d.device in erased or d.name in erased)]
    return ", ".join(f"{d.device} ({d.contents})" for d in sorted(holding, key=lambda d: d.device))


def install(m: MachineView, held: Allocation, at: Circumstances) -> InstallOs:
    """The install of a machine that ``not_installable`` has nothing against."""
    assert m.disks is not None and m.seen is not None
    tunables = Tunables(at.spec, m.serial, held)
    own_role, profile = at.spec.roles.get(held.role), at.spec.profiles.get(held.profile)
    return InstallOs(
        serial=m.serial,
        generation=held.generation,
        hostname=held.hostname,
        role=held.role,
        cluster=held.cluster,
        release=at.spec.fleet.release.debian,
        interfaces=interfaces_of(at.spec, m.serial, held, m.seen.hardware.nics),
        system_disks=m.disks.system_disks,
        raid=m.disks.raid,
        data_disks=m.disks.data_disks if m.history.left_service is None else (),  # a reinstall keeps the data
        identity=m.disks.identity,
        packages=own_role.packages if own_role else (),
        console=tunables.text("serial_console_dev"),
        backports_kernel=tunables.is_on("kernel_from_backports"),
        image=_image(profile),
        timeout=int(profile.install_timeout.total_seconds()) if profile and profile.install_timeout else None,
        reinstall=at.pin(m).reinstall,
    )


def _image(profile: HardwareProfileSpec | None) -> RootImage | None:
    if profile is None or profile.installer != "image" or profile.image is None:
        return None
    return RootImage(url=profile.image.url, sha256=profile.image.sha256)


def install_because(m: MachineView, held: Allocation, at: Circumstances) -> str:
    """Why its disks may be erased."""
    if m.history.left_service is not None:
        return f'its reinstall "{at.pin(m).reinstall}" was asked for and approved'
    if given := at.approval(m, "install_os"):
        return f"it is {held.hostname}, and {given.who} approved: {given.why}"
    if m.history.install_begun is not None:
        return "nobody saw its last install end well"
    return f"it is {held.hostname}, and nothing of ours is on its disks"
