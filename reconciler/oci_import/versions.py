"""The version of OCI that a database is of, and what earlier ones knew that today's do not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..model.roles import facts_of
from ..model.signature import Signatures
from .database import Row, Tables
from .yaml_documents import SpecDocument

_MARKS = (("43.0.45", "vigie_keep_compute_enabled"), ("43.0.10", "initial_mon_on_ctrl"))
"""A column of ``clusters`` that a version has and none before it, the newest first."""

_OLDEST = "42.2.5"

_BEFORE = {"initial_mon_on_ctrl": "no", "hw_machine_type": "x86_64=pc"}
"""What held before a column of ``clusters`` was there, where it is not what holds by default today."""

_GONE: Mapping[str, tuple[str, ...]] = {
    "ceph_configure_osbpo": ("cephmon", "cephosd", "billosd", "billmon", "messaging", "compute"),
    "nova_use_qemu_backports": ("compute",),
    "nova_use_libvirt_backports": ("compute",),
}
"""Switches of 43.0.10 that later versions have no more, with their roles."""

GONE = "OCI had a switch for this, which later versions do not have.\nDrop this when the Puppet module is a newer one."


def version_of(tables: Tables) -> str | None:
    """The version whose puppet-module-oci goes with the database: the newest one of which it has everything.

    None: there is no cluster yet, and so no row to look at.
    """
    columns = {name for row in tables["clusters"] for name in row}
    if not columns:
        return None
    return next((version for version, mark in _MARKS if mark in columns), _OLDEST)


def completed(tables: Tables) -> Tables:
    """The tables, with what held before some columns were there."""
    return {**tables, "clusters": [{**_BEFORE, **row} for row in tables["clusters"]]}


def switches_gone(cluster: Row, roles: Sequence[str]) -> Iterator[SpecDocument]:
    """An EncOverlay for each switch that is on, and that is no setting of today.

    Args:
        cluster: OCI's cluster.
        roles: Of its machines.
    """
    for name, concerned in _GONE.items():
        here = [role for role in concerned if role in roles and cluster.get(name) == "yes"]
        for puppet_class in dict.fromkeys(facts_of(role).puppet_class for role in here):
            own = [role for role in here if facts_of(role).puppet_class == puppet_class]
            spec = {"for": {"clusters": [cluster["name"]], "roles": own}, "classes": {puppet_class: {name: True}}}
            overlay = f"oci-{cluster['name']}-{own[0]}-{name.replace('_', '-')}"
            yield SpecDocument("EncOverlay", overlay, spec, GONE)


def accepted(overlays: Iterable[SpecDocument], signatures: Signatures) -> Iterator[SpecDocument]:
    """The overlays without the classes and parameters that the version's module does not have.

    OCI gave its nodes none of these: no catalog would compile with them.
    """
    for overlay in overlays:
        given = {name: values for name, values in overlay.spec["classes"].items() if not signatures.lacks(name)}
        kept = {
            name: {key: value for key, value in values.items() if signatures.accepts(name, key)}
            for name, values in given.items()
        }
        if any(kept.values()):
            yield replace(
                overlay, spec={**overlay.spec, "classes": {name: some for name, some in kept.items() if some}}
            )
