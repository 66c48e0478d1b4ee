"""Commands about what would be done, and doing it once: ``plan``, ``observe``, ``apply``."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .options import (
    Format,
    FormatOption,
    ObservedOption,
    ServerOption,
    TokenOption,
    enable_gc,
    failed,
    note,
    observation_text,
    open_site,
    open_to_read,
    tell_where,
    warn_if_no_daemon,
)


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


EXIT_CHANGES = 2


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=_PLAN)(plan)
    app.command(epilog=_OBSERVE)(observe)
    app.command()(apply)
    app.command(epilog=_EXPLAIN_REASON)(explain_reason)


_PLAN = """\b
Examples:
  reconciler plan
  reconciler plan 2S2JGM2
  reconciler plan -l cluster=cl1,role=compute
  reconciler --specs my-branch/cluster-specs plan
  reconciler --specs my-branch/cluster-specs plan --base
  reconciler --specs cluster-specs plan --base origin/main
  reconciler --specs cluster-specs plan --observed fleet.json \\
      --detailed-exitcode --format markdown
"""


def plan(
    context: typer.Context,
    machines: Annotated[
        list[str] | None, typer.Argument(metavar="MACHINE", help="Only these; else all. A serial or a hostname.")
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select", "-l", metavar="KEY=NAME,...", help='Only these: "cluster=cl1,role=compute". May be repeated.'
        ),
    ] = None,
    format: Annotated[PlanFormat, typer.Option("--format", help="markdown: for a pull request.")] = PlanFormat.TEXT,
    observed: ObservedOption = None,
    server: ServerOption = None,
    token: TokenOption = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="[COMMIT]",
            help="Only what these specs change against a commit; without a value: against the one in force.",
        ),
    ] = None,
    detailed_exitcode: Annotated[
        bool,
        typer.Option(
            "--detailed-exitcode",
            help='Exit 2 when anything is to be done, waits for anything, is orphaned or short of machines; 0: "No '
            'changes." Spare machines that wait for a free slot are no change.',
        ),
    ] = False,
) -> int:
    """Say what the daemon would do now, and why.

    It changes nothing. With other specs than the daemon's (--specs) it says first which rules they loosen, marks (*)
    the machines whose step is theirs, and says which Puppet parameters would change. The plan is always made for all
    machines. With some named or selected, or with a base, it tells, and exits, by what is shown.
    """
    from ..app.plans import UnknownBaseError, planned
    from ..planning.against import only_the_change
    from ..render import plan as render

    try:
        part = render.part_of(machines or (), select or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--select") from None
    text = observation_text(observed, server, token)
    site = open_site(context) if text is not None else open_to_read(context, tells=format is PlanFormat.TEXT)
    try:
        todo, _ = planned(site, text, base)
    except UnknownBaseError as error:
        raise typer.BadParameter(str(error.args[0]), param_hint="--base") from None
    if machines or select:
        try:
            todo = render.only(todo, part)
        except LookupError as error:
            return failed(f"{error.args[0]}: see reconciler machines")
    if base is not None:
        todo = only_the_change(todo)
    match format:
        case PlanFormat.JSON:
            print(json.dumps(render.plan_json(todo), indent=1))
        case PlanFormat.MARKDOWN:
            print(render.plan_markdown(todo), end="")
        case PlanFormat.TEXT:
            print(render.plan_text(todo), end="")
            if text is None:
                warn_if_no_daemon(site)
    return EXIT_CHANGES if detailed_exitcode and not todo.is_quiet else 0


_OBSERVE = """\b
Examples:
  reconciler observe --output fleet.json
  reconciler --specs cluster-specs plan --observed fleet.json
"""


def observe(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: standard output.")] = None,
) -> None:
    """Write down all that "plan" needs to know, without secrets.

    For a plan in CI, and to replay an incident later. A running daemon answers /v1/observation with it.
    """
    from ..app.plans import planned
    from ..render.observation import dump_observation

    _, observation = planned(open_to_read(context, tells=False))
    text = dump_observation(observation)
    if output is None:
        print(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
        note(f"Wrote {len(observation.machines)} machines to {output}.")


def apply(
    context: typer.Context,
    timeout: Annotated[
        str, typer.Option(metavar="TIME", help='Give up after this long: "90s", "15m", or seconds without a unit.')
    ] = "1h",
) -> int:
    """Act until every remaining step is a wait.

    It waits for no machine: a step that needs a report or an approval is left to a later call. It exits 1 when the
    time is over first, when the newest specs have errors, and while nothing may be begun. Where a daemon runs, there
    is nothing to apply: the daemon acts by itself.
    """
    import asyncio

    from ..app.daemon import converge

    seconds = _seconds(timeout)
    site = open_site(context, makes_database=context.obj.database is not None)
    if site.kept is not None and (holder := site.kept.acting(site.now())) is not None:
        return failed(f"a daemon ({holder}) acts on this database already, and does what is to be done by itself")
    if site.kept is not None:
        tell_where(site)
    enable_gc()
    return asyncio.run(converge(site, seconds))


def _seconds(text: str) -> float:
    from ..model.units import parse_duration

    try:
        seconds = parse_duration(f"{text}s" if text.isdigit() else text).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None
    if seconds <= 0:
        raise typer.BadParameter("it must be more than nothing", param_hint="--timeout")
    return seconds


_EXPLAIN_REASON = """\b
Example:
  reconciler explain-reason foreign-data
"""


def explain_reason(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="As in a plan's JSON or a metric. Default: all of them.")
    ] = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Say what a step's reason means, and what ends it.

    docs/reasons.md has them all on one page.
    """
    from difflib import get_close_matches

    from ..model.reasons import Reason
    from ..render.json_text import plain
    from ..render.reasons import reason_row, reason_text
    from ..render.rows import ReasonRow

    if name is not None and name not in list(Reason):
        close = get_close_matches(name, list(Reason), n=1)
        hint = f'; did you mean "{close[0]}"?' if close else "; without a name all are listed"
        raise typer.BadParameter(f'there is no reason "{name}"{hint}', param_hint="NAME")
    wanted = list(Reason) if name is None else [Reason(name)]
    if format is Format.JSON:
        rows = plain(list[ReasonRow], [reason_row(reason) for reason in wanted])
        print(json.dumps(rows if name is None else rows[0], indent=1))
    else:
        print("\n".join(f"{reason}\n{reason_text(reason)}" for reason in wanted), end="")
