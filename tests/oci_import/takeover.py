"""An import without the command line, and with one certificate for all: making one per node takes most of the time."""

import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from reconciler.app.config import Config
from reconciler.app.site import Site
from reconciler.enc.known_secrets import known_forms
from reconciler.model.machine import SecretRef
from reconciler.model.secret_parts import join_parts
from reconciler.oci_import.assemble import Imported, OurTables, import_everything
from reconciler.oci_import.database import read_database
from reconciler.oci_import.file_io import write_tree
from reconciler.oci_import.files import OciFiles
from reconciler.oci_import.save import save_import
from reconciler.specs.puppet_module import known_signatures
from reconciler.specs.settings_table import load_table
from reconciler.store.secrets import pki

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


def take_over(url: str, given: OciFiles, folder: Path) -> tuple[Imported, Site]:
    """What was found in a database, and the site that has it."""
    found = import_everything(
        given,
        read_database(url),
        OurTables(load_table(), known_forms(), known_signatures()),
        hostname=socket.gethostname(),
    )
    write_tree(found.tree.texts(), folder / "specs", overwrite=False)
    config = Config(specs=folder / "specs", database=f"sqlite:///{folder}/db", state=folder / "var")
    site = Site(config, lambda: NOW)
    kept = save_import(site.store, found, text_of=text_of, who="test", at=NOW)
    assert kept.refused == []
    missing = {ref for view in site.observe().machines for ref in view.missing_secrets}
    site.store.add_secrets({ref: certificate() for ref in missing if ref.form == "certificate"}, NOW)
    site.certificates.mint(ref for ref in missing if ref.form != "certificate")
    site.store.resume("fleet", who="test", why="to see the plan without it", at=NOW)
    site.observe()
    return found, site


def text_of(ref: SecretRef, value: Mapping[str, str] | str) -> str:
    """The text of a secret, unchecked: those of the reference data are made illegible."""
    return value if isinstance(value, str) else join_parts(ref.form, value)


@cache
def certificate() -> str:
    """Somebody's."""
    root = pki.issue_root(NOW)
    return pki.issue(pki.issue_authority(root, NOW), pki.Subjects(("node.example.com",)), NOW)
