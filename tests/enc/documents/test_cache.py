"""Documents are rendered when something changed, kept, and never given out in part."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from reconciler.app.revisions import RevisionDiff, compare
from reconciler.enc.compile import compile_node, secrets_in
from reconciler.enc.documents.cache import (
    NOT_IN_DOCUMENTS,
    ClusterRecords,
    Documents,
    EnrolledMachine,
    Secrets,
    cluster_inputs,
    member_of,
)
from reconciler.enc.documents.writer import revealer
from reconciler.enc.view import ClusterInput, views
from reconciler.enc.yaml_writer import Fragment, dump
from reconciler.hardware.choice import DisksInUse
from reconciler.hardware.disks import Refusal
from reconciler.model.hardware import Nic
from reconciler.model.history import History, Install
from reconciler.model.machine import Allocation, SecretRef
from reconciler.model.secret_parts import join_parts

from ..build import SWIFT, in_clear, signatures, swift_cluster, tree_of

KNOWN = {version: signatures(version) for version in ("42.2.5", "43.0.10", "43.0.45")}
STORE = "z-swiftstore-1.example.com"
STORE_SERIAL = "Z-SWIFTSTORE-1"


def text_of(ref: SecretRef) -> str:
    if ref.form == "certificate":
        return join_parts("certificate", {p: f"{p} of {ref}\n" for p in ("key", "crt", "csr", "pem", "chain")})
    if ref.form == "ssh":
        return join_parts("ssh", {p: f"{p} of {ref}" for p in ("private", "public")})
    return f"text of {ref}"


def refs_of(given: ClusterInput) -> dict[SecretRef, str]:
    found = (ref for view in views(given).values() for ref in secrets_in(compile_node(view)))
    return {ref: f"seal of {ref}" for ref in found}


class Site:
    """One Swift cluster, and its documents."""

    def __init__(self, given: ClusterInput | None = None) -> None:
        self.given = given or swift_cluster()
        self.secrets = refs_of(self.given)
        self.documents = Documents(KNOWN)
        self.looked_up: list[SecretRef] = []
        self.look_up: Callable[[SecretRef], str | None] = lambda ref: None

    def refresh(self) -> frozenset[str]:
        given = self.rendered = self.given
        return self.documents.refresh(
            given.tree,
            {given.name: given.members},
            ClusterRecords(given.vips),
            Secrets(dict(self.secrets), self._look_up),
        )

    def changes(self) -> list[tuple[str, str, object, object]]:
        """What the specs at hand change in the documents that were rendered last."""
        found = RevisionDiff()
        compare(self.rendered, self.given, self.secrets.__getitem__, (), found)
        return [(c.hostname, c.parameter, c.before, c.after) for c in found.changes]

    def _look_up(self, ref: SecretRef) -> str:
        self.looked_up.append(ref)
        return self.look_up(ref) or text_of(ref)


def classes(documents: Documents, hostname: str = STORE) -> dict[str, Any]:
    document = documents.get(hostname)
    assert document is not None
    return yaml.safe_load(document.yaml)["classes"]


def digests(site: Site) -> dict[str, str]:
    found = (site.documents.get(member.allocation.hostname) for member in site.given.members)
    return {document.hostname: document.digest for document in found if document is not None}


def test_a_document_holds_the_texts_of_its_secrets() -> None:
    site = Site()
    assert site.refresh() == {m.allocation.hostname for m in site.given.members}
    assert classes(site.documents)["oci::swiftstore"]["pass_swift_hashpathprefix"] == "text of z:swift/hashpathprefix"
    # "key of z-swiftstore-1.example.com:pki/snakeoil", in base64
    assert classes(site.documents)["oci::generic"]["ssl_cert_snakeoil_key"].startswith("a2V5IG9mIHotc3dpZnRzdG9yZS0x")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("policy", {"reinstall": "automatic", "max_destructive": 99}),
        ("hooks", {"dns": "powerdns"}),
        ("bmc", {"username": "other", "manage": True, "rotate": "now"}),
    ],
)
def test_what_no_document_is_made_of_has_none_rendered_anew(field: str, value: dict[str, Any]) -> None:
    assert field in NOT_IN_DOCUMENTS
    site = Site()
    site.refresh()
    before = digests(site)
    fleet = site.given.tree.fleet
    changed = fleet.model_copy(update={field: type(getattr(fleet, field)).model_validate(value)})
    assert changed != fleet
    site.given = replace(site.given, tree=replace(site.given.tree, fleet=changed))
    assert site.refresh() == frozenset()
    anew = Site(site.given)
    anew.refresh()
    assert digests(anew) == before


def test_all_that_no_document_is_made_of_is_tried() -> None:
    assert frozenset({"bmc", "hooks", "policy"}) == NOT_IN_DOCUMENTS


def test_both_forms_say_the_same() -> None:
    site = Site()
    site.refresh()
    document = site.documents.get(STORE)
    assert document is not None
    answer = json.loads(document.as_oci)
    assert (answer["status"], answer["data"].encode()) == ("success", document.yaml)
    assert set(answer) == {"status", "message", "data"}


def test_what_is_kept_in_parts_comes_out_as_it_is_written_whole() -> None:
    site = Site(swift_cluster(stores=40))
    site.refresh()
    for hostname, view in views(site.given).items():  # the first of a role has parts of its own that the next share
        document = site.documents.get(hostname)
        assert document is not None
        assert document.yaml.decode() == dump(compile_node(view).document, revealer(text_of, site.given.name))


def test_nothing_is_rendered_twice() -> None:
    site = Site()
    site.refresh()
    first = site.documents.get(STORE)
    site.looked_up.clear()
    assert site.refresh() == frozenset()
    assert site.documents.get(STORE) is first
    assert site.looked_up == []


def test_a_node_whose_secrets_are_not_made_has_no_document() -> None:
    site = Site()
    own = SecretRef(STORE, "pki", "snakeoil", "certificate")
    del site.secrets[own]
    assert STORE not in site.refresh()
    assert site.documents.get(STORE) is None
    assert site.documents.missing(STORE_SERIAL) == (own,)
    assert "pki/snakeoil" in site.documents.why_not(STORE)
    site.secrets[own] = "seal"
    assert site.refresh() == {STORE}
    assert site.documents.missing(STORE_SERIAL) == ()


def test_a_rotated_secret_renders_the_nodes_that_have_it() -> None:
    site = Site()
    site.refresh()
    site.secrets[SecretRef(STORE, "pki", "snakeoil", "certificate")] = "another seal"
    site.looked_up.clear()
    site.refresh()
    assert {ref.owner for ref in site.looked_up} == {STORE, "z", "fleet"}


def test_a_commit_renders_what_it_changes_and_the_rest_keeps_its_digest() -> None:
    site = Site()
    site.refresh()
    again = SWIFT.replace("swift_store_object: false}", "swift_store_object: true}")
    site.given = replace(site.given, tree=tree_of(again))
    assert site.changes() == [
        ("z-swiftproxy-1.example.com", "swift_store_object", False, True),
        ("z-swiftproxy-2.example.com", "swift_store_object", False, True),
    ]
    assert site.refresh() == {"z-swiftproxy-1.example.com", "z-swiftproxy-2.example.com"}
    assert site.changes() == []


def test_the_same_specs_read_again_change_nothing() -> None:
    site = Site()
    site.refresh()
    site.looked_up.clear()
    site.given = replace(site.given, tree=tree_of(SWIFT))
    assert (site.refresh(), site.looked_up) == (frozenset(), [])


def test_the_last_good_document_stays_when_the_cluster_leaves_the_specs() -> None:
    site = Site()
    site.refresh()
    good = site.documents.get(STORE)
    site.given = replace(site.given, tree=tree_of(SWIFT.partition("---\napiVersion: reconciler/v1\nkind: Cluster")[0]))
    assert site.refresh() == frozenset()
    assert site.documents.get(STORE) is good
    assert site.documents.problem(STORE_SERIAL) == 'the cluster "z" is not in the specs any more'


def test_a_released_machine_loses_its_document() -> None:
    site = Site()
    site.refresh()
    site.given = replace(site.given, members=tuple(m for m in site.given.members if m.serial != STORE_SERIAL))
    site.refresh()
    assert site.documents.get(STORE) is None
    assert site.documents.why_not(STORE) == f'no enrolled machine has the hostname "{STORE}"'
    assert site.documents.missing(STORE_SERIAL) == ()


def test_no_store_gets_a_document_before_the_first_controller_is_enrolled() -> None:
    site = Site()
    site.given = replace(site.given, members=tuple(m for m in site.given.members if m.allocation.role != "controller"))
    assert site.refresh() == frozenset()
    assert site.documents.problem(STORE_SERIAL) == "no controller of the cluster z has been enrolled yet"


def test_a_store_whose_disks_no_longer_fit_keeps_its_document() -> None:
    site = Site()
    site.refresh()
    good = site.documents.get(STORE)
    members = tuple(replace(m, data_disks=None) if m.serial == STORE_SERIAL else m for m in site.given.members)
    site.given = replace(site.given, members=members)
    site.refresh()
    assert site.documents.get(STORE) is good
    assert site.documents.problem(STORE_SERIAL) == f"the disks that {STORE} reports do not fit its profile"


def test_a_version_of_the_module_that_nobody_knows_renders_nothing() -> None:
    site = Site()
    site.given = replace(site.given, tree=tree_of(with_module("1.0")))
    assert site.refresh() == frozenset()
    assert site.documents.problem(STORE_SERIAL) == "no class signatures of puppet-module-oci 1.0 are known"


def with_module(version: str) -> str:
    return SWIFT.replace('module_version: "43.0.45"', f'module_version: "{version}"')


def test_a_fleet_with_an_older_module_gives_only_what_it_accepts() -> None:
    site = Site()
    site.given = replace(site.given, tree=tree_of(with_module("42.2.5")))
    site.refresh()
    given = classes(site.documents)
    assert "oci::repos::debian" not in given
    for name, parameters in given.items():
        assert set(parameters) <= set(KNOWN["42.2.5"].classes[name])


@pytest.mark.parametrize(
    ("release", "version"),
    [("bookworm", "42.2.5"), ("trixie", "43.0.10"), ("forky", "43.0.45")],
)
def test_the_module_is_the_releases_own_unless_the_fleet_says_another(release: str, version: str) -> None:
    """The newest known was given to all: parameters that the module of trixie refuses, so that no catalog compiled."""
    site = Site()
    written = with_module("42.2.5").replace("  mirrors:", f"  release: {{debian: {release}}}\n  mirrors:", 1)
    unsaid = written.replace('{module_version: "42.2.5"}', "{}")
    for text, expected in ((unsaid, version), (written, "42.2.5")):
        given = cluster_inputs(tree_of(text), {"z": site.given.members}, ClusterRecords(), KNOWN)
        assert next(given).signatures.version == expected


def test_changes_never_show_a_secret() -> None:
    site = Site()
    site.refresh()
    settings = "settings: {external_keystone_admin_password: very-secret, swift_proxy_hostname: s3.example.com, "
    site.given = replace(site.given, tree=tree_of(SWIFT.replace("settings: {swift_rsync", settings + "swift_rsync")))
    site.secrets |= refs_of(site.given)
    changes = site.changes()
    shown = {name: (before, after) for _, name, before, after in changes}
    assert shown["external_keystone_admin_password"] == ("********", "********")
    assert shown["oci_pki_swiftproxy_key"] == (
        "secret pki/api.key seal of z:pki/api",
        "secret pki/swiftproxy.key seal of z:pki/swiftproxy",
    )
    assert "very-secret" not in repr(changes)


def test_changes_never_show_the_login_of_an_address() -> None:
    site = Site()
    site.refresh()
    mirror = "http://ci:hunter2@mirror.example.com/debian"
    site.given = replace(site.given, tree=tree_of(SWIFT.replace("http://mirror.example.com/debian", mirror)))
    shown = repr(site.changes())
    assert "http://***@mirror.example.com/debian" in in_clear(shown)
    assert "hunter2" not in in_clear(shown)


def test_explain_says_where_a_value_comes_from_and_hides_secrets() -> None:
    site = Site()
    site.refresh()
    explanation = site.documents.explain(STORE, "pass_swift_hashpathprefix")
    assert explanation is not None
    ((parameter,),) = [section.parameters for c in explanation.classes for section in c.sections]
    assert (parameter.value, parameter.because) == ("********", "secret z:swift/hashpathprefix")
    assert site.documents.explain(STORE, "no_such") is None
    assert site.documents.explain("nobody.example.com") is None


@pytest.mark.parametrize(
    ("disks", "expected"),
    [
        (DisksInUse(("sda",), ("sdb", "sdc")), (("sdb", "sdc"), None)),
        (Refusal("its system is gone"), (None, "its system is gone")),
        (None, (None, None)),
    ],
)
def test_a_member_has_its_data_disks_or_why_not(disks: DisksInUse | Refusal | None, expected: object) -> None:
    allocation = Allocation("z", "swiftstore", "", "zone-1", STORE, 1, {"mgmt-1": "10.0.1.22"})
    member = member_of(EnrolledMachine("S1", allocation), disks=disks)
    assert (member.data_disks, member.no_disks) == expected


@pytest.mark.parametrize(("generation", "counts"), [(3, True), (2, False), (0, False)])
def test_a_member_has_the_interfaces_that_it_was_installed_with_for_this_place(generation: int, counts: bool) -> None:
    allocation = replace(Allocation("z", "swiftstore", "", "zone-1", STORE, 1, {"mgmt-1": "10.0.1.22"}), generation=3)
    nics = (Nic("eno1", "02:00:00:00:00:01"),)
    history = History(install=Install(generation=generation, nics=nics))
    assert member_of(EnrolledMachine("S1", allocation, history=history)).nics == (nics if counts else ())


def test_long_parts_are_the_same_objects_for_all_nodes() -> None:
    site = Site(swift_cluster(stores=40))
    site.refresh()
    one, other = (site.documents.get(f"z-swiftstore-{n}.example.com") for n in (1, 2))
    assert one is not None
    assert other is not None
    shared = {id(p) for p in one.pieces if isinstance(p, Fragment)}
    assert len(shared) > 10
    assert shared == {id(p) for p in other.pieces if isinstance(p, Fragment)}
