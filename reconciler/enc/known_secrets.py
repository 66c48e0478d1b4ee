"""The secrets that Puppet documents name and how each is made, and the classes they are of."""

from .credentials import FORMS
from .params import Secret
from .roles import ALL_CLASSES


def known_forms() -> dict[tuple[str, str], str]:
    """Form by service and kind, of every secret that a document may name."""
    rows = [row for table in ALL_CLASSES for section in table.sections for row in section.params.values()]
    bill = {("bill", kind): form for (service, kind), form in FORMS.items() if service == "ceph"}
    return FORMS | bill | {(row.service, row.kind): row.form for row in rows if isinstance(row, Secret)}


def known_classes() -> frozenset[str]:
    """The classes that we, and OCI, give to nodes without being told."""
    return frozenset(table.name for table in ALL_CLASSES)
