"""The dashboard in a real browser, after its script ran."""

import asyncio
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.render.fleet import FleetView
from reconciler.server.serve import Server

from .worlds import World, fleet_of

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


async def shown(tmp_path: Path, view: FleetView, *, then: Callable[[World], None] = lambda world: None) -> str:
    """The page's DOM some polls after it was opened; ``then`` changes the world once the page has been fetched."""
    world = World(view=view)
    return await dom_of(tmp_path, world, world.app, "/", lambda: then(world))


async def dom_of(
    tmp_path: Path, world: World, app: ASGIApp, address: str, then: Callable[[], object] = lambda: None
) -> str:
    """What the browser made of an address; ``then`` is called once that has been fetched."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium (apt: chromium)")
    fetched = asyncio.Event()

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        if scope["path"] == address:
            fetched.set()

    world.ingest.start()
    server = Server(watched, [("127.0.0.1", 0)])
    [(_, port)] = await server.start()
    browser = await asyncio.create_subprocess_exec(
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path}", "--virtual-time-budget=7000", "--dump-dom", f"http://127.0.0.1:{port}{address}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await asyncio.wait_for(fetched.wait(), 60)
        then()
        dom, _ = await asyncio.wait_for(browser.communicate(), 90)
    finally:
        if browser.returncode is None:
            browser.kill()
            await browser.wait()
        await server.stop()
        await world.ingest.stop()
    return dom.decode()


PHONE = 360
"""Pixels. A window of the browser is never as narrow, a frame may be."""

FRAME = """<iframe src="{page}" style="width: {width}px; height: 640px; border: 0"
    onload="document.title = this.contentDocument.scrollingElement.scrollWidth"></iframe>"""


def framed(world: World, page: str) -> ASGIApp:
    """The world's server, which lets its pages be framed; and at ``/phone`` one of them, as wide as a phone."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/phone":
            return await HTMLResponse(FRAME.format(page=page, width=PHONE))(scope, receive, send)

        async def allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message["headers"] if pair[0] != b"content-security-policy"]
                message = {**message, "headers": kept}
            await send(message)

        return await world.app(scope, receive, allowed)

    return app


@pytest.mark.parametrize("page", ["/", "/machines/2S2JG003", "/machines/2S2JG007", "/docs"])
async def test_a_page_is_no_wider_than_a_phone(tmp_path: Path, page: str) -> None:
    world = World(view=fleet_of(12))
    dom = await dom_of(tmp_path, world, framed(world, page), "/phone")
    found = re.search(r"<title>(\d+)</title>", dom)
    assert found and int(found[1]) <= PHONE


def text_of(dom: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", dom))


async def test_the_page_says_where_every_machine_is_and_why(tmp_path: Path) -> None:
    dom = await shown(tmp_path, fleet_of(12))
    text = text_of(dom)
    for words in (
        "12 machines", "1 in trouble", "no report within 20 minutes of power-on", "unpacking base system, 61%",
        "approve install_os", "destructive", "dc1 / a / 1", "Paused: cluster:cl2 by ada", "4 compute no free machine",
        "disk sda (240GB SSDSC2KB24) is gone", "No switch of a Racking document sees these",
    ):  # fmt: skip
        assert words in text, words
    assert dom.count('id="m-') == 12
    assert re.search(r"<time[^>]*>\d+ (h|days) ago</time>", dom), "the script told the times"


async def test_the_page_follows_the_fleet_without_being_reloaded(tmp_path: Path) -> None:
    def commit_is_refused(world: World) -> None:
        world.view = fleet_of(14, problem='"mtuu" is not a setting of networks.management.')

    dom = await shown(tmp_path, fleet_of(12), then=commit_is_refused)
    text = text_of(dom)
    assert "The newest commit badc0de8badc is not in force. The fleet is kept at 5efc236c0ffe" in text
    assert '"mtuu" is not a setting' in text
    assert "<title>! 14 machines" in dom
    assert dom.count('id="m-') == 14


async def test_an_empty_fleet_says_what_to_do(tmp_path: Path) -> None:
    text = text_of(await shown(tmp_path, fleet_of(0)))
    assert "No machine has reported yet" in text
    assert "Boot a server from the network" in text


async def test_a_daemon_that_stopped_looking_is_noticed(tmp_path: Path) -> None:
    """The view of the tests is of long ago, and the server's clock is the real one."""
    assert "The daemon has stopped looking at the fleet." in text_of(await shown(tmp_path, fleet_of(12)))


async def test_hostile_names_are_shown_and_not_run(tmp_path: Path) -> None:
    view = fleet_of(12)
    rows = tuple(
        replace(
            row, product=HOSTILE, because=HOSTILE, hostname=HOSTILE, last_error=HOSTILE, progress=HOSTILE, rack=HOSTILE
        )
        for row in view.machines
    )
    events = tuple(replace(event, text=HOSTILE, kind=HOSTILE) for event in view.events)
    source = replace(view.source, problem=HOSTILE, commit=HOSTILE)

    def goes_on(world: World) -> None:
        world.view = replace(world.view, machines=rows[:-1])

    dom = await shown(tmp_path, replace(view, machines=rows, events=events, source=source), then=goes_on)
    assert "owned" not in (re.search(r"<title>.*?</title>", dom) or [""])[0]
    assert dom.count("<script") == 1
    assert "<img" not in dom
    assert "&lt;script&gt;" in dom
