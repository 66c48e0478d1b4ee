"""Commands that stay: ``run`` and ``demo``."""

from pathlib import Path
from typing import Annotated

import typer

from .options import enable_gc, open_site, who


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=_RUN)(run)
    app.command(epilog=_DEMO)(demo)


_RUN = """\b
Examples:
  reconciler run
  reconciler run --paused    (the first time: look at "plan" before "resume")
"""


def run(
    context: typer.Context,
    listen: Annotated[
        str | None, typer.Option(metavar="ADDRESS:PORT", help="Where to serve HTTP. [env: RECONCILER_LISTEN]")
    ] = None,
    paused: Annotated[
        bool, typer.Option("--paused", help='Begin with the fleet paused; "reconciler resume" ends it.')
    ] = False,
) -> int:
    """Run the daemon and its HTTP server.

    It follows the specs, brings machines to what they say, and answers machines, Puppet and operators. SIGTERM ends it
    in order: what runs is finished or written down. Of several daemons on one database one acts, and the others stand
    by.
    """
    import uvloop

    from ..app import logs
    from ..app.config import ConfigError, parse_listen
    from ..app.daemon import serve
    from ..app.heap import allow_many_files, limit_arenas
    from ..model.machine import Pause

    enable_gc()
    limit_arenas()
    allow_many_files()
    site = open_site(context, makes_database=True)
    if listen is not None:
        try:
            site = site.with_listen(parse_listen(listen))
        except ConfigError as error:
            raise typer.BadParameter(str(error), param_hint="--listen") from None
    logs.configure()
    if paused:
        site.store.pause(Pause("fleet", who(), "reconciler run --paused", site.now()))
    return uvloop.run(serve(site))


_DEMO = """\b
Example:
  reconciler demo --port 8081
"""


def demo(
    directory: Annotated[
        Path | None, typer.Option("--directory", metavar="DIR", help="Where all of it lies. Default: var/demo.")
    ] = None,
    specs: Annotated[
        Path, typer.Option("--specs", metavar="DIR", help="The tree that the demo's repository is made from.")
    ] = Path("cluster-specs"),
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="The dashboard's port. 0: any free one.")
    ] = 8080,
    once: Annotated[bool, typer.Option("--once", help="End when all servers are in service.")] = False,
) -> int:
    """Show it all on this machine, with simulated servers.

    Twelve servers, a git repository of specs, the daemon and its dashboard, until Ctrl-C. Needs no root.
    """
    import asyncio

    from ..simulator.demo import run_demo

    enable_gc()
    return asyncio.run(run_demo(directory, specs, port, once=once))
