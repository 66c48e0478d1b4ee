"""Results of a rehearsal: its histories summed up as a row, and that for a tired operator."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

from ..model.reasons import Reason
from ..model.rehearsal import TIMES_AS_FAST, Blame, LivedHistory, QuorumLoss, RehearsedPart
from ..model.units import counted
from .rows import BadHistoryRow, HistoriesRow, LostQuorumRow, RehearsalRow, RehearsedRow, WaitedRow
from .words import printable

FOLD_AT = 5
"""Bad histories, sentences and names are listed up to here in text."""

LONGEST = 160
"""Characters of a sentence: the JSON has it whole."""

_ENDS_IT = {
    Reason.PAUSED: "reconciler resume",
    Reason.DATABASE_IN_DOUBT: "reconciler adopt",
    Reason.RUNS_UNKNOWN_SYSTEM: "reconciler adopt",
    Reason.CONFLICT: "unplug the wrong one, then reconciler retry",
    Reason.NEVER_SEEN: "turn it on, or correct its serial",
    **dict.fromkeys((Reason.MAINTENANCE, Reason.PROTECTED, Reason.NO_SLOT_FOR_PIN), "change the specs"),
}

_BLAMES = {
    Blame.RECONCILER: "by what the reconciler turned off",
    Blame.BOTH: "as something else failed while the reconciler had one down",
    Blame.FAULTS: "by faults alone",
}

NameReplay = Callable[[LivedHistory], str]
"""The command that lives through a history again."""


def rehearsal_row(
    part: RehearsedPart, calm: LivedHistory | None, faulty: Sequence[LivedHistory], replay: NameReplay
) -> RehearsalRow:
    """The histories summed up.

    Args:
        part: What was rehearsed.
        calm: The history in which nothing goes wrong; None: it was not lived.
        faulty: Those in which something does.
        replay: Names the command for a history.
    """
    every = [*([calm] if calm else []), *sorted(faulty, key=lambda one: one.seed)]
    return RehearsalRow(
        version=1,
        rehearsed=RehearsedRow(
            observed=part.observed,
            base=part.base,
            changes=part.changes,
            machines=part.machines,
            in_service=part.in_service,
            clusters=part.clusters,
            left_out=part.left_out,
            waiting=Counter(each.reason for each in part.waiting),
            otherwise=part.otherwise,
            notes=part.notes,
        ),
        calm=_summed([calm]) if calm else None,
        faulty=_summed(faulty) if faulty else None,
        bad=tuple(_bad(one, replay) for one in every if _is_bad(one)),
    )


def _is_bad(one: LivedHistory) -> bool:
    return bool(one.broken or one.problems) or one.rested is None or _has_part(one)


def _has_part(one: LivedHistory) -> bool:
    """Whether a quorum was lost, and the reconciler had a part in that."""
    return any(loss.blame is not Blame.FAULTS for loss in one.lost)


def _summed(lived: Sequence[LivedHistory]) -> HistoriesRow:
    """Counts of these histories, and the worst of each."""
    rests = [one.rested * TIMES_AS_FAST for one in lived if one.rested is not None]
    later: Counter[Reason] = Counter()
    for one in lived:
        later |= Counter(one.later)
    return HistoriesRow(
        histories=len(lived),
        kept_every_rule=sum(not (one.broken or one.problems) and one.rested is not None for one in lived),
        lost_quorum=sum(map(_has_part, lived)),
        lost_quorum_by_faults=sum(bool(one.lost) and not _has_part(one) for one in lived),
        waited=sum(bool(one.waited) for one in lived),
        rested=len(rests),
        rest_median=median(rests) if rests else None,
        rest_worst=max(rests, default=None),
        actions=max(one.actions for one in lived),
        in_service_least=min(one.in_service for one in lived),
        in_service_most=max(one.in_service for one in lived),
        installed=max(one.installed for one in lived),
        reinstalled=dict(sorted(pair for one in lived for pair in one.reinstalled.items())),
        reinstalled_most=max(len(one.reinstalled) for one in lived),
        unasked=tuple(sorted({serial for one in lived for serial in _unasked(one)})),
        rolled_out=max(one.rolled_out for one in lived),
        taken_down=max(one.taken_down for one in lived),
        installing_at_once=max(one.most_installing for one in lived),
        down_at_once=max(one.most_down for one in lived),
        orphaned=tuple(sorted({name for one in lived for name in one.orphaned})),
        lacking=tuple(dict.fromkeys(text for one in lived for text in one.lacking)),
        later=later,
        waits=tuple(_waits(lived)),
        quorums=tuple(_quorums(lived)),
    )


def _unasked(one: LivedHistory) -> set[str]:
    """Machines whose installed system was erased, and nobody had to approve that."""
    return set(one.reinstalled) - {each.serial for each in one.waited if each.reason.about.approval is not None}


def _waits(lived: Sequence[LivedHistory]) -> Iterator[WaitedRow]:
    """The reasons for which humans were waited for, in the most histories first."""
    machines: dict[Reason, list[int]] = defaultdict(list)
    left: Counter[Reason] = Counter()
    told: dict[Reason, str] = {}
    for one in lived:
        for each in one.waited:
            told.setdefault(each.reason, f"{each.serial}: {each.text}")
        for reason, count in Counter(each.reason for each in one.waited).items():
            machines[reason].append(count)
        left.update({each.reason for each in one.waited if each.left})
    for reason, counts in sorted(machines.items(), key=lambda item: (-len(item[1]), item[0])):
        yield WaitedRow(
            reason=reason,
            ends=ends(reason),
            histories=len(counts),
            machines=max(counts),
            left=left[reason],
            example=told[reason],
        )


def ends(reason: Reason) -> str:
    """What a human does about it, in a few words."""
    if reason in _ENDS_IT:
        return _ENDS_IT[reason]
    if reason.about.approval is not None:
        return f"reconciler approve ({reason.about.approval})"
    if reason.about.retry:
        return "mend it, then reconciler retry"
    return "look at the machine" if reason.about.wants_operator else "change the specs or the hardware"


def _quorums(lived: Sequence[LivedHistory]) -> Iterator[LostQuorumRow]:
    """The quorums that were lost, those first in which the reconciler had the largest part."""
    found: dict[tuple[str, str, Blame], list[tuple[int, QuorumLoss]]] = defaultdict(list)
    for one in lived:
        for loss in one.lost:
            found[loss.cluster, loss.role, loss.blame].append((one.seed, loss))
    for (cluster, role, blame), losses in sorted(
        found.items(), key=lambda item: (list(Blame).index(item[0][2]), item[0])
    ):
        worst = min((loss for _, loss in losses), key=lambda loss: (loss.serving, -loss.members))
        yield LostQuorumRow(
            cluster=cluster,
            role=role,
            blame=blame,
            histories=len({seed for seed, _ in losses}),
            serving=worst.serving,
            members=worst.members,
        )


def _bad(one: LivedHistory, replay: NameReplay) -> BadHistoryRow:
    """What happened in a history, in its order."""
    happened = [(each.at, f"{each.what} ({each.name})") for each in one.broken]
    happened += [(loss.at, f"{loss}, {_BLAMES[loss.blame]}") for loss in one.lost if loss.blame is not Blame.FAULTS]
    told = [f"after {_duration(at * TIMES_AS_FAST)}: {what}" for at, what in sorted(happened)]
    what = (*told, *one.problems) or ("it does not come to rest",)
    return BadHistoryRow(seed=one.seed, faults=one.faults, what=what, replay=replay(one))


# ---- for people


def rehearsal_text(row: RehearsalRow) -> str:
    """All of it; what counts most stands last, where a terminal ends."""
    lines = [*_head(row.rehearsed)]
    if row.calm is not None:
        lines += ["", "If nothing goes wrong:", *_told(_calm(row.calm, row.rehearsed))]
    if row.faulty is not None:
        lines += ["", f"Of {_histories(row.faulty.histories)} in which things go wrong:", *_told(_faulty(row.faulty))]
    lines += _bad_ones(row.bad)
    return "\n".join([*lines, "", verdict(row)]) + "\n"


def verdict(row: RehearsalRow) -> str:
    """``Of 201 histories 0 broke a rule, 0 lost a quorum, 3 waited for you.``"""
    every = [each for each in (row.calm, row.faulty) if each is not None]
    count = sum(each.histories for each in every)
    broke = sum(each.histories - each.kept_every_rule for each in every)
    lost, waited = sum(each.lost_quorum for each in every), sum(each.waited for each in every)
    return f"Of {_histories(count)} {broke} broke a rule, {lost} lost a quorum, {waited} waited for you."


def is_good(row: RehearsalRow) -> bool:
    """Whether no rule was broken, all came to rest, and the reconciler had no part in the loss of a quorum."""
    return not row.bad


def _histories(count: int) -> str:
    return "1 history" if count == 1 else f"{count} histories"


def _head(part: RehearsedRow) -> Iterator[str]:
    """What was rehearsed."""
    what = "Your change" if part.changes else "The specs as they are"
    on = f" to {part.base[:12]}" if part.changes and part.base else ""
    yield (
        f"{what}{on}, on {counted(part.machines, 'machine')} of {', '.join(part.clusters) or 'no cluster'} "
        f"({part.in_service} in service), as observed at {part.observed:%Y-%m-%d %H:%M} UTC."
    )
    if part.left_out:
        yield f"Not rehearsed: {', '.join(part.left_out)}."
    if part.waiting:
        yield f"Wanting you before anything changes, and not counted below: {_reasons(part.waiting.items())}."
    if part.otherwise:
        yield "Beginning otherwise than observed:"
        yield from _some(part.otherwise)
    yield from map(printable, part.notes)


def _told(lines: Iterable[str]) -> list[str]:
    return [f"  {printable(line)}" for line in lines]


def _calm(one: HistoriesRow, part: RehearsedRow) -> Iterator[str]:
    """The history in which nothing goes wrong."""
    if one.rest_worst is None:
        yield "it does not come to rest"
    elif not one.actions:
        yield "nothing is done"
    else:
        now = f", {part.in_service} now" if part.in_service != one.in_service_most else ""
        yield f"done after {_duration(one.rest_worst)}: {counted(one.in_service_most, 'machine')} in service{now}"
    yield from _doing(one)
    if one.orphaned:
        yield f"orphaned, and left alone: {_named(one.orphaned)}"
    yield from (f"lacking: {text}" for text in one.lacking)
    if one.later:
        yield f"goes on by itself later: {_reasons(one.later.items())}"
    if not one.waits:
        yield "nothing waits for you"
    for each in one.waits:
        yield f"waits for you: {counted(each.machines, 'machine')}, {each.reason}: {each.ends}"
        yield f"  such as {_clipped(each.example)}"


def _doing(row: HistoriesRow) -> Iterator[str]:
    """What is done to machines."""
    if row.rolled_out:
        yield f"Puppet is run on {counted(row.rolled_out, 'machine')} in service"
    if row.installed:
        yield f"{counted(row.installed, 'install')}, {row.installing_at_once} at once"
    if row.reinstalled:
        names = [f"{serial} ({name})" for serial, name in row.reinstalled.items()]
        yield f"ERASES {counted(row.reinstalled_most, 'installed system')}: {_named(names)}"
    if row.unasked:
        yield f"nobody is asked before that, of {counted(len(row.unasked), 'machine')}"
    if row.taken_down:
        times = counted(row.taken_down, "time")
        yield f"{times} the reconciler turns off a machine that serves, {row.down_at_once} at once"


def _faulty(row: HistoriesRow) -> Iterator[str]:
    """The histories in which something goes wrong."""
    yield f"{row.kept_every_rule:5}  kept every rule"
    after = ""
    if row.rest_median is not None and row.rest_worst is not None:
        after = f" after {_duration(row.rest_median)} (median), {_duration(row.rest_worst)} (longest)"
    yield f"{row.rested:5}  came to rest{after}"
    yield f"{row.lost_quorum:5}  lost a quorum with the reconciler's part in it"
    yield f"{row.lost_quorum_by_faults:5}  lost a quorum by faults alone"
    for loss in row.quorums:
        served = f"{loss.serving} of {loss.members} {loss.role} machines of {loss.cluster} served"
        yield f"       {loss.histories:5}  {served}, {_BLAMES[loss.blame]}"
    yield f"{row.waited:5}  waited for you"
    width = max((len(each.reason) for each in row.waits), default=0)
    for each in row.waits:
        left = f"; in {each.left} still at the end" if each.left else ""
        machines = f" (up to {each.machines} machines)" if each.machines > 1 else ""
        yield f"       {each.histories:5}  {each.reason:{width}}  {each.ends}{machines}{left}"
    yield "The most in one of them:"
    yield from _told(list(_doing(row)) or [counted(row.actions, "action")])


def _bad_ones(bad: Sequence[BadHistoryRow]) -> Iterator[str]:
    """The first of the bad histories, each with the command that lives through it again."""
    for each in bad[:FOLD_AT]:
        faults = ", ".join(f"{name} {dose}" for name, dose in each.faults.items()) or "nothing goes wrong"
        yield from ("", f"Seed {each.seed} ({faults}):")
        yield from _some(each.what)
        yield f"  again: {each.replay}"
    if len(bad) > FOLD_AT:
        yield from ("", f"{_histories(len(bad) - FOLD_AT)} more like these: --format json has all.")


def _some(texts: Sequence[str]) -> list[str]:
    more = [f"  and {len(texts) - FOLD_AT} more"] if len(texts) > FOLD_AT else []
    return [*_told(texts[:FOLD_AT]), *more]


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:FOLD_AT]) + (f" and {len(names) - FOLD_AT} more" if len(names) > FOLD_AT else "")


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _reasons(counts: Iterable[tuple[Reason, int]]) -> str:
    return ", ".join(f"{counted(count, 'machine')} ({reason})" for reason, count in sorted(counts))


def _duration(seconds: float) -> str:
    """``2 h 05 min``."""
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
