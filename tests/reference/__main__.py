"""Keep a recorded cluster: ``python -m tests.reference NAME DUMP DOCUMENTS``.

DUMP is what ``mariadb-dump --skip-extended-insert --complete-insert`` gives of OCI's database, DOCUMENTS a JSON object
of all that OCI answers for its nodes: parameters by hostname and class.
"""

import json
import sys
from pathlib import Path

from .clusters import FOLDER
from .database import read_dump, write_rows
from .documents import write_documents


def keep(folder: Path, dump: str, documents: str) -> None:
    """Write the cluster's folder."""
    folder.mkdir(exist_ok=True)
    (folder / "rows.jsonl").write_text(write_rows(read_dump(Path(dump).read_text())))
    (folder / "documents.tsv").write_text(write_documents(json.loads(Path(documents).read_text())))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    keep(FOLDER / sys.argv[1], *sys.argv[2:])
