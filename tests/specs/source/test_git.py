"""The mirror of a branch: what is read at a commit, what is not, and what is left behind."""

import asyncio
import os
import shutil
import socket
import threading
from pathlib import Path

import pytest

from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.specs.files import UnreadableError, read_directory
from reconciler.specs.source.alone import alone_in
from reconciler.specs.source.commit_files import MAX_FILE_BYTES, MAX_NOTES
from reconciler.specs.source.git import GitSource
from reconciler.specs.source.work_tree import commit_all, create_repository

from ...ports import closed_port
from .conftest import Upstream

FLEET = "cluster-specs/fleet.yaml"


def test_the_files_of_the_folder_are_read_at_a_commit(source: GitSource, upstream: Upstream) -> None:
    first = upstream.commit({FLEET: "a: 1\n", "cluster-specs/deep/er/x.yml": "b: 2\n\n", "README.md": "no"})
    second = upstream.commit({FLEET: "a: 3\n"})
    assert source.fetch().commit == second == source.head()
    assert source.read(first).files == {FLEET: b"a: 1\n", "cluster-specs/deep/er/x.yml": b"b: 2\n\n"}
    assert source.read(second).files[FLEET] == b"a: 3\n"


def test_bytes_come_as_they_are(source: GitSource, upstream: Upstream) -> None:
    odd = {"cluster-specs/e.yaml": b"", "cluster-specs/nul.yaml": b"\0\n\0", "cluster-specs/é ü.yaml": b"x" * 70_000}
    source_commit = upstream.commit(odd)
    source.fetch()
    assert source.read(source_commit).files == odd


def test_only_yaml_that_is_not_hidden_is_read(source: GitSource, upstream: Upstream) -> None:
    names = ("x.json", ".hidden.yaml", ".github/x.yaml", "x.yaml~", "yaml")
    commit = upstream.commit({FLEET: "a: 1", **{f"cluster-specs/{name}": "no" for name in names}})
    source.fetch()
    assert set(source.read(commit).files) == {FLEET}


def test_the_whole_repository_may_be_the_folder(upstream: Upstream, tmp_path: Path) -> None:
    commit = upstream.commit({"a.yaml": "1", "b/c.yaml": "2", ".ci/d.yaml": "3"})
    source = GitSource(f"file://{upstream.path}", "main", ".", tmp_path / "cache")
    assert source.fetch().commit == commit
    assert set(source.read(commit).files) == {"a.yaml", "b/c.yaml"}


def test_a_link_is_followed_within_the_specs(source: GitSource, upstream: Upstream) -> None:
    specs = upstream.path / "cluster-specs"
    (specs / "prod").mkdir(parents=True)
    (specs / "prod/cl1.yaml").symlink_to("../here/shared.yaml")
    (specs / "here").symlink_to(".there")
    commit = upstream.commit({FLEET: "a: 1", "cluster-specs/.there/shared.yaml": "b: 2"})
    source.fetch()
    read = source.read(commit)
    assert read.files == {FLEET: b"a: 1", "cluster-specs/prod/cl1.yaml": b"b: 2"} == read_in(upstream)
    (note,) = read.notes
    assert note == '"cluster-specs/here" is a symbolic link and was left out: only links to files are followed.'


@pytest.mark.parametrize(
    ("to", "how"),
    [
        ("/etc/passwd", "leads out of the spec tree"),
        ("../elsewhere.yaml", "leads out of the spec tree"),
        ("../../../../etc/passwd", "leads out of the spec tree"),
        ("nowhere.yaml", "leads nowhere"),
        ("b.txt", r'leads to "(cluster-specs/)?b.txt", which is no YAML file'),
        ("a.yaml", "leads in a circle"),
    ],
)
def test_a_link_that_leads_elsewhere_is_refused_as_in_a_work_tree(
    source: GitSource, upstream: Upstream, to: str, how: str
) -> None:
    (upstream.path / "cluster-specs").mkdir()
    (upstream.path / "cluster-specs/a.yaml").symlink_to(to)
    commit = upstream.commit({FLEET: "a: 1", "elsewhere.yaml": "b: 2", "cluster-specs/b.txt": "b: 2"})
    source.fetch()
    with pytest.raises(PermanentError, match=f'"cluster-specs/a.yaml" is a link that {how}'):
        source.read(commit)
    with pytest.raises(UnreadableError, match=r"cluster-specs/a\.yaml"):
        read_in(upstream)


def read_in(upstream: Upstream) -> dict[str, bytes]:
    """The same specs as a work tree has them."""
    found = read_directory(upstream.path / "cluster-specs")
    return {Path(name).relative_to(upstream.path).as_posix(): content for name, content in found.items()}


def test_a_folder_that_is_a_link_has_no_specs(source: GitSource, upstream: Upstream) -> None:
    (upstream.path / "cluster-specs").symlink_to("/etc")
    commit = upstream.commit({})
    source.fetch()
    with pytest.raises(PermanentError, match="no YAML file"):
        source.read(commit)


def test_a_submodule_is_not_entered(source: GitSource, upstream: Upstream) -> None:
    upstream.commit({FLEET: "a: 1"})
    upstream.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},cluster-specs/sub")
    upstream.git("commit", "--quiet", "--message", "Add a submodule")
    read = source.read(source.fetch().commit)
    assert set(read.files) == {FLEET}
    assert read.notes == ('"cluster-specs/sub" is a submodule and was left out.',)


def test_many_notes_are_counted(source: GitSource, upstream: Upstream) -> None:
    (upstream.path / "cluster-specs").mkdir()
    for number in range(MAX_NOTES + 5):
        (upstream.path / f"cluster-specs/{number}").symlink_to("x")
    commit = upstream.commit({FLEET: "a: 1"})
    source.fetch()
    notes = source.read(commit).notes
    assert len(notes) == MAX_NOTES + 1
    assert notes[-1] == "5 more were left out."


def test_a_huge_file_is_refused_unread(source: GitSource, upstream: Upstream) -> None:
    commit = upstream.commit({FLEET: "a: 1", "cluster-specs/huge.yaml": b"#" * (MAX_FILE_BYTES + 1)})
    source.fetch()
    with pytest.raises(PermanentError, match=r'"cluster-specs/huge.yaml" at commit \w{12} has 4194305 bytes'):
        source.read(commit)


def test_too_many_files_are_refused(source: GitSource, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.specs.source.commit_files.MAX_FILES", 3)
    commit = upstream.commit({f"cluster-specs/{number}.yaml": "x" for number in range(4)})
    source.fetch()
    with pytest.raises(PermanentError, match="has 4 YAML files"):
        source.read(commit)


@pytest.mark.parametrize("commit", ["HEAD", "main", "--all", "0" * 39, "../x"])
def test_a_commit_is_asked_for_by_its_full_name(source: GitSource, commit: str) -> None:
    with pytest.raises(PermanentError, match="not the full name of a commit"):
        source.read(commit)


def test_a_commit_tells_when_it_was_made(source: GitSource, upstream: Upstream) -> None:
    commit = upstream.commit({"cluster-specs/fleet.yaml": "kind: Fleet"})
    source.fetch()
    assert source.committed_at(commit).timestamp() == int(upstream.git("show", "-s", "--format=%ct", commit))


def test_a_newer_commit_is_a_fast_forward(source: GitSource, upstream: Upstream) -> None:
    first = upstream.commit({FLEET: "a: 1"})
    assert not source.fetch().rewritten
    upstream.commit({FLEET: "a: 2"})
    fetched = source.fetch(since=first)
    assert (fetched.rewritten, fetched.previous) == (False, first)
    assert not source.fetch(since=fetched.commit).rewritten


def test_a_rewritten_branch_is_told(source: GitSource, upstream: Upstream) -> None:
    upstream.commit({FLEET: "a: 1"})
    second = upstream.commit({FLEET: "a: 2"})
    source.fetch()
    upstream.git("commit", "--quiet", "--amend", "--message", "Rewrite")
    assert source.fetch(since=second).rewritten
    assert source.read(second).files == {FLEET: b"a: 2"}


def test_going_back_is_a_rewrite(source: GitSource, upstream: Upstream) -> None:
    first = upstream.commit({FLEET: "a: 1"})
    second = upstream.commit({FLEET: "a: 2"})
    source.fetch()
    upstream.git("reset", "--quiet", "--hard", first)
    assert source.fetch(since=second).rewritten


def test_a_commit_nobody_knows_any_more_counts_as_rewritten(source: GitSource, upstream: Upstream) -> None:
    upstream.commit({FLEET: "a: 1"})
    assert source.fetch(since="1" * 40).rewritten


def test_the_commit_in_force_outlives_its_branch_and_a_clean_up(source: GitSource, upstream: Upstream) -> None:
    first = upstream.commit({FLEET: "a: 1"})
    source.fetch()
    upstream.git("commit", "--quiet", "--amend", "--message", "Rewrite")
    source.fetch()
    source._git("gc", "--quiet")
    assert source.read(first).files == {FLEET: b"a: 1"}


@pytest.mark.parametrize("lock", ["refs/reconciler/branch.lock", "config.lock", "objects/info/commit-graph.lock"])
def test_the_lock_of_a_git_that_was_killed_stops_nobody_for_ever(
    lock: str, source: GitSource, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.commit({"cluster-specs/a.yaml": "a: 1\n"})
    source.fetch()
    (mirror,) = (tmp_path / "cache").iterdir()
    left = mirror / lock
    left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    newest = upstream.commit({"cluster-specs/a.yaml": "a: 2\n"})
    if lock.startswith("refs/"):
        with pytest.raises(TemporaryError, match="lock"):  # whoever made it may be alive
            source.fetch()
    long_ago = left.stat().st_mtime - 3600
    os.utime(left, (long_ago, long_ago))
    assert source.fetch().commit == newest
    assert not left.exists()


def test_two_that_fetch_at_once_both_have_what_is_newest(upstream: Upstream, tmp_path: Path) -> None:
    told: list[object] = []

    def fetch() -> None:
        try:
            told.append(GitSource(f"file://{upstream.path}", "main", ".", tmp_path / "cache").fetch().commit)
        except TemporaryError as error:
            told.append(error)

    for number in range(10):
        newest, told[:] = upstream.commit({FLEET: f"a: {number}\n"}), []
        both = [threading.Thread(target=fetch) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        assert told == [newest, newest]


def test_one_that_fetches_for_ever_is_waited_for_a_while(source: GitSource, upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit({FLEET: "a: 1\n"})
    source.fetch()
    (mirror,) = (tmp_path / "cache").iterdir()
    hasty = GitSource(source.url, "main", source.folder, tmp_path / "cache", timeout=0.1)
    with alone_in(mirror, 0), pytest.raises(TemporaryError, match=r"another process has been in .* for 0.2 s"):
        hasty.fetch()
    assert source.fetch().commit == source.head()


def test_hooks_do_not_run(source: GitSource, upstream: Upstream, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    source_commit = upstream.commit({FLEET: "a: 1"})
    source.fetch()
    mirror = next((tmp_path / "cache").glob("*.git"))
    for hooks in (upstream.path / ".git/hooks", mirror / "hooks"):
        hooks.mkdir(exist_ok=True)
        for name in ("post-checkout", "post-merge", "reference-transaction", "post-update", "pre-auto-gc"):
            hook = hooks / name
            hook.write_text(f"#!/bin/sh\ntouch '{ran}'\n")
            hook.chmod(0o755)
    upstream.git("config", "uploadpack.packObjectsHook", f"touch {ran};")
    upstream.git("config", "core.fsmonitor", f"touch {ran};")
    upstream.git("-c", f"core.hooksPath={os.devnull}", "commit", "--allow-empty", "--quiet", "--message", "Next")
    ran.unlink(missing_ok=True)  # git commit asks the file system monitor by itself
    assert source.fetch(since=source_commit).commit != source_commit
    assert not ran.exists()


def test_git_is_told_what_it_may_do_whatever_the_environment_says(
    source: GitSource, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = upstream.commit({FLEET: "a: 1"})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "ext")
    assert source.fetch().commit == commit
    assert source.read(commit).files == {FLEET: b"a: 1"}


def test_a_local_repository_may_belong_to_somebody_else(source: GitSource, upstream: Upstream) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a repository away")
    commit = upstream.commit({FLEET: "a: 1"})
    for path in (upstream.path, *upstream.path.rglob("*")):
        os.chown(path, 65534, 65534)
    assert source.fetch().commit == commit


def test_a_missing_branch_is_for_a_human(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit({FLEET: "a: 1"})
    with pytest.raises(PermanentError, match="couldn't find remote ref"):
        GitSource(str(upstream.path), "gone", ".", tmp_path / "cache").fetch()


@pytest.mark.waits
def test_a_missing_repository_is_for_a_human(tmp_path: Path) -> None:
    source = GitSource(str(tmp_path / "none"), "main", ".", tmp_path / "cache")
    assert source.head() is None
    with pytest.raises(PermanentError, match="does not appear to be a git repository"):
        source.fetch()


def test_a_repository_that_is_down_may_come_back_and_its_password_stays_secret(tmp_path: Path) -> None:
    with closed_port() as port, pytest.raises(TemporaryError, match="git failed") as failure:
        GitSource(f"https://user:hunter2@127.0.0.1:{port}/specs", "main", ".", tmp_path / "cache").fetch()
    assert "hunter2" not in str(failure.value)


def test_a_repository_that_never_answers_is_given_up(tmp_path: Path) -> None:
    before = children()  # other tests of this process may have some
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        source = GitSource(f"https://127.0.0.1:{port}/specs", "main", ".", tmp_path / "cache", timeout=0.5)
        with pytest.raises(TemporaryError, match=r"no answer within 0\.5 s"):
            source.fetch()
    assert children() == before


@pytest.mark.lengthy
def test_five_hundred_fetches_leave_nothing_open(source: GitSource, upstream: Upstream) -> None:
    commit = upstream.commit({FLEET: "a: 1"})
    source.fetch()
    source.read(commit)
    files, threads, before = len(os.listdir("/proc/self/fd")), threading.active_count(), children()
    for number in range(500):
        if number % 100 == 0:
            commit = upstream.commit({FLEET: f"a: {number}"})
        assert source.fetch(since=commit).commit == commit
        if number % 10 == 0:
            source.read(commit)
    assert len(os.listdir("/proc/self/fd")) == files
    assert threading.active_count() <= threads + 1  # the last time limit's own thread may still be ending
    assert children() == before


def test_a_half_made_mirror_is_made_again(source: GitSource, upstream: Upstream, tmp_path: Path) -> None:
    commit = upstream.commit({FLEET: "a: 1"})
    source.fetch()
    mirror = next((tmp_path / "cache").glob("*.git"))
    (mirror / "local.gitconfig").unlink()
    (mirror / "config").unlink()
    shutil.rmtree(mirror / "refs")
    assert source.fetch().commit == commit


def test_a_demonstration_has_a_repository_of_its_own(tmp_path: Path) -> None:
    create_repository(tmp_path / "demo")
    (tmp_path / "demo/x.yaml").write_text("a: 1")
    commit = commit_all(tmp_path / "demo", "Start")
    source = GitSource(str(tmp_path / "demo"), "main", ".", tmp_path / "cache")
    assert source.fetch().commit == commit
    assert source.watchable() == (tmp_path / "demo/.git/refs",)


async def test_it_works_from_a_thread(source: GitSource, upstream: Upstream) -> None:
    commit = upstream.commit({FLEET: "a: 1"})
    assert (await asyncio.to_thread(source.fetch)).commit == commit


def children() -> list[str]:
    """Processes of ours that are still there, zombies included."""
    own = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return own.read_text().split()
