"""``rehearse``: many simulated histories of the operator's own fleet, under specs that are to come."""

import json
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import (
    Format,
    FormatOption,
    ObservedOption,
    ServerOption,
    TokenOption,
    enable_gc,
    note,
    observation_text,
    open_site,
    open_to_read,
)

if TYPE_CHECKING:
    from ..app.site import Site
    from ..model.machine import Observation
    from ..model.rehearsal import LivedHistory
    from ..simulator.rehearsal import Rehearsal

_DOSE = 0.5
"""How much of a fault there is, where nobody says."""


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=_REHEARSE)(rehearse)


_REHEARSE = """\b
Examples:
  reconciler --specs my-branch/cluster-specs rehearse --seeds 200
  reconciler observe --output fleet.json
  reconciler --specs my-branch/cluster-specs rehearse --observed fleet.json

\b
Not simulated: Puppet and the services that it makes (a run succeeds or does
not, and services are up or down), the time that data takes to move, nodes'
disks filling up, renewals of certificates, signed approvals, hooks (they are
told, and always succeed). docs/simulation.md has the list, and what may
happen to the fleet.
"""


def rehearse(
    context: typer.Context,
    seeds: Annotated[int, typer.Option(min=0, metavar="N", help="Histories in which things go wrong.")] = 20,
    from_seed: Annotated[int, typer.Option(min=0, metavar="SEED", help="The first of them.")] = 0,
    processes: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Histories at once. Default: as many as there are processors."),
    ] = None,
    observed: ObservedOption = None,
    server: ServerOption = None,
    token: TokenOption = None,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write down what was observed, so that a replay begins with the same."),
    ] = None,
    base: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The specs in force, where no repository has their commit.")
    ] = None,
    cluster: Annotated[
        list[str] | None, typer.Option("--cluster", metavar="NAME", help="Rehearse this cluster only. May be repeated.")
    ] = None,
    most: Annotated[
        int, typer.Option(min=1, metavar="N", help="Of more machines than this, only clusters that the change touches.")
    ] = 60,
    faults: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help='What goes wrong, such as "kills,buttons=0.2". Default: each seed draws it.'
        ),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write down all that happens in one history: with --seeds 1, or 0."),
    ] = None,
    format: FormatOption = Format.TEXT,
) -> int:
    """Live through a change many times, on a simulated fleet.

    That begins as yours was observed: your machines in their phases, under the specs in force. Then your
    specs are committed, and the real daemon acts: once while nothing goes wrong, and then N times while other things
    go wrong each time. Nothing of yours is touched; passwords, keys and certificates are stand-ins.

    It exits 1 when a history breaks a rule or does not come to rest, and when the reconciler has a part in the loss of
    a quorum.
    """
    from ..app.rehearsed import WantedRehearsal, rehearsable
    from ..render.json_text import plain
    from ..render.rehearsal import is_good, rehearsal_row, rehearsal_text
    from ..render.rows import RehearsalRow
    from ..simulator.rehearsal import rehearsal_of

    if trace is not None and seeds > 1:
        raise typer.BadParameter("it is written of one history: give --seeds 1, or 0", param_hint="--trace")
    doses = _doses(faults) if faults is not None else None
    enable_gc()
    site, observation = _observed(context, observation_text(observed, server, token), tells=format is Format.TEXT)
    if keep is not None:
        _keep(observation, keep)
    given = rehearsable(site, WantedRehearsal(observation, most, base, tuple(cluster or ())))
    with rehearsal_of(given) as rehearsal:
        chosen = range(from_seed, from_seed + seeds)
        calm, faulty = _AskedHistories(chosen, doses, processes, format is Format.TEXT, trace).live(rehearsal)
        part = replace(given.part, waiting=rehearsal.waiting, otherwise=rehearsal.otherwise)
    begins = keep or (None if observed == Path("-") else observed)
    row = rehearsal_row(part, calm, faulty, _ReplayCommand(context, begins))
    if format is Format.JSON:
        print(json.dumps(plain(RehearsalRow, row), indent=1))
    else:
        print(rehearsal_text(row), end="")
        if row.bad and begins is None:
            note("The fleet goes on meanwhile: a replay is exact where --keep has kept what histories began with.")
    return 0 if is_good(row) else 1


def _observed(context: typer.Context, text: str | None, *, tells: bool) -> "tuple[Site, Observation]":
    """The site, and what was observed of its fleet; of no file or daemon, it is what the database has."""
    from ..app.plans import planned
    from ..render.observation import load_observation

    if text is not None:
        return open_site(context), load_observation(text)
    site = open_to_read(context, tells=tells)
    return site, planned(site)[1]


def _keep(observation: "Observation", file: Path) -> None:
    from ..render.observation import dump_observation

    file.write_text(f"{dump_observation(observation)}\n", encoding="utf-8")


def _doses(text: str) -> Mapping[str, float]:
    """How much of each fault, of ``kills,buttons=0.2``.

    Raises:
        typer.BadParameter: There is no such fault, or not so much of it.
    """
    from ..simulator.rehearsal import FAULT_NAMES

    found = {}
    for word in filter(None, text.split(",")):
        name, _, dose = word.partition("=")
        if name not in FAULT_NAMES:
            raise typer.BadParameter(f'there is no fault "{name}", but {", ".join(FAULT_NAMES)}', param_hint="--faults")
        if not re.fullmatch(r"(0?\.\d*[1-9]\d*|1(\.0*)?|)", dose):
            raise typer.BadParameter(f'"{dose}" is not more than 0 and at most 1', param_hint="--faults")
        found[name] = float(dose or _DOSE)
    return found


@dataclass(frozen=True)
class _AskedHistories:
    """The histories that are asked for."""

    seeds: range
    doses: Mapping[str, float] | None  # None: as each seed draws them
    processes: int | None
    tells: bool  # how far it has come
    trace: Path | None

    def live(self, rehearsal: "Rehearsal") -> "tuple[LivedHistory, Sequence[LivedHistory]]":
        """The calm history, and those in which things go wrong."""
        from ..execution.seam import steady
        from ..simulator.rehearsal import processors

        began, count = steady(), len(self.seeds)
        calm, happened = rehearsal.live(self.seeds.start, {})
        at_once = min(self.processes or processors(), max(count, 1))
        if self.tells and count > 1:
            took = steady() - began
            note(f"The calm history took {took:.0f} s; {count} more follow, {at_once} at once.")
        if self.trace is None:
            return calm, list(self._telling(rehearsal.live_all(self.seeds, self.doses, at_once)))
        faulty = []
        for seed in self.seeds:
            lived, happened = rehearsal.live(seed, self.doses)
            faulty.append(lived)
        self.trace.write_text("".join(f"{line}\n" for line in happened), encoding="utf-8")
        return calm, faulty

    def _telling(self, lived: "Iterable[LivedHistory]") -> "Iterator[LivedHistory]":
        """The histories; somebody at a terminal sees how many there are so far."""
        on_terminal = self.tells and sys.stderr.isatty()
        for number, one in enumerate(lived, 1):
            if on_terminal:
                print(f"\r{number} of {len(self.seeds)}", end="", file=sys.stderr, flush=True)
            yield one
        if on_terminal and self.seeds:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class _ReplayCommand:
    """Names the command that lives through a history again. Implements ``render.rehearsal.NameReplay``."""

    context: typer.Context
    observed: Path | None  # what histories begin with, where it is in a file

    def __call__(self, lived: "LivedHistory") -> str:
        given, here = self.context.obj, self.context.params
        before = {"--config": given.config, "--database": given.database, "--specs": given.specs}
        after = {
            "--observed": self.observed,
            "--server": None if self.observed else here["server"],
            "--base": here["base"],
            "--most": here["most"],
            "--faults": here["faults"],
            "--from-seed": lived.seed,
            "--seeds": 1 if lived.faults else 0,
            "--trace": f"seed-{lived.seed}.txt",
        }
        clusters = [word for name in here["cluster"] or () for word in ("--cluster", name)]
        return shlex.join(["reconciler", *_words(before), "rehearse", *_words(after), *clusters])


def _words(options: Mapping[str, object]) -> list[str]:
    return [word for name, value in options.items() if value is not None for word in (name, str(value))]
