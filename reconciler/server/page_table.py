"""The pages for people: address, template, and the entry of the navigation below which each is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page. Its template extends ``base.html``, and its route in ``dashboard`` is for this very path."""

    path: str  # as a route has it
    template: str
    entry: str  # of the navigation


FLEET = PageEntry("/", "dashboard.html", "Fleet")
MACHINE = PageEntry("/machines/{serial}", "machine.html", "Fleet")
API = PageEntry("/docs", "docs.html", "API")

PAGES = (FLEET, MACHINE, API)

NAVIGATION = {"Fleet": FLEET.path, "API": API.path}
"""On every page: what is written, and where it leads."""
