"""``RunPuppet`` and ``RollOut``: Puppet's last run on the node was good, and had the document that the node is given.

The node is reached at the address that it was given: nobody's word moves that. It runs Puppet by itself too, at its
first boot and then by its agent's timer. So each looks first how the last run went, and runs Puppet only where that
does not do. When a run began is what tells which document it had.
"""

from datetime import UTC, datetime, timedelta

from ...model.actions import RollOut, RunPuppet
from ...model.errors import TemporaryError
from ...model.units import counted
from ...provisioning import commands, puppet_runs
from ..ports import Shell
from ..seam import offload
from .context import Tools, last_seen, run_checked
from .node import open_node
from .services import note_services

SLACK = timedelta(seconds=30)
"""A run that is read of may have begun so much earlier than we make out: its summary and clocks count whole seconds,
and the Puppet server may have asked for the document a little before it was handed over."""


async def run_puppet(tools: Tools, action: RunPuppet) -> None:
    """Puppet's last run on this node was good, and its services were asked how they are.

    With ``again`` that run is one of now.
    """
    await last_seen(tools, action)
    shell = await open_node(tools, action.serial, action.hostname)
    try:
        await shell.run(puppet_runs.BEGIN_FIRST_BOOT, timeout=tools.options.answer)  # one that cannot is done without
        runs = await _first_boot(tools, shell, action)
        if not action.again and (when := await caught_up(tools, shell)) is not None:
            await _note(tools, action.serial, when)
        else:
            await _run_after(runs, tools, shell, action.serial)
        await note_services(tools, shell, action.serial)
    finally:
        await shell.close()


async def _run_after(runs: int, tools: Tools, shell: Shell, serial: str) -> None:
    """Run Puppet, which failed so often at the first boot."""
    try:
        await _run(tools, shell, serial)
    except TemporaryError as error:
        before = f"Puppet failed {runs} times at its first boot; then " if runs else ""
        raise TemporaryError(f"{before}{error}") from error


async def _first_boot(tools: Tools, shell: Shell, action: RunPuppet) -> int:
    """Wait until the first boot runs Puppet no more; how often it did."""
    until = tools.time.now() + timedelta(seconds=tools.options.puppet)
    while True:
        said = (await shell.run(puppet_runs.READ_FIRST_RUNS, timeout=tools.options.answer)).stdout
        try:
            runs, going_on = puppet_runs.parse_first_runs(said)
        except ValueError:
            return 0
        if not going_on:
            return runs
        if tools.time.now() >= until:
            raise TemporaryError(f"its first boot still runs Puppet, for the {runs}. time")
        tools.progress(action.serial, f"its first boot runs Puppet: run {runs} of {puppet_runs.FIRST_RUNS}")
        await tools.time.sleep(tools.options.poll)


async def roll_out(tools: Tools, action: RollOut) -> None:
    """A good Puppet run began on this node after the last one that we knew of.

    Whether its document is the newest, the next plan knows: it may have changed meanwhile.
    """
    seen = await last_seen(tools, action)
    shell = await open_node(tools, action.serial, action.hostname)
    try:
        when = await caught_up(tools, shell)
        if when is not None and (seen.last_puppet_began is None or when > seen.last_puppet_began + SLACK):
            await _note(tools, action.serial, when)
        else:
            await _run(tools, shell, action.serial)
        await note_services(tools, shell, action.serial)
    finally:
        await shell.close()


async def _run(tools: Tools, shell: Shell, serial: str) -> None:
    """Puppet ran just now, and its own summary says that the run was good.

    Raises:
        TemporaryError: It was not, or it was ended from outside: then the summary is an earlier run's.
    """
    tools.progress(serial, "running Puppet")
    when = tools.time.now()
    ran = await shell.run(puppet_runs.RUN_PUPPET, timeout=tools.options.puppet)
    if ran.status not in puppet_runs.PUPPET_GOOD:
        said = ran.stderr.strip() or ran.stdout.strip()
        raise TemporaryError(f"the Puppet run ended with {ran.status}: {said[-500:] or 'it said nothing'}")
    last = await last_run(tools, shell)
    if last is not None and last.noop and not last.good:
        undone = counted(last.noop, "change")
        raise TemporaryError(
            f"Puppet ran in noop mode and left {undone} undone: take noop out of the node's puppet.conf"
        )
    if last is None or not last.good:
        raise TemporaryError("the Puppet run ended well, but its summary does not say so")
    since = await _began(tools, shell, last)
    if since is None or since + 2 * SLACK < when:  # a run that SIGTERM ends writes none, and may end with 0
        raise TemporaryError("the Puppet run was ended from outside: the summary that is there is of an earlier one")
    await _note(tools, serial, when)


async def _note(tools: Tools, serial: str, when: datetime) -> None:
    await offload(tools.records.puppet_ran, serial, when, tools.time.now())


async def caught_up(tools: Tools, shell: Shell) -> datetime | None:
    """When the document was asked for that the node applied last, or before; None: its last run proves nothing.

    The run may be anybody's. One that fell back to the catalog in its cache, as the Puppet server was away or refused,
    has a document as old as that catalog. One with tags applied a part of it only.
    """
    last = await last_run(tools, shell)
    if last is None or not last.good or last.skipped or last.compiled is None:
        return None
    when = await _began(tools, shell, last)
    return min(when, last.compiled - SLACK) if when is not None else None


async def last_run(tools: Tools, shell: Shell) -> puppet_runs.LastRun | None:
    """Puppet's last run on the node; None: it never ran there, or writes its summary just now."""
    ran = await shell.run(puppet_runs.READ_LAST_RUN, timeout=tools.options.answer)
    if ran.status != 0:
        return None
    try:
        return puppet_runs.parse_last_run(ran.stdout)
    except ValueError:
        return None


async def _began(tools: Tools, shell: Shell, last: puppet_runs.LastRun) -> datetime | None:
    """When the run asked for its document, or a little before, by our clock; None: its summary does not tell."""
    if last.began is None:
        return None
    before = tools.time.now()
    there = await run_checked(shell, commands.READ_CLOCK, tools.options.answer)
    try:
        ago = datetime.fromtimestamp(int(there), UTC) - last.began
    except (ValueError, OverflowError, OSError) as error:
        raise TemporaryError(f"its clock is not readable: {there[:80]!r}") from error
    return before - max(ago, timedelta()) - SLACK
