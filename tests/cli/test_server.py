"""``plan --server`` asks a daemon for what it observes."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Cli, Laid


class Daemon(http.server.ThreadingHTTPServer):
    """Answers every question with one status and body."""

    status, body = 200, b""
    heard: list[tuple[str, str | None]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Daemon

    def do_GET(self) -> None:
        self.server.heard.append((self.path, self.headers["Authorization"]))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with Daemon(("127.0.0.1", 0), Handler) as server:
        server.heard = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_plan_is_made_of_what_the_daemon_answers(on: Any, cli: Cli, laid: Laid, daemon: Daemon) -> None:
    daemon.body = on("observe").out.encode()
    said = cli("--specs", laid.specs, "plan", "--server", daemon.url, "--token", "xyz", "--format", "json")
    assert said.json == on("plan", "--format", "json").json
    assert daemon.heard == [("/v1/observation", "Bearer xyz")]


def test_a_proxy_may_put_the_daemon_below_a_path(on: Any, cli: Cli, laid: Laid, daemon: Daemon) -> None:
    daemon.body = on("observe").out.encode()
    assert cli("--specs", laid.specs, "plan", "--server", f"{daemon.url}/reconciler/").status == 0
    assert daemon.heard == [("/reconciler/v1/observation", None)]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, b'{"detail": "show a token"}', "answers 403: show a token"),
        (503, b"no plan yet", "answers 503: no plan yet"),
        (302, b"", "answers 302"),
        (200, b"<html>", "the observation is not JSON"),
        (200, b"\xff", "did not answer with text"),
    ],
)
def test_an_answer_that_is_no_observation_is_told(
    cli: Cli, laid: Laid, daemon: Daemon, status: int, body: bytes, said: str
) -> None:
    daemon.status, daemon.body = status, body
    found = cli("--specs", laid.specs, "plan", "--server", daemon.url)
    assert (found.status, said in found.err, found.out) == (1, True, "")


@pytest.mark.parametrize(
    "url", ["example", "ftp://example", "http://", "http://h:99999", "http://h:port", "http://[::"]
)
def test_an_address_that_makes_no_sense_is_told(cli: Cli, laid: Laid, url: str) -> None:
    found = cli("--specs", laid.specs, "plan", "--server", url)
    assert found.err == f'Error: "{url}" is not the address of a daemon, such as "http://reconciler.example.com:8080"\n'
