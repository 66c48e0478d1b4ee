"""Every page for people is complete: in the table, with template, route, navigation and a test."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.routing import APIRoute

from reconciler.model.machine import InstallStatus
from reconciler.server.dashboard import router
from reconciler.server.page_cache import HERE
from reconciler.server.page_table import API, FLEET, MACHINE, NAVIGATION, PAGES, PageEntry

from .conftest import Client
from .worlds import LOOPBACK, World

TEMPLATES = HERE / "templates"
ROUTES = {route.path for route in router.routes if isinstance(route, APIRoute)}
NO_PAGES = {"/openapi.json"}

SHOWN: dict[PageEntry, tuple[str, tuple[str, ...]]] = {
    FLEET: ("/", ("12 machines - reconciler", "Needs a human", "4 compute", "no free machine matches",
                  "(to-be-installed)")),
    MACHINE: (
        "/machines/2S2JG007",
        ("cl1-compute-7.example.com - reconciler", "<h2>Assignment</h2>", "<dt>reported status</dt><dd>installing</dd>",
         "<dt>side-task error</dt><dd>hook dns: no answer</dd>", "<dt>reason of its step</dt>",
         "no report within 20 minutes of power-on"),
    ),
    API: (
        "/docs",
        ("API - reconciler", "GET /v1/machines/{serial}", '<a href="#Machine">Machine</a>', 'id="MachineRow"',
         "its management address, or where it last called from"),
    ),
}  # fmt: skip
"""The test of each page: what to ask, and what it must say. ``test_dashboard`` opens the fleet in a browser, too."""


def lacks(page: PageEntry) -> Iterator[str]:
    """What a page lacks, in sentences."""
    template = TEMPLATES / page.template
    if not template.exists():
        yield f"{page.path} has no template: templates/{page.template} does not exist"
    elif not template.read_text().startswith('{% extends "base.html" %}'):
        yield f"{page.path} repeats what every page has: templates/{page.template} does not extend base.html"
    if page.path not in ROUTES:
        yield f"{page.path} has no route: server/dashboard.py answers {', '.join(sorted(ROUTES))}"
    if page.entry not in NAVIGATION:
        yield f'{page.path} stands under "{page.entry}", which the navigation does not have'
    if page not in SHOWN:
        yield f"{page.path} has no test: SHOWN in tests/server/test_pages.py does not say what it shows"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_page_has_a_template_a_route_a_navigation_entry_and_a_test(page: PageEntry) -> None:
    assert list(lacks(page)) == []


def test_what_a_new_page_lacks_is_named() -> None:
    assert [sentence.partition(":")[0] for sentence in lacks(PageEntry("/rings", "rings.html", "Rings"))] == [
        "/rings has no template",
        "/rings has no route",
        '/rings stands under "Rings", which the navigation does not have',
        "/rings has no test",
    ]


def test_every_template_and_every_route_is_a_page_of_the_table() -> None:
    assert {path.name for path in TEMPLATES.iterdir()} == {page.template for page in PAGES} | {"base.html"}
    assert {page.path for page in PAGES} == ROUTES - NO_PAGES
    assert set(NAVIGATION.values()) <= {page.path for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
async def test_a_page_says_what_it_should_and_where_to_go_from_there(
    world: World, client: Client, page: PageEntry
) -> None:
    said = {"status": InstallStatus.INSTALLING, "aside_error": "hook dns: no answer"}
    world.view = replace(world.view, machines=tuple(replace(row, **said) for row in world.view.machines))
    asked, words = SHOWN[page]
    html = (await client(LOOPBACK).get(asked)).text
    assert [word for word in words if word not in html] == []
    assert html.count("<head>") == html.count("<h1>") == html.count('<main id="main">') == 1
    links = dict(re.findall(r'<li><a href="([^"]*)"(?: aria-current="(?:page|true)")?>([^<]*)</a></li>', html))
    assert links == {path: entry for entry, path in NAVIGATION.items()}
    here = re.findall(r'aria-current="(page|true)">([^<]*)<', html)
    assert here == [("page" if asked in NAVIGATION.values() else "true", page.entry)]
