"""A plan from a checkout names its commit, but only when the specs on disk are exactly that commit's."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.specs.source.work_tree import commit_all, commit_of, create_repository, read_commit


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout/cluster-specs"
    (folder / "clusters").mkdir(parents=True)
    (folder / "fleet.yaml").write_text("kind: Fleet\n")
    (folder / "clusters/cl1.yml").write_text("kind: Cluster\n")
    (folder / "README.md").write_text("Not a spec.\n")
    create_repository(tmp_path / "checkout")
    return folder


def test_a_clean_checkout_is_its_commit(specs: Path) -> None:
    commit = commit_all(specs.parent, "Begin")
    assert commit_of(specs) == commit
    assert commit_of(specs / "clusters") == commit


@pytest.mark.parametrize(
    "touch",
    [
        lambda specs: (specs / "fleet.yaml").write_text("kind: Fleet # changed\n"),
        lambda specs: (specs / "new.yaml").write_text("kind: Cluster\n"),
        lambda specs: (specs / "clusters/cl1.yml").unlink(),
        lambda specs: (specs / "clusters/cl1.yml").rename(specs / "clusters/cl2.yml"),
    ],
    ids=["changed", "added", "removed", "renamed"],
)
def test_specs_that_differ_from_the_commit_have_none(specs: Path, touch: Callable[[Path], object]) -> None:
    commit_all(specs.parent, "Begin")
    touch(specs)
    assert commit_of(specs) is None


def test_what_is_no_spec_does_not_count(specs: Path) -> None:
    commit = commit_all(specs.parent, "Begin")
    (specs / "README.md").write_text("Changed.\n")
    (specs / ".hidden.yaml").write_text("kind: Fleet\n")
    (specs.parent / "other.yaml").write_text("elsewhere\n")
    assert commit_of(specs) == commit


def test_a_folder_in_no_repository_has_no_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
    assert read_commit(tmp_path, "0" * 40) is None


def test_a_repository_without_a_commit_has_none(specs: Path) -> None:
    assert commit_of(specs) is None


def test_looking_leaves_no_trace_in_the_repository(specs: Path) -> None:
    commit_all(specs.parent, "Begin")
    git_dir = specs.parent / ".git"
    before = {path: path.stat().st_mtime_ns for path in git_dir.rglob("*")}
    (specs / "fleet.yaml").touch()  # "git status" would refresh its index now
    commit_of(specs)
    assert {path: path.stat().st_mtime_ns for path in git_dir.rglob("*")} == before


def test_a_filter_that_the_repository_configures_does_not_run(specs: Path, tmp_path: Path) -> None:
    commit_all(specs.parent, "Begin")
    with (specs.parent / ".git/config").open("a") as config:
        config.write(f'[filter "x"]\n\tclean = touch {tmp_path}/ran; cat\n')
    (specs.parent / ".gitattributes").write_text("*.yaml filter=x\n")
    (specs / "fleet.yaml").write_text("kind: Fleet # changed\n")
    assert commit_of(specs) is None
    assert not (tmp_path / "ran").exists()


def test_an_older_commit_can_be_read_from_a_checkout(specs: Path) -> None:
    first = commit_all(specs.parent, "Begin")
    (specs / "fleet.yaml").write_text("kind: Fleet # later\n")
    commit_all(specs.parent, "Go on")
    found = read_commit(specs, first)
    assert found is not None
    assert found.files == {
        "cluster-specs/clusters/cl1.yml": b"kind: Cluster\n",
        "cluster-specs/fleet.yaml": b"kind: Fleet\n",
    }


def test_a_commit_that_a_shallow_clone_lacks_is_not_there(specs: Path) -> None:
    commit_all(specs.parent, "Begin")
    assert read_commit(specs, "1" * 40) is None


def test_a_work_tree_of_a_repository_elsewhere_has_its_own_commit(specs: Path, tmp_path: Path) -> None:
    commit = commit_all(specs.parent, "Begin")
    other = tmp_path / "other"
    subprocess.run(["git", "-C", specs.parent, "worktree", "add", "-q", "--detach", other], check=True)
    assert commit_of(other / "cluster-specs") == commit
