"""An operator's decisions, recorded with who and why."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import WhyOption, failed, note, open_to_decide, readable, tell_who_heard, who

if TYPE_CHECKING:
    from ..app.site import Site
    from ..model.machine import Vip
    from ..model.tree import SpecTree

Machine = Annotated[str, typer.Argument(metavar="MACHINE", help="Chassis serial, or hostname.")]
ScopeArgument = Annotated[
    str, typer.Argument(metavar="SCOPE", help="fleet, cluster:NAME or machine:MACHINE (its serial or hostname).")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=_APPROVE)(approve)
    app.command(epilog=_PAUSE)(pause)
    for command in (resume, retry, forget, free_vip, set_up_again, accept):
        app.command()(command)


_APPROVE = """\b
Examples:
  reconciler approve 2S2JGM2 --why "disks of the old cluster, CHG-1234"
  reconciler approve 2S2JGM2 --why "CHG-1234" --sign ~/.ssh/id_ed25519
\b
Signed elsewhere, with a key in a file or in an agent:
  reconciler approve 2S2JGM2 --print > statement
  ssh-keygen -Y sign -n reconciler-approval -f ~/.ssh/id_ed25519 statement
  reconciler approve 2S2JGM2 --why "CHG-1234" --signature statement.sig
"""


def approve(
    context: typer.Context,
    machine: Machine,
    why: Annotated[str | None, typer.Option("--why", metavar="TEXT", help="The reason. It is recorded.")] = None,
    sign: Annotated[
        Path | None, typer.Option("--sign", metavar="KEY", help="Sign the statement with this SSH key.")
    ] = None,
    signature: Annotated[
        Path | None, typer.Option("--signature", metavar="FILE", help='What "ssh-keygen -Y sign" made of it.')
    ] = None,
    shown: Annotated[
        str | None,
        typer.Option("--shown", metavar="DIGEST", help="Only if the statement is still the one with this digest."),
    ] = None,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the statement, to be signed elsewhere, and approve nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask on a terminal.")] = False,
) -> int:
    """Allow what a machine waits for: an install, a release, a round of rings.

    It shows the statement that is approved, and on a terminal asks whether that is meant. The approval holds for just
    that, once, and for as long as the policy says. It is void when the question has gone.
    """
    from ..app.approving import approve as write
    from ..app.approving import statement_text
    from ..app.plans import planned
    from ..app.site import unknown
    from ..model.machine import Approval
    from ..model.plan import Wait

    if why is None and not only_print:
        raise typer.BadParameter("Missing option '--why'.")
    if sign is not None and signature is not None:
        raise typer.BadParameter("--sign and --signature exclude each other")
    site = open_to_decide(context)
    todo, observation = planned(site)
    step = next((s for s in todo.steps if machine in (s.serial, s.hostname)), None)
    if step is None:
        raise unknown("machine", machine)
    name = f"{step.serial} ({step.hostname})" if step.hostname else step.serial
    text = statement_text(site, step)
    if not isinstance(step, Wait) or text is None:
        doing = f"it waits for {step.on}" if isinstance(step, Wait) else step.because
        return failed(f"{name} does not wait for an approval: {doing}")
    if only_print:
        print(text, end="")
        return 0
    note(f"{name} waits for {step.on}.\n\n{text}")
    if not (yes or _is_meant()):
        return failed("nothing was approved")
    given = Approval(step.serial, "", 0, who(), why or "", site.now(), signature=_signature(text, sign, signature))
    held = next((m.allocation for m in observation.machines if m.serial == step.serial), None)
    done = write(site, step, held, given, shown=shown)
    note(f"Approved {done.action} of {name}, as {done.who}.")
    tell_who_heard(site)
    return 0


def _is_meant() -> bool:
    """Whether the person at the terminal says so; where there is none, nobody is asked."""
    import sys

    return not sys.stdin.isatty() or typer.confirm("Approve this?", err=True)


def _signature(text: str, key: Path | None, file: Path | None) -> str | None:
    """The signature that was made elsewhere, or is made now; None: there is none."""
    from ..app.signatures import sign

    if file is not None:
        return readable(file, "--signature").decode(errors="replace")
    return sign(text, key) if key is not None else None


_PAUSE = """\b
Examples:
  reconciler pause --why "fire in zone-2"
  reconciler pause cluster:cl1 --why "upgrade, CHG-1234"
  reconciler pause machine:2S2JGM2 --why "a technician is at it"
"""


def pause(context: typer.Context, why: WhyOption, scope: ScopeArgument = "fleet") -> None:
    """Let nothing begin in the fleet, a cluster or on a machine.

    What runs already goes on to its end. The daemon still takes reports, answers Puppet and makes plans.
    """
    from ..model.machine import Pause

    _parts(scope)
    site = open_to_decide(context)
    found = _scope(site, scope)
    site.store.pause(Pause(found, who(), why, site.now()))
    note(f'Paused {found}. "reconciler resume {found}" ends it.')
    tell_who_heard(site)


def resume(
    context: typer.Context,
    scope: ScopeArgument = "fleet",
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason. It is recorded.")] = "no longer needed",
) -> int:
    """End a pause."""
    _parts(scope)
    site = open_to_decide(context)
    paused = [pause.scope for pause in site.snapshot().pauses]
    found = scope if scope in paused else _scope(site, scope)
    if not site.store.resume(found, who=who(), why=why, at=site.now()):
        return failed(f"{found} is not paused; {', '.join(paused) or 'nothing'} is")
    note(f"Resumed {found}.")
    tell_who_heard(site)
    return 0


def retry(context: typer.Context, machine: Machine, why: WhyOption) -> None:
    """Try a machine again now, whatever failed before.

    Its failures and its back-off are forgotten. Where two machines claimed its serial, its quarantine ends. A new SSH
    host key is believed once: you may have rebooted the machine by hand.
    """
    site = open_to_decide(context)
    found = site.serial_of(machine)
    site.store.retry(found, who=who(), why=why, at=site.now())
    note(f"{found} will be tried again now.")
    tell_who_heard(site)


def forget(context: typer.Context, machine: Machine, why: WhyOption) -> None:
    """Drop the record of a machine that holds nothing.

    The hardware is not touched. A machine that is heard of again is a new one. One that holds a name and addresses is
    not forgotten: decommission it first (lifecycle: decommissioned).
    """
    site = open_to_decide(context)
    found = site.serial_of(machine)
    site.store.forget(found, who=who(), why=why, at=site.now())
    note(f"{found} is forgotten, until it reports again.")
    tell_who_heard(site)


def free_vip(
    context: typer.Context,
    cluster: Annotated[str, typer.Argument(metavar="CLUSTER", help="Whose it is.")],
    usage: Annotated[str, typer.Argument(metavar="USAGE", help="api, sql, sqlmsg or messaging.")],
    why: WhyOption,
) -> int:
    """Take back a VIP that its cluster no longer asks for.

    Its address may be handed out again: see first that no machine answers on it. A VIP that the cluster's networks
    still ask for is not released.
    """
    from ..app.site import unknown

    site = open_to_decide(context)
    tree = site.specs.in_force(newest=True)[1]
    held = {vip.usage: vip for vip in site.snapshot().vips if vip.cluster == cluster}
    if not held and cluster not in tree.clusters:
        raise unknown("cluster", cluster)
    vip = held.get(usage)
    if vip is None:
        return failed(f"{cluster} has no {usage} VIP, but {', '.join(held) or 'none at all'}")
    if _asks_for(tree, vip):
        place = tree.place("Cluster", cluster, "networks", vip.network)
        return failed(f"{cluster} still asks for its {usage} VIP {vip.address}: network {vip.network} at {place}")
    site.store.release_vip(vip, who=who(), why=why, at=site.now())
    note(f"Released {vip.address}, which was the {usage} VIP of {cluster} on {vip.network}.")
    tell_who_heard(site)
    return 0


def set_up_again(
    context: typer.Context,
    cluster: Annotated[str, typer.Argument(metavar="CLUSTER", help="Whose first setup it is.")],
    why: WhyOption,
) -> None:
    """Let the first setup of a cluster begin again.

    Puppet then makes databases, accounts and endpoints that are missing on its next runs. It ends by itself once all
    controllers are in service and Keystone's catalogue has endpoints. Where that is so already, nothing changes.
    """
    from ..app.site import unknown

    site = open_to_decide(context)
    if cluster not in site.specs.in_force(newest=True)[1].clusters:
        raise unknown("cluster", cluster)
    site.store.set_up_again(cluster, who=who(), why=why, at=site.now())
    note(f"The first setup of {cluster} begins again, unless what it makes is there.")
    tell_who_heard(site)


def _asks_for(tree: "SpecTree", vip: "Vip") -> bool:
    spec = tree.clusters.get(vip.cluster)
    network = spec.networks.get(vip.network) if spec else None
    return network is not None and network.vip_usage == vip.usage


def accept(
    context: typer.Context,
    commit: Annotated[str, typer.Argument(metavar="COMMIT", help="All 40 digits of the new head.")],
    why: WhyOption,
) -> None:
    """Accept a rewritten branch at exactly one commit.

    Until then the daemon refuses a head that does not descend from the commit in force.
    """
    if len(commit) not in (40, 64) or not set(commit) <= set("0123456789abcdef"):
        raise typer.BadParameter(f'"{commit}" is not all 40 hexadecimal digits of a commit', param_hint="COMMIT")
    site = open_to_decide(context)
    site.specs.accept(commit, who=who(), why=why)
    note(f"Accepted {commit[:12]}, should it be the branch's head.")
    tell_who_heard(site)


def _parts(scope: str) -> tuple[str, str]:
    """What kind of scope it is, and of which name.

    Raises:
        typer.BadParameter: It is no scope.
    """
    kind, _, name = scope.partition(":")
    if scope != "fleet" and (kind not in ("cluster", "machine") or not name):
        raise typer.BadParameter(f'"{scope}" is not fleet, cluster:NAME or machine:MACHINE', param_hint="SCOPE")
    return kind, name


def _scope(site: "Site", scope: str) -> str:
    """The scope with the machine's serial for its hostname.

    A cluster's name is taken on trust while the specs cannot be read: that is when somebody wants to pause it.

    Raises:
        PermanentError: There is no such cluster or machine.
    """
    from ..app.site import unknown
    from ..model.errors import PermanentError, TemporaryError

    kind, name = _parts(scope)
    if kind == "fleet":
        return scope
    if kind == "machine":
        return f"machine:{site.serial_of(name)}"
    if any(held.cluster == name for held in site.snapshot().allocations.values()):
        return scope
    try:
        clusters = site.specs.tree().clusters
    except (PermanentError, TemporaryError):
        return scope
    if name not in clusters:
        raise unknown("cluster", name)
    return scope
