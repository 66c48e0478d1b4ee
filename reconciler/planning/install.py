"""Decides whether a machine may be installed, and makes every choice of the install.

What is decided here rests on the journal and on reports, both of which may be older than the disks. The live system
looks at the disks again right before it erases them, and refuses what is not allowed here: see ``InstallOs.ours``,
``may_hold`` and ``may_erase``.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from ..model.actions import Erasable, InstallOs, RootImage, Voucher
from ..model.disk_id import ControllerId, DiskId, Finding, InstalledSystem, in_order
from ..model.hardware import Disk, Nic
from ..model.in_force import Place, SettingsAt
from ..model.installable import why_not_debian, why_not_image
from ..model.interfaces import counted
from ..model.kinds import HardwareProfileSpec, InstallPolicy
from ..model.machine import Allocation, MachineView
from ..model.ownership import could_be_ours, is_ours
from ..model.plan import Wait
from ..model.reasons import Because, Reason
from ..model.statements import Consequence, FactName
from .approvals import Consent, Question, answer, fact, unanswered
from .context import Context, install_unseen
from .interfaces import NoInterfacesError, interfaces_of
from .vouching import voucher, with_stranger

_SHOWN = 4
"""Disks of one kind that a question names; its facts have all."""


def not_installable(m: MachineView, allocation: Allocation, ctx: Context) -> Wait | None:
    """What is missing for an install, if anything."""
    if m.seen is None:
        return Wait(m.serial, Reason.NEVER_SEEN, "its first report: nobody has seen it yet")
    if m.lost_system and m.disks is None:
        return Wait(m.serial, Reason.SYSTEM_DISK_UNKNOWN, f"an operator: {m.lost_system}")
    if m.unclear_disks and m.disks is None:
        return Wait(m.serial, Reason.DISKS_UNCLEAR, f"an operator: {m.unclear_disks}")
    if m.disks is None or not m.disks.system_disks:
        return Wait(m.serial, Reason.NO_SYSTEM_DISK, f"a system disk: profile {allocation.profile} finds none on it")
    if several := _over_several_paths(m, ctx):
        return several
    if m.seen.hardware.uefi is None:
        on = "a report that says whether it booted with UEFI or as BIOS: the agent that reports it left that out. "
        return Wait(m.serial, Reason.BOOT_MODE_UNKNOWN, on + "Build the live image anew, and boot it from the network")
    if impossible := _not_for_its_installer(m, allocation, m.seen.hardware.uefi, ctx):
        return impossible
    if not allocation.addresses:
        on = f"its management network: none is in {allocation.cluster} for it"
        return Wait(m.serial, Reason.NETWORK_IMPOSSIBLE, on)
    try:
        interfaces_of(ctx.spec, m.serial, allocation, m.seen.hardware.nics, _had(m))
    except NoInterfacesError as error:
        return Wait(m.serial, Reason.NETWORK_IMPOSSIBLE, str(error))
    return None


def _not_for_its_installer(m: MachineView, allocation: Allocation, uefi: bool, ctx: Context) -> Wait | None:
    """System disks that its profile's installer would refuse, once all was approved and the machine booted."""
    assert m.disks is not None
    is_image = _image(ctx.spec.profiles.get(allocation.profile)) is not None
    installer, asked = ("image", why_not_image) if is_image else ("debian", why_not_debian)
    why = asked(m.disks.system_disks, m.disks.raid, uefi=uefi)
    if why is None:
        return None
    on = f'system disks that the installer "{installer}" of profile {allocation.profile} can install on: {why}. '
    return Wait(
        m.serial, Reason.INSTALLER_CANNOT, on + "Change the disks in the profile, its installer, or the boot mode"
    )


def _over_several_paths(m: MachineView, ctx: Context) -> Wait | None:
    """A disk that would be written to past its multipath device, through one of its paths."""
    assert m.disks is not None and m.seen is not None
    touched = {*m.disks.system_disks, *_data_disks(m, ctx)}
    for disk in m.seen.hardware.disks:
        if disk.paths and disk.device in touched:
            names = ", ".join(disk.paths)
            on = f"a single path to disk {disk.name}: it is reached as {names}, and an install knows no multipath"
            on += "; unplug the others, or leave this disk out of its profile"
            return Wait(m.serial, Reason.SEVERAL_PATHS, on)
    return None


def unapproved_install(m: MachineView, ctx: Context) -> Wait | None:
    """The approval that the fleet's policy asks for, if it was not given for exactly what is asked now."""
    if m.history.service.left is not None and (blocked := _unapproved_data(m, ctx)):
        return blocked
    question = _question(m, ctx)
    return None if question is None else unanswered(question, m, ctx)


def _question(m: MachineView, ctx: Context) -> Question | None:
    """What a human is asked before the install: one question of all there is to ask, as one word answers it."""
    return _with_disks(with_stranger(_with_shared(_question_of_disks(m, ctx), m, ctx), m, ctx), m, ctx)


def _with_disks(question: Question | None, m: MachineView, ctx: Context) -> Question | None:
    """The question, with each disk that the install erases."""
    if question is None:
        return None
    named = _ids(m, (*m.disks.system_disks, *_data_disks(m, ctx))) if m.disks else ()
    disks = named or tuple(disk.identity for disk in (m.raid.disks if m.raid else ()))
    return replace(question, facts=(*(fact(FactName.DISK, disk) for disk in disks), *question.facts))


def _with_shared(question: Question | None, m: MachineView, ctx: Context) -> Question | None:
    """The question, with whether disks may be erased that other machines report, too.

    Not asked again of what this install has begun to erase: its approval is used up.
    """
    named = {*m.disks.system_disks, *_data_disks(m, ctx)} if m.disks else set[str]()
    every = m.seen.hardware.disks if m.seen else ()
    begun = m.history.disks.erased
    shared = [
        (disk, others)
        for disk in every
        if disk.device in named and (others := ctx.shared.others(m, disk)) and not is_ours(disk, (), begun, every)
    ]
    if not shared:
        return question
    told = ", ".join(f"{disk.name} ({' and '.join(map(_called, others))})" for disk, others in shared[:_SHOWN])
    more = f" and {len(shared) - _SHOWN} more" if len(shared) > _SHOWN else ""
    text = f"erase what another machine reports, too, and may use: {told}{more}"
    facts = tuple(fact(FactName.SHARED, str(disk.identity), *(m.serial for m in others)) for disk, others in shared)
    if question is None:
        return Question(Reason.FOREIGN_DATA, f"approval to {text}", (Consequence.ERASES,), facts)
    return replace(question, text=f"{question.text}; and to {text}", facts=(*question.facts, *facts))


def _called(m: MachineView) -> str:
    """A machine by its hostname; one that has none by its serial."""
    return m.allocation.hostname if m.allocation else m.serial


def _question_of_disks(m: MachineView, ctx: Context) -> Question | None:
    """What a human is asked of what the install erases, or because the policy asks for it."""
    policy = ctx.spec.fleet.policy
    found = foreign_data(m) if policy.foreign_data is InstallPolicy.APPROVAL else _installed(m)
    if found:
        text = f"approval to erase {_told(found)}: {_why_not(found)}"
        facts = tuple(fact(FactName.FINDING, *each.facts) for each in found)
        return Question(Reason.FOREIGN_DATA, text, (Consequence.ERASES,), facts)
    if m.history.service.left is not None:
        return None
    released = m.history.service.released
    if policy.foreign_data is InstallPolicy.APPROVAL and released and m.history.install.begun is None:
        return _earlier_place(m.history.service.left_install, released)
    if policy.install is InstallPolicy.APPROVAL:
        text = "approval to install: the fleet's policy asks for it"
        return Question(Reason.INSTALL_BY_APPROVAL, text, (Consequence.ERASES,))
    return None


def _earlier_place(install: str | None, until: datetime) -> Question:
    system = f" (install {install})" if install else ""
    before = f"until {until:%Y-%m-%d} it had another place{system}"
    text = f"approval to erase it: {before}, and its disks may hold data from then"
    facts = (fact(FactName.RELEASED, until.isoformat()), *([fact(FactName.INSTALL, install)] if install else ()))
    return Question(Reason.EARLIER_PLACE, text, (Consequence.ERASES,), facts)


def _told(found: Iterable[Finding]) -> str:
    return ", ".join(f"{on.name if isinstance(on, DiskId) else on} ({what})" for on, what in found)


def _why_not(found: Iterable[Finding]) -> str:
    return "its install has ended, and it may serve" if _installs(found) else "we did not put it there"


def foreign_data(m: MachineView) -> tuple[Finding, ...]:
    """What the disks that would be erased hold and nobody allowed to erase: as reported, or met by the last try.

    A report counts where the machine did not just leave service for a reinstall: then it tells of our own system.
    """
    erased = set(m.disks.identity if m.disks else ())
    last = m.history.disks.foreign_data
    met = {each for each in last if each.on in erased or isinstance(each.on, ControllerId)}
    if m.seen is None or m.history.service.left is not None:
        return in_order(met)
    known = {on for on, _ in met}  # the live system looked closer than the report
    holding = [disk for disk in m.seen.hardware.disks if disk.contents and disk.identity in erased - known]
    reported = {Finding(disk.identity, disk.contents) for disk in holding if not _left_to_handler(disk, m)}
    return in_order(met | reported)


def _left_to_handler(disk: Disk, m: MachineView) -> bool:
    """Whether it is ours, or may be by what is written on it: only the live system sees that."""
    erased, every = m.history.disks.erased, m.seen.hardware.disks if m.seen else ()
    return could_be_ours(disk, erased, every) or is_ours(disk, (), erased, every)


def _installed(m: MachineView) -> tuple[Finding, ...]:
    """Systems of ours that the last try met, and that no policy allows to erase."""
    return tuple(each for each in foreign_data(m) if isinstance(each.what, InstalledSystem))


def _installs(found: Iterable[Finding]) -> tuple[str, ...]:
    """The ids of the finished installs among what was found."""
    return tuple(sorted({what.install for _, what in found if isinstance(what, InstalledSystem)}))


def reinstall_question(m: MachineView, ctx: Context) -> Question:
    """What a human is asked before a machine leaves service to be reinstalled."""
    install, request = m.history.service.left_install or m.history.install.id, ctx.pin(m).reinstall or ""
    disks = _data_disks(m, ctx)
    told = f" (install {install})" if install else ""
    data = f", and to erase its data on {', '.join(disks)}" if disks else ""
    text = f'approval to reinstall it{told}{data}: its reinstall "{request}" is asked for'
    system = m.disks.system_disks if m.disks else ()
    facts = (
        *([fact(FactName.INSTALL, install)] if install else ()),
        fact(FactName.REQUEST, request),
        *(fact(FactName.DISK, disk) for disk in _ids(m, (*system, *disks))),
    )
    return Question(Reason.REINSTALL_REQUESTED, text, (Consequence.LEAVES_SERVICE, Consequence.ERASES), facts)


def _ids(m: MachineView, disks: Collection[str]) -> tuple[str, ...]:
    """The identities of disks by their kernel names."""
    return tuple(str(disk) for disk in (m.disks.identity if m.disks else ()) if disk.name in disks)


def _data_disks(m: MachineView, ctx: Context) -> tuple[str, ...]:
    """The data disks that are formatted: on a reinstall none, unless the operator says so."""
    kept = m.history.service.since is not None or m.history.service.left is not None
    if m.disks is None or (kept and ctx.pin(m).data_disks == "preserve"):
        return ()
    return m.disks.data_disks


def _unapproved_data(m: MachineView, ctx: Context) -> Wait | None:
    """The wait for an approval that its data goes too: it may be asked for after the reinstall was approved."""
    if not _data_disks(m, ctx) or ctx.spec.fleet.policy.reinstall is InstallPolicy.AUTOMATIC:
        return None
    return unanswered(reinstall_question(m, ctx), m, ctx)


def _may_hold(m: MachineView, ctx: Context) -> tuple[Erasable, ...]:
    """By kernel name what may be erased beside what is ours; the handler meets nothing else, or stops."""
    assert m.disks is not None
    named = _data_disks(m, ctx) if m.history.service.left is not None else ()  # the question named them
    whatever = [disk.name for disk in m.disks.identity] if may_be_anything(m, ctx) else named
    found = [
        Erasable(on.name, what)
        for on, what in foreign_data(m)
        if isinstance(on, DiskId) and not isinstance(what, InstalledSystem)
    ]
    return (*(Erasable(name, None) for name in whatever), *found)


def may_erase(m: MachineView, ctx: Context) -> tuple[str, ...]:
    """The ids of finished installs that may be erased; where an approval is asked for, it was given for just these."""
    service, ids = m.history.service, set(_installs(foreign_data(m)))
    if service.left_install and (service.left is not None or _released_may_go(m, ctx)):
        ids.add(service.left_install)
    return tuple(sorted(ids))


def may_be_anything(m: MachineView, ctx: Context) -> bool:
    """Whether whatever its disks hold may be erased, unseen, but for systems of ours whose install has finished."""
    return ctx.spec.fleet.policy.foreign_data is InstallPolicy.AUTOMATIC or _released_may_go(m, ctx)


def _released_may_go(m: MachineView, ctx: Context) -> bool:
    released = m.history.service.released
    if released is None:
        return False
    alone = _with_shared(_earlier_place(m.history.service.left_install, released), m, ctx)
    asked = (_with_disks(each, m, ctx) for each in (alone, with_stranger(alone, m, ctx)))
    return any(each is not None and unanswered(each, m, ctx) is None for each in asked)


def install(m: MachineView, allocation: Allocation, ctx: Context) -> InstallOs:
    """The install of a machine that ``not_installable`` has nothing against, with all that is allowed to it."""
    return replace(
        _described(m, allocation, ctx),
        ours=m.history.disks.erased,
        may_hold=_may_hold(m, ctx),
        may_erase=may_erase(m, ctx),
        vouched=_vouched(m, allocation, ctx),
    )


def _described(m: MachineView, allocation: Allocation, ctx: Context) -> InstallOs:
    """The install as specs and hardware have it."""
    assert m.disks is not None and m.seen is not None
    settings = SettingsAt(ctx.spec, Place.of(m.serial, allocation))
    own_role, profile = ctx.spec.roles.get(allocation.role), ctx.spec.profiles.get(allocation.profile)
    return InstallOs(
        serial=m.serial,
        generation=allocation.generation,
        hostname=allocation.hostname,
        role=allocation.role,
        cluster=allocation.cluster,
        release=ctx.spec.fleet.release.debian,
        interfaces=interfaces_of(ctx.spec, m.serial, allocation, m.seen.hardware.nics, _had(m)),
        system_disks=m.disks.system_disks,
        raid=m.disks.raid,
        data_disks=_data_disks(m, ctx),
        identity=m.disks.identity,
        packages=own_role.packages if own_role else (),
        console=settings.text("serial_console_dev"),
        backports_kernel=settings.is_on("kernel_from_backports"),
        image=_image(profile),
        timeout=int(profile.install_timeout.total_seconds()) if profile and profile.install_timeout else None,
        reinstall=ctx.pin(m).reinstall,
        nics=counted(_had(m), m.seen.hardware.nics) or _without_neighbours(m.seen.hardware.nics),
    )


def _had(m: MachineView) -> tuple[Nic, ...]:
    """The interfaces that a node was installed with which is to be installed again; empty: it never was, or not known.

    Its cables are in these, whatever card came since. Networks of its next install, and VIPs on it, mean them.
    """
    return m.history.install.nics if m.history.service.left is not None else ()


def _without_neighbours(nics: tuple[Nic, ...]) -> tuple[Nic, ...]:
    return tuple(replace(nic, switch=None, port=None, port_also=()) for nic in nics)


def _vouched(m: MachineView, allocation: Allocation, ctx: Context) -> Voucher | None:
    """Why its keys may go to who reports. Of an install that nobody saw end only the end is looked for."""
    return voucher(m, ctx) or (None if install_unseen(m, allocation) else Voucher.APPROVED)


def _image(profile: HardwareProfileSpec | None) -> RootImage | None:
    if profile is None or profile.installer != "image" or profile.image is None:
        return None
    return RootImage(url=profile.image.url, sha256=profile.image.sha256)


def install_because(m: MachineView, allocation: Allocation, ctx: Context) -> Because:
    """Why its disks may be erased."""
    if m.history.service.left is not None:
        text = f'its reinstall "{ctx.pin(m).reinstall}" was asked for and approved'
        return Because(Reason.REINSTALL_REQUESTED, text)
    question = _question(m, ctx)
    if question is not None and isinstance(given := answer(question, m, ctx), Consent):
        return Because(Reason.TO_BE_INSTALLED, f"it is {allocation.hostname}, and {given.who} approved: {given.why}")
    if m.history.install.begun is not None:
        return Because(Reason.INSTALL_UNSEEN, "nobody saw its last install end well")
    return Because(Reason.TO_BE_INSTALLED, f"it is {allocation.hostname}, and nothing of ours is on its disks")
