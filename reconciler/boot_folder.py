"""The folder that machines are served from over DHCP, TFTP and HTTP: our texts, and programs of Debian packages."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .model.errors import PermanentError
from .model.spec import FleetSpec
from .provisioning.boot.tree import PROGRAMS, SPEAKS_HTTP, TFTP, Program, written


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
    try:
        texts = written(fleet, str(folder.absolute()))
    except ValueError as error:
        raise PermanentError(str(error)) from None
    changed = [folder / name for name, text in texts.items() if _write(folder / name, text.encode())]
    missing, deaf = [], []
    for program in PROGRAMS:
        source = root / program.source.lstrip("/")
        if not source.is_file():
            missing.append(program)
            continue
        content = source.read_bytes()
        if program.name.startswith("grub") and SPEAKS_HTTP not in content:
            deaf.append(program)
        if _write(folder / TFTP / program.name, content):
            changed.append(folder / TFTP / program.name)
    return Laid(tuple(changed), tuple(missing), tuple(deaf))


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
