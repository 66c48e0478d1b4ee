"""Swift's ring files on a node: where they are, how they are read, and how new ones are put into force."""

import re

from ..model.rings import RingFile

RINGS_FOLDER = "/etc/swift"
"""Where Swift looks for its rings (swift.conf(5), ``swift_dir``)."""

NEW_RINGS_FOLDER = "/run/reconciler/rings"
"""Ring files on their way to ``RINGS_FOLDER``."""

READ_RINGS = f"cd {RINGS_FOLDER} 2>/dev/null && md5sum -- *.ring.gz 2>/dev/null; true"
"""Every ring file that the node has, with its md5. Answer: ``parse_rings``."""

PLACE_RINGS = f"""\
set -e
mkdir -p {RINGS_FOLDER}/backups
cd {RINGS_FOLDER}
for new in {NEW_RINGS_FOLDER}/*.ring.gz; do
    name=${{new##*/}}
    if [ -e "$name" ] && ! cmp -s "$new" "$name"; then
        [ ! -e "backups/$name.1" ] || mv -f "backups/$name.1" "backups/$name.2"
        cp -p "$name" "backups/$name.1"
    fi
    cp "$new" ".$name.new"
    chown swift:swift ".$name.new"
    chmod 644 ".$name.new"
    mv -f ".$name.new" "$name"
    rm -f "$new"
done
sync
"""
"""Puts the files of ``NEW_RINGS_FOLDER`` into force. A server that reads a ring sees the old one or the new, and the
two before it stay beside."""

OWN_RINGS = f"chown swift:swift {RINGS_FOLDER}/*.ring.gz"
"""An install leaves them to root: the user is not there yet."""


def ring_path(ring: str, folder: str = RINGS_FOLDER) -> str:
    """Where the file of a ring is."""
    return f"{folder}/{ring}.ring.gz"


def parse_rings(text: str) -> tuple[RingFile, ...]:
    """What ``READ_RINGS`` printed: the ring files, by name.

    Raises:
        ValueError: It is not that.
    """
    found = []
    for line in text.splitlines():
        known = re.fullmatch(r"([0-9a-f]{32}) [ *]([a-z0-9-]+)\.ring\.gz", line)
        if known is None:
            raise ValueError(f"no md5sum of a ring file: {line[:100]!r}")
        found.append(RingFile(known[2], known[1]))
    return tuple(sorted(found))
