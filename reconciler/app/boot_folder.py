"""The folder that machines are served from over DHCP, TFTP and HTTP: our texts, and programs of Debian packages."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..model.errors import PermanentError
from ..model.kinds import FleetSpec
from ..provisioning.boot.tree import PROGRAMS, SPEAKS_HTTP, TFTP, Program, written


@dataclass(frozen=True, slots=True)
class Laid:
    """What was done."""

    changed: tuple[Path, ...]
    missing: tuple[Program, ...]  # whose packages are not installed
    deaf: tuple[Program, ...]  # GRUBs that cannot ask over HTTP


def lay(fleet: FleetSpec, folder: Path, root: Path = Path("/")) -> Laid:
    """Write what differs. Programs are those of the packages installed below ``root``.

    Raises:
        PermanentError: The specs do not say where machines boot.
    """
    programs = {program: root / program.source.lstrip("/") for program in PROGRAMS}
    found = {program: source.read_bytes() for program, source in programs.items() if source.is_file()}
    deaf = tuple(p for p, content in found.items() if p.name.startswith("grub") and SPEAKS_HTTP not in content)
    try:
        texts = written(fleet, str(folder.absolute()), {program.machines.split()[-1] for program in deaf})
    except ValueError as error:
        raise PermanentError(str(error)) from None
    files = {folder / name: text.encode() for name, text in texts.items()}
    files |= {folder / TFTP / program.name: content for program, content in found.items()}
    changed = tuple(path for path, content in files.items() if _write(path, content))
    return Laid(changed, tuple(program for program in PROGRAMS if program not in found), deaf)


def _write(path: Path, content: bytes) -> bool:
    """Whether it was another file before. Who reads it meanwhile gets the old one, or the new one."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_bytes(content)
    new.chmod(0o644)
    shutil.move(new, path)
    return True


def advice(laid: Laid) -> Iterator[str]:
    """What to tell people about programs that are missing or too old."""
    machines: dict[str, list[Program]] = {}
    for program in laid.missing:
        machines.setdefault(program.machines, []).append(program)
    for kind, programs in machines.items():
        packages = " ".join(program.package for program in programs)
        yield f"{kind} machines cannot boot from here yet: apt install {packages}"
    for program in laid.deaf:
        yield (
            f"{program.name} cannot ask over HTTP: {program.machines} machines get the live system, whatever their "
            f"phase, unless they boot from disk first. {program.package} of Debian 13 or newer can"
        )
