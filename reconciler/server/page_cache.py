"""Views made into JSON and HTML, each once per view, and then served from memory until something changed."""

import zlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from ..model.units import render_size
from ..render.fleet import FleetView
from ..render.json_text import json_bytes
from ..render.machines import machine_page, machine_row
from ..render.racks import draw_racks, group_waits, natural, unracked
from ..render.rows import MachinePage, MachineSummary, Tone
from .page_table import FLEET, NAVIGATION, PageEntry
from .ports import Served

_NEED_A_HUMAN = (Tone.TROUBLE, Tone.ASKS)

HERE = Path(__file__).parent

GLYPHS = {
    Tone.TROUBLE: "✕",
    Tone.ASKS: "?",
    Tone.BUSY: "▶",
    Tone.WAITING: "…",
    Tone.ORPHANED: "◌",
    Tone.SETTLED: "✓",
}
LABELS = {
    Tone.TROUBLE: "in trouble",
    Tone.ASKS: "asking for approval",
    Tone.BUSY: "being worked on",
    Tone.WAITING: "waiting",
    Tone.ORPHANED: "orphaned",
    Tone.SETTLED: "settled",
}
MARKS = {
    tone: Markup('<span class="mark" aria-hidden="true">{}</span><span class="aloud">{}: </span>').format(
        GLYPHS[tone], LABELS[tone]
    )
    for tone in Tone
}
"""Glyph, and label for who hears the page. Made once: as a macro of the template they took a tenth of its time."""


@dataclass(frozen=True)
class Page:
    """One view, rendered when first asked for, and kept compressed: ten thousand machines are 20 MB of text."""

    view: FleetView

    @cached_property
    def _content(self) -> tuple[str, bytes]:
        """Digest and deflated JSON of the view without its time, which changes with every pass."""
        text = json_bytes(FleetView, self.view, without=frozenset({"generated_at"}))
        return sha256(text).hexdigest(), zlib.compress(text, 1)

    @property
    def etag(self) -> str:
        """Equal for as long as the view shows the same."""
        return f'"{self._content[0][:20]}"'

    @property
    def generated_at(self) -> str:
        """When the daemon last looked, RFC 3339."""
        return self.view.generated_at.isoformat()

    @property
    def json(self) -> bytes:
        """For ``/v1/fleet``."""
        return b'{"generated_at":"%b",%b' % (self.generated_at.encode(), zlib.decompress(self._content[1])[1:])

    @property
    def html(self) -> bytes:
        """The dashboard."""
        return zlib.decompress(self._html)

    @cached_property
    def _html(self) -> bytes:
        """The dashboard's page, compressed for zlib's window as it is rendered: the whole text is never in memory."""
        view = self.view
        written = _environment.get_template(FLEET.template).stream(
            here=FLEET,
            view=view,
            racks=draw_racks(view.machines),
            unracked=unracked(view.machines),
            waits=group_waits(view.machines),
            troubled=sorted((row for row in view.machines if row.tone in _NEED_A_HUMAN), key=_worst_first),
            busy=[row for row in view.machines if row.tone is Tone.BUSY],
            names={row.serial: row.name for row in view.machines},
            etag=self.etag,
        )
        written.enable_buffering(1000)
        packer = zlib.compressobj(1)
        return b"".join([*(packer.compress(text.encode()) for text in written), packer.flush()])


class Pages:
    """The page of the newest view."""

    def __init__(self) -> None:
        self._page: Page | None = None

    def of(self, view: FleetView) -> Page:
        """The page of ``view``, the last one again if it shows the very same object."""
        if self._page is None or self._page.view is not view:
            self._page = Page(view)
        return self._page


def machine_page_of(served: Served, serial: str) -> MachinePage | None:
    """One machine whole, as of now; None: there is none of that serial."""
    view, observed = served.fleet(), served.observation()
    summary = next((one for one in view.machines if one.serial == serial), None)
    known = next((found for found in observed.machines if found.serial == serial), None) if observed else None
    if summary is None or known is None or observed is None:
        return None
    events = [event for event in reversed(view.events) if event.serial == serial]
    row = machine_row(summary, known, served.gates().get(serial, ()))
    return machine_page(row, known, events, observed)


def render(page: PageEntry, **values: Any) -> bytes:
    """A page, with everything in ``values`` escaped."""
    return _environment.get_template(page.template).render(values, here=page).encode()


def _worst_first(row: MachineSummary) -> tuple[object, ...]:
    return _NEED_A_HUMAN.index(row.tone), -row.failures, natural(row.name)


def _clock_text(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "never"


_environment = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "clock": _clock_text,
    "size": render_size,
    "glyph": GLYPHS.__getitem__,
    "label": LABELS.__getitem__,
    "mark": MARKS.__getitem__,
}
_environment.globals |= {"TONES": tuple(Tone), "NAVIGATION": NAVIGATION}
