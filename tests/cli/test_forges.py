"""Comments of the pipelines in ``examples/ci``, against stand-ins for the forges' interfaces as these document them.

* docs.gitea.com, API, issue: ``issueGetComments``, ``issueCreateComment``, ``issueEditComment``
* docs.gitlab.com, REST API, "Notes API": list, create and modify notes of a merge request
"""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT

CI = ROOT / "examples/ci"
TOKEN = "forge-token"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl (apt)")


@dataclass(frozen=True)
class Forge:
    """How a forge's interface for comments is called, and what its runner tells a job."""

    script: str
    login: tuple[str, str]  # header and value
    list_and_create: str  # regular expressions of paths
    change: str
    changes_by: str
    runner: dict[str, str]  # {at}: where the forge is

    def allows(self, method: str, path: str) -> bool:
        """Whether its documentation has such a request."""
        if method == self.changes_by:
            return re.fullmatch(self.change, path) is not None
        return method in ("GET", "POST") and re.fullmatch(self.list_and_create, path) is not None


def _gitea() -> Forge:
    steps = yaml.safe_load((CI / "gitea.yml").read_text())["jobs"]["specs"]["steps"]
    (step,) = (one for one in steps if "comment.py" in str(one.get("run")))
    assert step["env"] == {"FORGE_TOKEN": "${{ github.token }}", "NUMBER": "${{ github.event.number }}"}
    return Forge(
        step["run"],
        ("Authorization", f"token {TOKEN}"),
        "/api/v1/repos/ops/specs/issues/7/comments",
        r"/api/v1/repos/ops/specs/issues/comments/\d+",
        "PATCH",
        {"GITHUB_SERVER_URL": "{at}", "GITHUB_REPOSITORY": "ops/specs", "NUMBER": "7"},
    )


def _gitlab() -> Forge:
    (script,) = yaml.safe_load((CI / "gitlab.yml").read_text())["comment"]["script"]
    return Forge(
        script,
        ("PRIVATE-TOKEN", TOKEN),
        r"/api/v4/projects/42/merge_requests/7/notes(\?per_page=100&sort=asc)?",
        r"/api/v4/projects/42/merge_requests/7/notes/\d+",
        "PUT",
        {"CI_API_V4_URL": "{at}/api/v4", "CI_PROJECT_ID": "42", "CI_MERGE_REQUEST_IID": "7"},
    )


FORGES = {"gitea": _gitea, "gitlab": _gitlab}


@dataclass
class Comments:
    """A forge that has comments of one pull request."""

    forge: Forge
    at: str = ""
    bodies: dict[int, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # methods
    wrong: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        self.asked.append(method)
        name, value = self.forge.login
        if not self.forge.allows(method, path) or headers[name] != value:
            self.wrong.append(f"{method} {path}")
            return 404, {"message": "no such thing"}
        if method == "GET":
            return 200, [{"id": number, "body": text} for number, text in self.bodies.items()]
        if headers["Content-Type"] != "application/json":
            self.wrong.append(f"{method} with {headers['Content-Type']}")
            return 415, {"message": "JSON is expected"}
        number = 100 + len(self.bodies) if method == "POST" else int(path.rpartition("/")[2])
        self.bodies[number] = str(json.loads(body)["body"])
        return 201 if method == "POST" else 200, {"id": number, "body": self.bodies[number]}


@contextmanager
def running(comments: Comments) -> Iterator[None]:
    """Serve it on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, said = comments.answer(self.command, self.path, self.headers, body)
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815 - names that the library asks for

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        comments.at = f"http://127.0.0.1:{server.server_address[1]}"
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield
        finally:
            server.shutdown()
            serving.join()


def push(comments: Comments, folder: Path, plan: str) -> subprocess.CompletedProcess[str]:
    """What a runner does after the plan was made."""
    (folder / "plan.md").write_text(plan)
    told = {name: value.format(at=comments.at) for name, value in comments.forge.runner.items()}
    env = {**os.environ, **told, "FORGE_TOKEN": TOKEN, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    command = ["bash", "-eo", "pipefail", "-c", comments.forge.script]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("forge", FORGES)
def test_each_push_brings_the_one_comment_up_to_date(tmp_path: Path, forge: str) -> None:
    comments = Comments(FORGES[forge](), bodies={3: "Looks good to me", 4: 'About "<!-- reconciler plan -->": nice'})
    with running(comments):
        for plan in ("### Plan 1\n\nNo changes.\n", '### Plan 2\n\n| **!** | `A"1` \\* |\n'):
            done = push(comments, tmp_path, plan)
            assert done.returncode == 0, done.stderr
            assert {number: text for number, text in comments.bodies.items() if number > 4} == {
                102: f"<!-- reconciler plan -->\n{plan}"
            }
    assert comments.asked == ["GET", "POST", "GET", comments.forge.changes_by]
    assert comments.wrong == []
    assert comments.bodies[3] == "Looks good to me"


@pytest.mark.parametrize("forge", FORGES)
def test_a_comment_that_the_forge_refuses_fails_the_job(tmp_path: Path, forge: str) -> None:
    comments = Comments(FORGES[forge]())
    comments.forge.runner.update(GITHUB_REPOSITORY="ops/other", CI_PROJECT_ID="1")
    with running(comments):
        assert push(comments, tmp_path, "x").returncode != 0
    assert comments.wrong and not comments.bodies
