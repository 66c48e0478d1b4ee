"""The promise of the tables: whatever cluster anybody writes, every node has a document that Puppet can take."""

import base64
import json
from collections.abc import Collection, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from reconciler.enc.compile import Compiled, compile_node, secrets_in
from reconciler.enc.documents.cache import write_one
from reconciler.enc.documents.writer import Lookup
from reconciler.enc.explain import explain
from reconciler.enc.params import LongText, SecretText, SecretWords, Value
from reconciler.enc.view import views
from reconciler.model.machine import SecretRef
from reconciler.model.roles import BUILT_IN_ROLES
from reconciler.model.secret_parts import PARTS, part_of
from reconciler.model.signature import Signatures

from ..reference.facts import VERSIONS
from .drawn import Drawn, clusters
from .openstack import openstack


@pytest.mark.lengthy
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(clusters())
def test_every_node_has_a_document_that_puppet_takes(drawn: Drawn) -> None:
    """No conflict, nothing that the class does not accept, nothing mandatory left out, and YAML that says the same."""
    for view in views(drawn.given).values():
        compiled = compile_node(view)
        fits(compiled, drawn.given.signatures)
        explain(compiled)
        secrets = {ref: text_of(ref) for ref in secrets_in(compiled)}
        text = write_one(compiled, view.node.address, secrets).yaml
        assert yaml.load(text, yaml.CSafeLoader) == plain(compiled.document, secrets.__getitem__)


WITHOUT: Mapping[str, Collection[str]] = {"42.2.5": {"elastic", "radosgw"}}
"""Roles that a version of the module has no class for."""


@pytest.mark.parametrize("version", VERSIONS)
def test_every_role_has_a_document_for_every_version_of_the_module(version: str) -> None:
    """Whatever hypothesis draws."""
    given = openstack(dict.fromkeys(BUILT_IN_ROLES, 2), settings="{install_designate: true}", version=version)
    lacking = set()
    for view in views(given).values():
        compiled = compile_node(view)
        fits(compiled, given.signatures)
        if not compiled.classes.keys() - {"oci::generic", "oci::filebeat"}:
            lacking.add(view.node.role)
    assert lacking == set(WITHOUT.get(version, ())), (
        f"only one of the two says that {version} has no class for the role: its module, or WITHOUT of this file"
    )


def fits(compiled: Compiled, signatures: Signatures) -> None:
    for name, rows in compiled.classes.items():
        if not name.startswith("oci::"):
            continue
        accepted = signatures.classes[name]
        assert rows.keys() <= accepted.keys(), f"{compiled.hostname}: {name} takes no such parameters"
        pairs = [(rows[key].value, rows[f"{key}_ip"].value) for key in rows if f"{key}_ip" in rows]
        assert all(len(one) == len(other) for one, other in pairs if isinstance(one, tuple)), compiled.hostname
        mandatory = {key for key, parameter in accepted.items() if parameter.mandatory}
        assert mandatory <= {key for key, row in rows.items() if row.value is not None}, compiled.hostname


def text_of(ref: SecretRef) -> str:
    """A text of the secret's form that names it, with what YAML finds hard to hold."""
    parts = PARTS.get(ref.form)
    text = f'{ref.owner}/{ref.service}: "{ref.kind}"\n# '
    return json.dumps({part: f"{part} of {text}" for part in parts}) if parts else text


def plain(value: Value, lookup: Lookup) -> Any:
    """What a YAML reader should see."""
    match value:
        case SecretText(ref, part, in_base64):
            text = part_of(lookup(ref), ref.form, part)
            return base64.b64encode(text.encode()).decode() if in_base64 else text
        case SecretWords(words):
            return " ".join(plain(word, lookup) for word in words)
        case LongText():
            return str(value)
        case Mapping():
            return {key: plain(item, lookup) for key, item in value.items()}
        case tuple():
            return [plain(item, lookup) for item in value]
        case _:
            return value
