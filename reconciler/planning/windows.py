"""Recurring windows: when one is open, and when it opens next."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from ..model.action_base import Risk
from ..model.kinds import Window
from ..model.kinds.fleet import DAYS


def closed_until(windows: Iterable[Window], risk: Risk, now: datetime) -> datetime | None:
    """When a step of this risk may run next; None: it may run now. Without a window for the risk it always may."""
    concerned = [window for window in windows if risk.value in window.for_]
    if not concerned:
        return None
    opens = min(_opens(window, now) for window in concerned)
    return None if opens <= now else opens


def _opens(window: Window, now: datetime) -> datetime:
    """``now`` or earlier while the window is open, else when it opens next. Both in UTC's terms."""
    days, _, hours = window.allow.partition(" ")
    first, _, last = days.partition("-")
    begin, _, end = hours.partition("-")
    allowed = _days(DAYS.index(first), DAYS.index(last or first))
    local = now.astimezone(ZoneInfo(window.timezone))
    today = local.date()
    for ahead in range(-1, 9):  # yesterday's window may last past midnight; a week later it comes again
        day = today + timedelta(days=ahead)
        if day.weekday() in allowed:
            opens = datetime.combine(day, time.fromisoformat(begin), local.tzinfo)
            closes = datetime.combine(day + timedelta(days=end <= begin), time(), local.tzinfo) + _since_midnight(end)
            if now < closes:
                return opens.astimezone(now.tzinfo)
    raise AssertionError("a weekly window opens within nine days")


def _days(first: int, last: int) -> set[int]:
    """Weekdays from first to last, over the week's end where need be."""
    return {(first + step) % 7 for step in range((last - first) % 7 + 1)}


def _since_midnight(clock: str) -> timedelta:
    hours, _, minutes = clock.partition(":")
    return timedelta(hours=int(hours), minutes=int(minutes))
