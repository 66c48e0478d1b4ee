import os
from pathlib import Path

import pytest

from reconciler.specs import files
from reconciler.specs.files import UnreadableError, read_directory
from reconciler.specs.yaml_reader import MAX_BYTES


def test_every_yaml_file_below_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("specs/b.yml", "specs/a/c.yaml", "specs/README.md", "specs/.git/x.yaml", "specs/.hidden.yaml"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    assert read_directory("specs") == {"specs/a/c.yaml": b"specs/a/c.yaml", "specs/b.yml": b"specs/b.yml"}


def test_a_link_inside_the_tree_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    assert list(read_directory(tmp_path).values()) == [b"a", b"a"]


def test_a_submodule_is_not_entered_as_no_commit_has_its_files(tmp_path: Path) -> None:
    (tmp_path / "module").mkdir()
    (tmp_path / "module/.git").write_text("gitdir: elsewhere")
    (tmp_path / "module/a.yaml").write_text("a")
    assert read_directory(tmp_path) == {}


def test_an_absolute_link_is_refused_as_it_leads_elsewhere_in_another_work_tree(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "a.yaml")
    with pytest.raises(UnreadableError, match="leads out of the spec tree"):
        read_directory(tmp_path)


def test_a_link_out_of_the_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/a.yaml").symlink_to(tmp_path / "secret")
    with pytest.raises(UnreadableError, match="leads out of the spec tree"):
        read_directory(tmp_path / "specs")


def test_a_linked_directory_is_not_entered(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.yaml").write_text("a")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/below").symlink_to(tmp_path / "elsewhere")
    assert read_directory(tmp_path / "specs") == {}


def test_a_broken_link_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("nothing")
    with pytest.raises(UnreadableError, match="Cannot read"):
        read_directory(tmp_path)


def test_a_pipe_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    assert read_directory(tmp_path) == {}


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="There is no directory"):
        read_directory(tmp_path / "specs")


def test_a_large_file_is_cut_where_the_loader_still_sees_that_it_is_large(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"#" * (MAX_BYTES + 1000))
    assert [len(content) for content in read_directory(tmp_path).values()] == [MAX_BYTES + 1]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 2)
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text("")
    with pytest.raises(UnreadableError, match="more than 2 files"):
        read_directory(tmp_path)
