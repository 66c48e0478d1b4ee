"""``adopt``: machines' own words in place of an older database."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Format, FormatOption, failed, note, open_site, tell_who_heard, warn_if_no_daemon, who
from .tables import print_rows

if TYPE_CHECKING:
    from ..app.adopting import Ground, Which
    from ..app.site import Site
    from ..model.machine import Observation
    from ..planning.adopting import Outcome
    from ..render.rows import AdoptedRow


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=_ADOPT)(adopt)


_ADOPT = """\b
Examples:
  reconciler adopt --dry-run
  reconciler adopt --why "restored last night's backup"
  reconciler adopt 2S2JGM2 cluster:cl1 --why "these first"
  reconciler adopt --as-new --why "a new fleet on the old host"
"""

_CONNECT_SECONDS = 5.0


def adopt(
    context: typer.Context,
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="MACHINE|cluster:NAME", help="Only these; else all. A serial or a hostname."),
    ] = None,
    why: Annotated[str | None, typer.Option("--why", metavar="TEXT", help="The reason. It is recorded.")] = None,
    address: Annotated[
        list[str] | None,
        typer.Option("--address", metavar="ADDRESS", help="Also ask at this address. May be given several times."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would become of each machine.")] = False,
    fleet: Annotated[
        str | None,
        typer.Option("--fleet", metavar="ID", help="Go on as this fleet: the one whose installs the machines have."),
    ] = None,
    as_new: Annotated[bool, typer.Option("--as-new", help="Ask no machine: this database is right as it is.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether --as-new is meant.")] = False,
    format: FormatOption = Format.TEXT,
) -> int:
    """Take machines into service as they are, by their own word.

    For a database that may be older than the machines: restored, or lost. The daemon only looks until this has run, and
    acts again after it. Every machine is asked over SSH, at the address that it was given or else last called from. A
    machine that runs a system of ours, or of OCI's, is in service, under the name and addresses that it has, and is not
    touched; where its first boot is still to end, that goes on. A machine that says nothing, or something that does not
    fit, stays as the database has it, and is paused unless it was in service. Approvals given before are void. Run this
    where the daemon's state folder is; it is refused while a daemon acts from another host. Where nothing is in doubt,
    only machines without a place are asked.
    With machines or a cluster named, only these are asked, and a doubt stays until all are: "reconciler adopt" ends it.
    """
    from ..app.adopting import Ground, Which, carry_out
    from ..app.directory import PROVISIONING_KEY

    site = open_site(context)
    if site.kept is None:
        return failed('there is no database: "reconciler restore" makes one of an export, and the daemon an empty one')
    if not why and not dry_run:
        raise typer.BadParameter("say why: it is recorded", param_hint="--why")
    if (refusal := _elsewhere(site)) is not None:
        return failed(refusal)
    if as_new:
        return _as_new(site, why or "", dry_run=dry_run, yes=yes)
    if PROVISIONING_KEY not in site.snapshot().secrets:
        return failed(
            f"this database has no {PROVISIONING_KEY}, so no machine lets us in. Restore a backup of the database that "
            "has it, or have the daemon act on this one as it is: --as-new"
        )
    observed, found = _look(site, address or [], Which(tuple(what or ()), fleet))
    if not dry_run:
        found = [carry_out(site, observed, one, who=who(), why=why or "") for one in found]
        if observed.observing is not None and not what:
            _settle(site, why or "", as_new=False, ground=Ground(tuple(found), fleet))
        elif observed.observing is not None:
            note('The daemon still only looks: "reconciler adopt" without a name asks all, and ends that.')
    print_rows([_row(one) for one in found], _COLUMNS, format, nothing="There is no machine to ask.")
    warn_if_no_daemon(site) if dry_run else tell_who_heard(site)
    return 0


_COLUMNS = {"serial": "machine", "becomes": "becomes", "because": "because"}


def _row(one: "Outcome") -> "AdoptedRow":
    return {"serial": one.serial, "hostname": one.hostname, "becomes": one.becomes, "because": one.because}


def _elsewhere(site: "Site") -> str | None:
    """Why this host's state folder is not the one that counts."""
    import socket

    holder = site.kept.acting(site.now()) if site.kept else None
    if holder is None or holder.rpartition(":")[0] == socket.gethostname():
        return None
    return f"the daemon {holder} acts on this database: run this on its host, where its state folder is"


def _as_new(site: "Site", why: str, *, dry_run: bool, yes: bool) -> int:
    """Have the database count as right, where that is meant. The exit status."""
    if dry_run:
        raise typer.BadParameter("--as-new asks no machine, so --dry-run has nothing to tell", param_hint="--dry-run")
    doubt = site.observe().observing
    if doubt is None:
        return failed("nothing is in doubt: the database is as new as the state folder remembers")
    note(doubt)
    if not yes and not (sys.stdin.isatty() and typer.confirm("Act on this database as it is?")):
        return failed("nothing was changed: say --yes if you mean it")
    _settle(site, why, as_new=True)
    tell_who_heard(site)
    return 0


def _settle(site: "Site", why: str, *, as_new: bool, ground: "Ground | None" = None) -> None:
    from ..app.adopting import NO_GROUND, settle

    settle(site, as_new=as_new, who=who(), why=why, ground=ground or NO_GROUND)
    note("Database and state folder agree. What is to be done is done from here on.")


def _look(site: "Site", besides: list[str], which: "Which") -> "tuple[Observation, Sequence[Outcome]]":
    """What the machines say, and what becomes of them."""
    import asyncio
    from functools import partial

    from ..app import adopting
    from ..app.directory import StoredDirectory, client_key
    from ..execution.drivers.host_keys import FileHostKeys
    from ..execution.drivers.ssh import SshDial, SshShells, SshTimings

    tree = site.specs.tree()
    patience = SshTimings(connect=_CONNECT_SECONDS, login=_CONNECT_SECONDS)
    shells = SshShells(
        SshDial(partial(client_key, site.store), site.config.ssh_port, patience),
        FileHostKeys(site.config.state / "host-keys.jsonl"),
        StoredDirectory(site.store, lambda: tree, site.config.bmc_port),
        site.now,
    )
    return asyncio.run(adopting.look(site, tree, shells, besides, which))
