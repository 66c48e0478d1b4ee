"""Folders in and out: OCI's repositories, and the spec tree that an import makes."""

from collections.abc import Mapping
from pathlib import Path

from ..model.errors import PermanentError
from .operator_files import Extras

_FILES = ("repo.conf", "repo.sources", "repo.pref", "key.asc")
_KEYS = (".key", ".crt", ".csr", ".pem")


def read_repositories(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """The files of ``<family>/<name>/``, by family and name.

    Raises:
        PermanentError: A file cannot be read, or is no text.
    """
    return {
        (path.parent.name, path.name): {name: read_text(path / name) for name in _FILES if (path / name).is_file()}
        for path in sorted(folder.glob("*/*"))
        if (path / "repo.conf").is_file()
    }


def read_extras(folder: Path) -> Extras:
    """What operators put into OCI's folder besides its own files.

    Raises:
        PermanentError: A file cannot be read, or is no text.
    """
    hiera, pollsters = folder / "hiera", folder / "pollsters.d"
    return Extras(
        pollsters={path.name: read_text(path) for path in sorted(pollsters.glob("*")) if path.is_file()},
        gnocchi_resources=_if_there(folder / "gnocchi_resources.yaml"),
        cloudkitty_metrics=_if_there(folder / "metrics.yml"),
        hosts=_if_there(folder / "hosts_append"),
        hiera={path.relative_to(hiera).as_posix(): read_text(path) for path in sorted(hiera.rglob("*.yaml"))},
    )


def _if_there(path: Path) -> str | None:
    return read_text(path) if path.is_file() else None


def read_builders(folder: Path) -> dict[str, dict[str, tuple[bytes, bytes | None]]]:
    """Builder files, and the ring files beside them: by cluster ("" for those in the folder itself) and ring.

    Raises:
        PermanentError: A file cannot be read.
    """
    found: dict[str, dict[str, tuple[bytes, bytes | None]]] = {}
    for path in sorted([*folder.glob("*.builder"), *folder.glob("*/*.builder")]):
        cluster = "" if path.parent == folder else path.parent.name
        ring = path.with_suffix(".ring.gz")
        try:
            files = path.read_bytes(), ring.read_bytes() if ring.is_file() else None
        except OSError as error:
            raise PermanentError(f"cannot read {error.filename}: {error.strerror}") from None
        found.setdefault(cluster, {})[path.stem] = files
    return found


def read_files(folder: Path) -> dict[str, str]:
    """The texts of all keys and certificates below a folder, by path.

    Raises:
        PermanentError: A file cannot be read, or is no text.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix in _KEYS and path.is_file())
    return {path.relative_to(folder).as_posix(): read_text(path) for path in found}


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        PermanentError: It cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PermanentError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PermanentError(f"{path} is not UTF-8 text") from None


def write_tree(texts: Mapping[str, str], folder: Path, *, overwrite: bool) -> list[str]:
    """Write the files, and return the names of those that were new or changed.

    Raises:
        PermanentError: A file is there already and says something else, and may not be overwritten; or writing fails.
    """
    wanted = {folder / name: text for name, text in texts.items()}
    try:
        differing = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
        there = [str(path) for path in differing if path.exists()]
        if there and not overwrite:
            raise PermanentError(
                f"{', '.join(there)} would be overwritten: changed since the last import, by somebody here or in OCI. "
                "Use another --output and compare, or --overwrite"
            )
        for path in differing:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
    except OSError as error:
        raise PermanentError(f"cannot write {error.filename}: {error.strerror}") from None
    return [str(path.relative_to(folder)) for path in differing]
