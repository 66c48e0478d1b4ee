"""Add a version of OCI and of its Puppet module: ``python -m tests.reference.versions VERSION MODULE VARIABLES``.

MODULE is the folder of the unpacked ``puppet-module-oci``, which Puppet's own parser reads. VARIABLES is the file
``variables.json`` of that version's ``openstack-cluster-installer``. What is as it was before gets the version added to
its line.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .facts import FOLDER

Row = tuple[str, ...]


def parsed(module: Path) -> list[Row]:
    """Rows of ``signatures.tsv``, without the versions."""
    command = ["ruby", FOLDER / "signatures.rb", module]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [tuple(line.split("\t")) for line in ran.stdout.splitlines()]


def variables(file: Path) -> list[Row]:
    """Rows of ``settings.tsv``, without the versions."""
    return [
        (table, name, one["type"], str(one.get("default", "")), " ".join(one.get("roles", ())))
        for table, known in json.loads(file.read_text()).items()
        for name, one in known.items()
    ]


def added(text: str, version: str, rows: Iterable[Row]) -> str:
    """The text of a file of rows, where ``version`` has these and no others."""
    head, *lines = text.splitlines()
    kept = [line.split("\t") for line in lines]
    found = {tuple(fields): [one for one in versions.split() if one != version] for *fields, versions in kept}
    for row in rows:
        found.setdefault(row, []).append(version)
    written = ("\t".join((*row, " ".join(sorted(having, key=_number)))) for row, having in found.items() if having)
    return "\n".join([head, *sorted(written)]) + "\n"


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    for name, rows in (("signatures.tsv", parsed(Path(sys.argv[2]))), ("settings.tsv", variables(Path(sys.argv[3])))):
        if not rows:
            sys.exit(f"nothing for {name}")
        (FOLDER / name).write_text(added((FOLDER / name).read_text(), sys.argv[1], rows))
