"""What is handed to git, and what is refused before anything runs."""

import sys
from pathlib import Path

import pytest

from reconciler.app.logs import LossyLogger
from reconciler.model.errors import PermanentError
from reconciler.model.redaction import redact
from reconciler.specs.source.git import GitSource
from reconciler.specs.source.git_address import check_branch, check_folder, check_url, local_path


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/ops/specs.git",
        "https://user:secret@git.example.com:8443/ops/specs",
        "https://token@[2001:db8::1]/specs",
        "ssh://git@git.example.com/ops/specs",
        "ssh://git.example.com:2222/ops/specs",
        "git@git.example.com:ops/specs.git",
        "file:///srv/git/specs.git",
        "/srv/git/specs.git",
    ],
)
def test_an_ordinary_address_is_taken(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ext::sh -c touch% /pwned", "spaces"),
        ("ext::sh", "run programs"),
        ("fd::17", "run programs"),
        ("::x", "run programs"),
        ("--upload-pack=touch /pwned", "spaces"),
        ("--upload-pack=/pwned", "option"),
        ("-oProxyCommand=x", "option"),
        ("ssh://-oProxyCommand=x/y", "no host"),
        ("ssh://git@-oProxyCommand=x/y", "no host"),
        ("ssh://-lroot@host/y", "no host"),
        ("git@-oProxyCommand=x:y", "neither"),
        ("-git@host:y", "option"),
        ("git@host:-oProxyCommand", "option"),
        ("git@host:--upload-pack=x/specs", "option"),
        ("https://host/--upload-pack=x", "option"),
        ("https://host/%2d-upload-pack=x", "option"),
        ("/srv/--upload-pack=x", "option"),
        ("http://git.example.com/specs", "http:// is not allowed"),
        ("git://git.example.com/specs", "git:// is not allowed"),
        ("ftp://git.example.com/specs", "ftp:// is not allowed"),
        ("EXT://x/y", "EXT:// is not allowed"),
        ("file://elsewhere/srv", "another machine"),
        ("https://git.example.com", "no path"),
        ("https:///specs", "no host"),
        ("relative/path", "neither"),
        ("../specs", "neither"),
        ("", "neither"),
        ("https://host/specs?ref=main", 'it holds "?"'),
        ("https://host/specs#main", 'it holds "#"'),
        ("git@host:specs?x", 'it holds "?"'),
        ("https://host/a\nb", "control"),
        ("https://host/a\x00b", "control"),
        ("https://host/a\x1b[2Jb", "control"),
    ],
)
def test_anything_else_is_refused_before_anything_runs(url: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="is refused") as refusal:
        GitSource(url, "main", "cluster-specs", tmp_path / "cache")
    assert why in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("branch", ["main", "release/2026.2", "feature_x", "a#1", "v1+fix"])
def test_a_branch_is_taken(branch: str) -> None:
    assert check_branch(branch) == branch


NO_BRANCHES = [
    *("", "-x", "--upload-pack=x", "a..b", "a b", "a\n", "a:b", "+a", "a^", "a~1", "a*", "a//b", "/a", "a/", "a.lock"),
    *("a.", "@{u}", "a\\b", "refs?", "[a]", "a/.b", "x.lock/y"),
]


@pytest.mark.parametrize("branch", NO_BRANCHES)
def test_what_is_no_branch_name_is_refused(branch: str) -> None:
    with pytest.raises(PermanentError, match="not the name of a git branch"):
        check_branch(branch)


@pytest.mark.parametrize(
    ("folder", "taken"), [("cluster-specs", "cluster-specs"), ("a/b/", "a/b"), (".", "."), ("./", ".")]
)
def test_a_folder_is_taken(folder: str, taken: str) -> None:
    assert check_folder(folder) == taken


@pytest.mark.parametrize("folder", ["", "/", "/etc", "..", "a/../b", "a//b", "-x", "a/--b", "a\nb"])
def test_a_folder_outside_is_refused(folder: str) -> None:
    with pytest.raises(PermanentError, match="inside the repository"):
        check_folder(folder)


@pytest.mark.parametrize(
    "text",
    [
        "https://user:hunter2@git.example.com/x",
        "fatal: unable to access 'https://hunter2@git.example.com/x/': no",
        "https://user:hun/hunter2@git.example.com/x",
        "https://user:a@hunter2@git.example.com/x",
        "user:hunter2@git.example.com/x",
        "https://git.example.com/x?token=hunter2&ref=main",
        "postgresql://git.example.com/x?user=a&password=hunter2",
        "https://git.example.com/x#hunter2",
        "git.example.com/x: access_token=hunter2",
        "git.example.com/x said 401 to Authorization: Basic hunter2",
    ],
)
def test_credentials_are_left_out_of_messages(text: str) -> None:
    assert "hunter2" not in redact(text)
    assert "git.example.com/x" in redact(text)


@pytest.mark.parametrize(
    "text",
    ["git@host:specs.git is refused", "at 12:30:45 ada@example.com said", "specs/cluster.yaml:3:5: a", "file:///srv/x"],
)
def test_what_holds_no_secret_is_left_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_no_log_holds_the_secret_of_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    LossyLogger(sys.stdout).error("fetch of https://user:hunter2@git.example.com/x?token=hunter2 failed")
    assert capsys.readouterr().out == "fetch of https://***@git.example.com/x?*** failed\n"


def test_a_refused_address_does_not_give_its_password_away(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as refusal:
        GitSource("http://user:hunter2@git.example.com/x", "main", ".", tmp_path)
    assert "hunter2" not in str(refusal.value)
    assert "hunter2" not in repr(GitSource("https://user:hunter2@git.example.com/x", "main", ".", tmp_path))


def test_where_a_local_repository_lies() -> None:
    assert local_path("/srv/git") == Path("/srv/git")
    assert local_path("file:///srv/a%20b") == Path("/srv/a b")
    assert local_path("git@host:srv") is None
