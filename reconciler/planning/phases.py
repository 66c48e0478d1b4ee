"""The one thing to do about a machine that holds a place: a table from phase to rule.

What is seen of a machine may be stale. Every rule first asks whether the next phase was already reached, and nothing
is installed on a machine that was not heard, from the live system, after our last action on it.

Going back happens in two ways, both an operator's: a release, after which the machine is new; and a reinstall, for
which a machine in service is recorded as enrolled again and then walks the same way as any other.
"""

from collections.abc import Callable
from dataclasses import replace

from ..model.action_base import Risk
from ..model.actions import (
    BootDisk,
    BootLive,
    MintSecrets,
    PowerOn,
    Release,
    RollOut,
    SecretName,
    VerifyInstall,
    VerifyLive,
)
from ..model.history import Phase
from ..model.kinds import InstallPolicy, Lifecycle, MachineSpec
from ..model.machine import OURS, Allocation, InstallStatus, MachineView, Power
from ..model.plan import Act, Advance, Orphaned, Settled, Step, Wait
from ..model.reasons import Reason
from ..model.statements import Consequence, FactName
from .approvals import Question, answer, fact
from .bmc_addresses import configure_bmc
from .context import (
    Context,
    comes_up,
    fell_into_live,
    in_live,
    install_evidence,
    install_hint,
    install_unseen,
    is_of_a_boot_before,
    is_unanswered,
    later,
    next_look,
    reported_from_live,
    said_after,
)
from .drift import drift
from .first_puppet import first_puppet, gate_closed, in_its_turn, into_service, run_puppet
from .gates import puppet_succeeded
from .install import install, install_because, not_installable, reinstall_question, unapproved_install
from .raid import raid_because, raid_wanted
from .vouching import first_witness, is_hinted, why_no_bmc


def next_step(m: MachineView, allocation: Allocation, orphaned: str | None, ctx: Context) -> Step:
    """The one thing to do about this machine now, before anybody's safety is considered."""
    step = _step(m, allocation, orphaned, ctx)
    return replace(step, hostname=allocation.hostname, cluster=allocation.cluster, role=allocation.role)


def _step(m: MachineView, allocation: Allocation, orphaned: str | None, ctx: Context) -> Step:
    if m.conflict:
        return Wait(m.serial, Reason.CONFLICT, f"an operator, then retry: {m.conflict}")
    if m.history.open_action is not None:
        return Wait(m.serial, Reason.IN_FLIGHT, f"the action in flight: {m.history.open_action.type}")
    if ctx.pin(m).lifecycle is Lifecycle.DECOMMISSIONED:
        return _released(m, allocation, Question(Reason.DECOMMISSIONED, "it is decommissioned"), ctx)
    if orphaned:
        return Orphaned(m.serial, Reason.NOT_ASKED_FOR, orphaned)
    if moved := pinned_elsewhere(allocation, ctx.pin(m)):
        return _released(m, allocation, moved, ctx)
    return RULES[m.history.phase](m, allocation, ctx)


def _released(m: MachineView, allocation: Allocation, why: Question, ctx: Context) -> Step:
    until = "turn it off first: its name and addresses go to others"
    text = f"approval to release {allocation.hostname}: {why.text} ({until})"
    question = replace(why, text=text, consequences=(Consequence.LOSES_PLACE,))
    given = answer(question, m, ctx)
    if isinstance(given, Wait):
        return given
    release = Release(serial=m.serial, generation=allocation.generation, hostname=allocation.hostname)
    return Act(release, why.reason, f"{why.text}; {given.who} approved: {given.why}")


def pinned_elsewhere(allocation: Allocation, pin: MachineSpec) -> Question | None:
    """What the operator pins it to, where it differs from what it holds."""
    address = str(pin.address) if pin.address else None
    pairs = [
        ("cluster", pin.cluster, allocation.cluster),
        ("role", pin.role, allocation.role),
        ("hostname", pin.hostname, allocation.hostname),
        ("address", address, allocation.address),
    ]
    differing = [(what, wanted, has or "none") for what, wanted, has in pairs if wanted and wanted != has]
    if not differing:
        return None
    text = "; ".join(f"{what} {wanted}, and it has {has}" for what, wanted, has in differing)
    facts = tuple(fact(FactName.DIFFERENCE, *each) for each in differing)
    return Question(Reason.PINNED_ELSEWHERE, f"it is pinned to {text}", facts=facts)


def _discovered(m: MachineView, allocation: Allocation, ctx: Context) -> Step:
    return Advance(m.serial, Phase.ENROLLED, Reason.ENROLLED, f"it is {allocation.hostname} now")


def _enrolled(m: MachineView, allocation: Allocation, ctx: Context) -> Step:
    if done := install_evidence(m, allocation):
        return Advance(m.serial, Phase.INSTALLED, Reason.INSTALL_ENDED, done)
    if _withdrawn(m, ctx):
        return Advance(
            m.serial, Phase.IN_SERVICE, Reason.REINSTALL_WITHDRAWN, "its reinstall was withdrawn before it began"
        )
    if (hint := install_hint(m, allocation)) and next_look(m, ctx) <= ctx.now:
        return _verify_install(m, allocation, Reason.INSTALL_CLAIMED, f"it says {hint} after we began to install it")
    if witness := first_witness(m, allocation, ctx):
        return witness
    raid = raid_wanted(m, allocation, ctx)
    missing = None if raid else not_installable(m, allocation, ctx)
    if blocked := _papers(m, allocation) or missing or unapproved_install(m, ctx):
        return blocked
    if raid and in_live(m, ctx):
        return Act(raid, Reason.RAID_MISSING, raid_because(allocation, raid.layout))
    if in_live(m, ctx) or (install_unseen(m, allocation) and not raid):
        if running := _running_install(m, ctx):
            return running
        if not install_unseen(m, allocation) and (
            of_bmc := configure_bmc(m, allocation, ctx.bmcs, _tired(m, "configure_bmc", ctx))
        ):
            return of_bmc
        return Act(install(m, allocation, ctx), *install_because(m, allocation, ctx))
    return _unproved(m, allocation, ctx) or _silence(m, ctx) or _boot_live(m, allocation, ctx)


def _installed(m: MachineView, allocation: Allocation, ctx: Context) -> Step:
    h, said = m.history, said_after(m, m.history.install.begun)
    if puppet_succeeded(m):
        return into_service(m, allocation, ctx)
    if blocked := _papers(m, allocation):
        return blocked
    if h.last_begun not in ("boot_disk", "begin_puppet", "run_puppet") and h.looks.proof is None:
        if (hint := install_hint(m, allocation)) and not h.looks.count:
            return _verify_install(
                m, allocation, Reason.INSTALL_CLAIMED, f"it says {hint}, and nobody booted it from its disk"
            )
        return _boot_disk(m, allocation, Reason.BOOTS_FROM_DISK, "Debian is on its disk", ctx)
    if said is InstallStatus.PUPPET_SUCCESS:
        return run_puppet(m, allocation, "it says that Puppet has succeeded")
    return in_its_turn(_towards_puppet(m, allocation, said, ctx), m, allocation, ctx)


def _towards_puppet(m: MachineView, allocation: Allocation, said: InstallStatus | None, ctx: Context) -> Step:
    if said is InstallStatus.PUPPET_FAILURE:
        return run_puppet(m, allocation, "its first boot tried Puppet, and failed")
    if said in (InstallStatus.FIRSTBOOT, InstallStatus.PUPPET_RUNNING):
        return first_puppet(m, allocation, said, ctx)
    return _first_boot(m, allocation, ctx)


def _in_service(m: MachineView, allocation: Allocation, ctx: Context) -> Step:
    reinstall = _reinstall(m, allocation, ctx)
    return (
        _fallen(m, allocation, ctx)
        or (reinstall if m.lost_system else None)  # what ends the wait for a document without its disks
        or _papers(m, allocation)
        or reinstall
        or drift(m, allocation, ctx)
        or _roll_out(m, allocation, ctx)
        or gate_closed(m, ctx)
        or Settled(m.serial, Reason.IN_SERVICE, "in service")
    )


Rule = Callable[[MachineView, Allocation, Context], Step]

RULES: dict[Phase, Rule] = {
    Phase.DISCOVERED: _discovered,
    Phase.ENROLLED: _enrolled,
    Phase.INSTALLED: _installed,
    Phase.IN_SERVICE: _in_service,
}


def _papers(m: MachineView, allocation: Allocation) -> Step | None:
    """Secrets and the Puppet document come before the machine that needs them."""
    if m.missing_secrets:
        refs = tuple(sorted(SecretName(ref.owner, ref.service, ref.kind, ref.form) for ref in m.missing_secrets))
        mint = MintSecrets(serial=m.serial, generation=allocation.generation, secrets=refs)
        return Act(mint, Reason.SECRETS_MISSING, f"its Puppet document names {len(refs)} that nobody made yet")
    if m.enc_problem:
        return Wait(m.serial, Reason.NO_DOCUMENT, f"a Puppet document that can be rendered: {m.enc_problem}")
    return None


def _withdrawn(m: MachineView, ctx: Context) -> bool:
    """Whether it left service for a reinstall that nobody asks for any more, and that never began."""
    install, left = m.history.install, m.history.service.left
    return left is not None and not later(install.begun, left) and ctx.pin(m).reinstall in (None, install.reinstall)


def _running_install(m: MachineView, ctx: Context) -> Wait | None:
    """An installer that outlived the daemon that began it: it says so after our last action."""
    if m.seen is None or m.seen.status_at is None or said_after(m, m.history.touched) is not InstallStatus.INSTALLING:
        return None
    until = m.seen.status_at + ctx.timings.live_boot
    on = "the end of the install that runs on it"
    return Wait(m.serial, Reason.INSTALL_RUNS, on, until=until) if ctx.now < until else None


def _silence(m: MachineView, ctx: Context) -> Wait | None:
    """How long to leave a machine alone that was heard a moment ago, or that we touched and that did not report since.

    A status is a hint: it never ends a wait. One that the machine comes up, or leaves, makes it a little longer.
    """
    h, t = m.history, ctx.timings
    if m.seen is None:
        return None
    left = m.seen.status in OURS and later(m.seen.status_at, m.seen.reported_at)
    if left and ctx.now < (until := m.seen.reported_at + 4 * t.report_every):
        on = f"another report from the live system, or its end: a moment after the last one it said {m.seen.status}"
        return Wait(m.serial, Reason.REPORT_DUE, on, until=until)
    spoke = m.seen.witnessed_at or m.seen.reported_at
    if h.touched is None or (spoke > h.touched and not is_of_a_boot_before(m)):
        return None
    limit = 4 * t.report_every if h.failures.count else t.live_boot
    until = h.touched + limit
    if said_after(m, h.touched) in (InstallStatus.LIVE, InstallStatus.INSTALLED):  # its report follows in a moment
        until = max(until, min(m.seen.heard_at + 4 * t.report_every, until + limit))
    if ctx.now < until:
        on = f"a report newer than our last action on it ({h.last_begun})"
        return Wait(m.serial, Reason.REPORT_DUE, on, until=until)
    return None


def _unproved(m: MachineView, allocation: Allocation, ctx: Context) -> Wait | None:
    """The wait for the proof of a machine that says it runs from its disk: it is not rebooted for that."""
    hint = install_hint(m, allocation)
    if hint is None or m.seen is None or m.seen.status_at is None or not later(m.seen.status_at, m.history.touched):
        return None
    if ctx.now >= m.seen.status_at + ctx.timings.first_boot:
        return None
    on = f"its proof over SSH: it says {hint}, and {m.history.looks.error or 'nobody has asked it yet'}"
    return Wait(m.serial, Reason.INSTALL_CLAIMED, on, until=next_look(m, ctx))


def _verify_install(m: MachineView, allocation: Allocation, reason: Reason, because: str) -> Act:
    install = m.history.install.id
    assert install is not None
    look = VerifyInstall(
        serial=m.serial, generation=allocation.generation, hostname=allocation.hostname, install=install
    )
    return Act(look, reason, because)


def _boot_live(m: MachineView, allocation: Allocation, ctx: Context) -> Step:
    if ctx.spec.bmc_address(m.serial, m.seen) is None:
        return Wait(m.serial, Reason.NO_BMC_ADDRESS, "someone to network-boot it: no BMC address is known")
    if is_hinted(m) and (unknown := why_no_bmc(m, ctx)):
        return Wait(m.serial, Reason.NO_BMC_ADDRESS, f"someone to network-boot it: {unknown}")
    if waits := _not_heard_yet(m, ctx) or _tired(m, "boot_live", ctx):
        return waits
    install = m.history.install
    approved = m.history.service.left is not None and not install.open  # what runs on it may go for its reinstall
    boot = BootLive(
        serial=m.serial,
        generation=allocation.generation,
        hostname=allocation.hostname,
        install=install.id,
        leaves=m.history.service.left_install if approved else None,
        unseen=install.open,
        hinted=is_hinted(m),
    )
    return Act(boot, Reason.TO_BE_INSTALLED, "it is installed from the live system")


def _not_heard_yet(m: MachineView, ctx: Context) -> Wait | None:
    """A machine in the live system reports every so often. Nobody listened while the daemon was down."""
    assert m.seen is not None
    if ctx.listening_since is None or m.history.failures.count or m.seen.reported_at > ctx.listening_since:
        return None
    until = ctx.listening_since + 4 * ctx.timings.report_every
    on = f"a report: the daemon hears reports again since {ctx.listening_since:%H:%M:%S} UTC"
    return Wait(m.serial, Reason.REPORT_DUE, on, until=until) if ctx.now < until else None


_IN_VAIN = {
    "boot_live": "no report came: look at its console, at DHCP for it, and at the live image",
    "boot_disk": "no word came from the installed system: look at its console",
    "configure_bmc": "its agent still reports different BMC settings",
}
"""What an action that succeeds, and changes nothing, leaves for an operator to look at."""


def _tired(m: MachineView, action: str, ctx: Context) -> Wait | None:
    """An action that succeeds every time, and never has the effect, is not repeated for ever."""
    h = m.history
    if h.last_begun == action and not h.failures.count and h.repeats >= ctx.timings.give_up_after:
        on = f"an operator, then retry: {h.repeats} times {action}, and {_IN_VAIN[action]}"
        return Wait(m.serial, Reason.IN_VAIN, on)
    return None


# ---- after the install


def _first_boot(m: MachineView, allocation: Allocation, ctx: Context) -> Step:
    """The step of a machine that comes up from its disk for the first time, or fell into the live system again."""
    h = m.history
    if fell_into_live(m, ctx):
        return _boot_disk(m, allocation, Reason.BOOTS_FROM_DISK, "Debian is on its disk", ctx)
    if look := _whether_fallen(m, allocation, ctx):
        return look
    if h.looks.proof is not None and h.looks.proof.runs == "installed":
        return run_puppet(m, allocation, f"its installed system answers at {h.looks.proof.address}")
    if h.failures.error is not None:  # also once an operator said "retry"
        again = "its last try did not succeed"
        if h.last_begun == "boot_disk":
            return _boot_disk(m, allocation, Reason.BOOTS_FROM_DISK, again, ctx)
        return run_puppet(m, allocation, again)
    until = (h.touched or ctx.now) + ctx.timings.first_boot
    if ctx.now < until:
        return Wait(m.serial, Reason.FIRST_WORD_DUE, "its first word from the installed system", until=until)
    return run_puppet(m, allocation, f"no word from it since {h.touched:%Y-%m-%d %H:%M} UTC")


def _boot_disk(m: MachineView, allocation: Allocation, reason: Reason, because: str, ctx: Context) -> Step:
    if ctx.spec.bmc_address(m.serial, m.seen) is None:
        return Wait(m.serial, Reason.NO_BMC_ADDRESS, "someone to boot it from its disk: no BMC address is known")
    boot = BootDisk(serial=m.serial, generation=allocation.generation, hostname=allocation.hostname)
    return _tired(m, "boot_disk", ctx) or Act(boot, reason, because)


# ---- in service


def _fallen(m: MachineView, allocation: Allocation, ctx: Context) -> Step | None:
    """Off, or in the live system by accident: brought back, never installed."""
    heal = ctx.spec.fleet.policy.self_heal
    if fell_into_live(m, ctx):
        because = "it is in service, and booted the live system"
        if not heal:
            return Wait(m.serial, Reason.FELL_INTO_LIVE, f"an operator: {because}")
        return _boot_disk(m, allocation, Reason.FELL_INTO_LIVE, because, ctx)
    if m.seen is None or m.seen.power is not Power.OFF or not later(m.seen.power_at, m.history.touched):
        return _whether_fallen(m, allocation, ctx) or _whether_up(m, allocation, ctx)
    if not heal:
        return Wait(m.serial, Reason.IS_OFF, "an operator: it is off, and policy.self_heal is off")
    again = m.history.touched + ctx.timings.first_boot if m.history.touched else ctx.now
    if m.history.last_done == "power_on" and ctx.now < again:
        on = "an operator, or a later try: it was turned on, and is off again"
        return Wait(m.serial, Reason.IS_OFF_AGAIN, on, until=again)
    return Act(PowerOn(serial=m.serial, generation=allocation.generation), Reason.IS_OFF, "it is in service, and off")


def _whether_fallen(m: MachineView, allocation: Allocation, ctx: Context) -> Act | None:
    """Anybody can send a report in its name; it is asked itself, and until it has answered so nothing else is done."""
    if not reported_from_live(m, ctx) or ctx.now < next_look(m, ctx):
        return None
    look = VerifyLive(serial=m.serial, generation=allocation.generation, hostname=allocation.hostname)
    because = "somebody reports the live system in its name, and it should run from its disk"
    return Act(look, Reason.LIVE_CLAIMED, because)


def _whether_up(m: MachineView, allocation: Allocation, ctx: Context) -> Act | Wait | None:
    """One that was power-cycled says nothing once it is up: it is asked until it has answered."""
    if m.history.install.id is None or not is_unanswered(m):
        return None
    if (until := next_look(m, ctx)) <= ctx.now:
        return _verify_install(m, allocation, Reason.COMES_UP, "it was booted, and has not answered since")
    if comes_up(m, ctx):
        return Wait(m.serial, Reason.COMES_UP, "its installed system to answer: it was booted", until=until)
    error = m.history.looks.error or "nobody has asked it yet"
    on = f"an operator: it was booted at {m.history.touched:%Y-%m-%d %H:%M} UTC, and does not answer: {error}"
    return Wait(m.serial, Reason.DOES_NOT_ANSWER, f"{on}; look at its console", until=until)


def _reinstall(m: MachineView, allocation: Allocation, ctx: Context) -> Step | None:
    wanted = ctx.pin(m).reinstall
    if wanted is None or wanted == m.history.install.reinstall:
        return None
    because = f'its reinstall "{wanted}" is asked for'
    given = answer(reinstall_question(m, ctx), m, ctx)
    if not isinstance(given, Wait):
        because = f"{because}; {given.who} approved: {given.why}"
    elif ctx.spec.fleet.policy.reinstall is not InstallPolicy.AUTOMATIC:
        return given
    return Advance(m.serial, Phase.ENROLLED, Reason.REINSTALL_REQUESTED, because, risk=Risk.DESTRUCTIVE)


def _roll_out(m: MachineView, allocation: Allocation, ctx: Context) -> Step | None:
    """Puppet is run where the document changed since its last good run began; what is not known is left alone."""
    if not m.behind or m.document is None:
        return None
    since = f"its Puppet document changed at {m.document.since:%Y-%m-%d %H:%M} UTC"
    if ctx.spec.fleet.policy.roll_out == "agents":
        on = f"its own agent's next Puppet run: {since}, and the policy leaves it to agents"
        return Wait(m.serial, Reason.LEFT_TO_AGENT, on)
    document, hostname = m.document.digest, allocation.hostname
    roll_out = RollOut(serial=m.serial, generation=allocation.generation, hostname=hostname, document=document)
    return Act(roll_out, Reason.DOCUMENT_CHANGED, since)
