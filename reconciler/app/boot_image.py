"""Builds the live image with mmdebstrap, and looks whether the one that lies there is current."""

import hashlib
import io
import os
import posixpath
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from ..model.errors import PermanentError
from ..provisioning.boot import live_image
from ..provisioning.boot.live_image import Recipe
from ..provisioning.boot.scripts import INITRD, KERNEL, SQUASHFS

NEEDS = {"mmdebstrap": "mmdebstrap", "sqfstar": "squashfs-tools"}
"""Programs, and the Debian packages that have them."""


def agent_files() -> Mapping[str, bytes]:
    """Our agent and the unit that starts it, by name."""
    folder = resources.files("reconciler").joinpath("data/agent")
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.is_dir() else {}


def build(made: Recipe, folder: Path, now: datetime, *, compression: str = "zstd") -> Path:
    """Make the image in ``folder``, which machines boot from: it changes at the end, at once, or not at all.

    What mmdebstrap says goes to standard error. Takes minutes, some 1.5 GB below ``folder``, and root or user
    namespaces.

    Returns:
        The manifest's path.

    Raises:
        PermanentError: A program is missing, or one of them failed.
    """
    _find_programs()
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / ".building"
    _remove(work)
    work.mkdir()
    try:
        for name, text in made.beside.items():
            (work / name).write_text(text)
        (work / "overlay.tar").write_bytes(overlay(made, now))
        _run(made, work, _epoch(now), compression)
        package_list = (work / live_image.PACKAGE_LIST).read_text()
        names = (KERNEL, INITRD, SQUASHFS)
        manifest = live_image.manifest(made, package_list, digests(work, names), now)
        (work / live_image.MANIFEST).write_text(manifest.render())
        for name in (*names, live_image.MANIFEST):
            (work / name).chmod(0o644)
            (work / name).replace(folder / name)
    finally:
        _remove(work)
    return folder / live_image.MANIFEST


def _remove(work: Path) -> None:
    """Remove what a build left, and nothing that a killed mmdebstrap left mounted in it: /dev and /sys are this host's.

    Raises:
        PermanentError: Something is mounted there.
    """
    mounts = Path("/proc/self/mounts").read_text() if Path("/proc/self/mounts").exists() else ""
    left = [point for line in mounts.splitlines() if (point := line.split()[1]).startswith(f"{work.absolute()}/")]
    if left:
        raise PermanentError(f"a build that was killed has left things mounted: umount {' '.join(sorted(left)[::-1])}")
    shutil.rmtree(work, ignore_errors=True)


def _find_programs() -> None:
    missing = [package for program, package in NEEDS.items() if shutil.which(program) is None]
    if missing:
        raise PermanentError(f"building an image needs more programs: apt install {' '.join(missing)}")


def _epoch(now: datetime) -> int:
    """Midnight: two images of one day and one mirror are the same."""
    return int(datetime(now.year, now.month, now.day, tzinfo=UTC).timestamp())


def overlay(made: Recipe, now: datetime) -> bytes:
    """Our files as a tarball: root's, with their modes; the folder of one that root alone may read is as closed."""
    found = io.BytesIO()
    folders = {posixpath.dirname(path): 0o700 for path, placed in made.files.items() if not placed.mode & 0o077}
    with tarfile.open(fileobj=found, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, mode in sorted(folders.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, mode, _epoch(now)
            archive.addfile(entry)
        for path, placed in sorted(made.files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.mode, entry.size, entry.mtime = placed.mode, len(placed.content), _epoch(now)
            archive.addfile(entry, io.BytesIO(placed.content))
    return found.getvalue()


def _run(made: Recipe, work: Path, epoch: int, compression: str) -> None:
    """Pipe mmdebstrap into sqfstar; both must end well."""
    command = live_image.command(made, str(work / "overlay.tar"), str(work))
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch), "TMPDIR": str(work)}
    squash = live_image.squash_command(str(work / SQUASHFS), compression)
    making = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    try:
        squashed = subprocess.run(squash, stdin=making.stdout, env=environment, check=False)
        assert making.stdout is not None
        making.stdout.close()  # so that mmdebstrap notices when sqfstar has died
    except BaseException:
        making.terminate()  # it unmounts what it has mounted, and only then may its folder be removed
        raise
    finally:
        making.wait()
    for program, status in ((command[0], making.returncode), (squash[0], squashed.returncode)):
        if status:
            raise PermanentError(f"{program} failed with exit status {status}; above it says why")


def digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 in hex of those of the files that are there."""
    found = {}
    for name in names:
        if (path := folder / name).is_file():
            with path.open("rb") as stream:
                found[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at an image gave."""

    manifest: live_image.Manifest | None
    problems: tuple[str, ...]  # why it should be built anew


def check(wanted: Recipe, folder: Path, now: datetime) -> Checked:
    """Whether the image in ``folder`` is what would be built now."""
    try:
        made = live_image.parse_manifest((folder / live_image.MANIFEST).read_text())
    except FileNotFoundError:
        return Checked(None, (f"there is no image in {folder}",))
    except ValueError as error:
        return Checked(None, (f"{folder}: {error}",))
    return Checked(made, tuple(live_image.differences(made, wanted, digests(folder, made.image), now)))
