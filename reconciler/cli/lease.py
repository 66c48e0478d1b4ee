"""``lease break``: another daemon's lease is ended, where that daemon is dead and nobody wants to wait."""

import typer

from .options import WhyOption, failed, note, open_to_decide, tell_who_heard, who


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
    group.callback()(lease)
    group.command("break")(break_)
    app.add_typer(group, name="lease")


def lease(context: typer.Context) -> None:
    """End the lease of a daemon that died."""
    del context


def break_(context: typer.Context, why: WhyOption) -> int:
    """Let another daemon take over at once from one that is dead.

    A daemon that gives no sign of life is taken over from by itself, within a lease's length. This command looks for
    half as long whether there is any sign, and refuses where there is: stop a daemon that lives where it runs.
    """
    from ..execution import seam

    site = open_to_decide(context)
    before = site.store.held_lease()
    if before is None:
        return failed("no daemon has the lease: the next one that runs takes it")
    seam.rest(site.config.lease.total_seconds() / 2)
    if (now := site.store.held_lease()) is not None and now != before:
        return failed(f"the daemon {now.holder} lives, and acts on this database: stop it where it runs")
    holder = site.store.break_lease(who=who(), why=why, at=site.now())
    note(f"The lease of {holder} is broken: a daemon that stands by takes over now.")
    tell_who_heard(site)
    return 0
