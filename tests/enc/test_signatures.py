"""The tables beside the Puppet module: no cluster needed."""

import pytest

from reconciler.enc.params import Derived, PuppetClass, Setting
from reconciler.enc.roles import ALL_CLASSES
from reconciler.model.debian import module_for
from reconciler.model.signature import Parameter, Signatures, newest, parse, to_json
from reconciler.specs.puppet_module import known_signatures
from reconciler.specs.settings_table import load_table

from ..reference import facts
from .build import ROOT, signatures

SIGNATURES = signatures()


@pytest.mark.parametrize("puppet_class", ALL_CLASSES, ids=lambda c: c.name)
def test_table_and_puppet_signature_agree(puppet_class: PuppetClass) -> None:
    accepts = set(SIGNATURES.classes[puppet_class.name])
    assert puppet_class.may_give - accepts == set(), "we give what Puppet does not accept"
    assert accepts - puppet_class.may_give == set(puppet_class.left_to_puppet), "say where these come from"


@pytest.mark.parametrize("puppet_class", ALL_CLASSES, ids=lambda c: c.name)
def test_every_setting_of_a_table_exists(puppet_class: PuppetClass) -> None:
    named = {s.name for section in puppet_class.sections for s in section.params.values() if isinstance(s, Setting)}
    assert named - set(load_table()) == set(), "no row of reconciler/data/settings.yaml says what these are"


@pytest.mark.parametrize("puppet_class", ALL_CLASSES, ids=lambda c: c.name)
def test_a_text_in_base64_is_known_as_one(puppet_class: PuppetClass) -> None:
    rows = {name: s for section in puppet_class.sections for name, s in section.params.items()}
    derived = {name: source for name, source in rows.items() if isinstance(source, Derived)}
    told = {name for name, source in derived.items() if source.why.partition("\n")[0].endswith("in base64")}
    assert told == {name for name, source in derived.items() if source.base64}, "people read these in clear"


@pytest.mark.parametrize("version", facts.VERSIONS)
def test_what_must_be_given_may_be_given(version: str) -> None:
    for table in ALL_CLASSES:
        accepted = signatures(version).classes.get(table.name, {})
        must_be = {name for name, row in accepted.items() if row.mandatory}
        assert must_be <= table.may_give, f"{table.name} of {version} must be given what no section of ours gives"


def rows(found: Signatures) -> set[tuple[str, str, Parameter | None]]:
    """Every class with each of its parameters, and once alone."""
    given = {(of, name, row) for of, accepts in found.classes.items() for name, row in accepts.items()}
    return given | {(of, "", None) for of in found.classes}


@pytest.mark.parametrize("version", facts.VERSIONS)
def test_the_signatures_are_those_of_the_real_module(version: str) -> None:
    assert rows(signatures(version)) ^ rows(facts.signatures(version)) == set(), "only one of the two says so"


def test_every_version_that_ships_is_compared_with_the_real_module() -> None:
    assert set(known_signatures()) == set(facts.VERSIONS), (
        "add it to VERSIONS of tests/reference/facts.py, and its lines by python -m tests.reference.versions"
    )


def test_versions_are_compared_as_numbers() -> None:
    assert newest(["43.0.9", "43.0.10", "42.2.5"]) == "43.0.10"


@pytest.mark.parametrize(
    ("release", "known", "expected"),
    [
        ("trixie", ("42.2.5", "43.0.10", "43.0.45"), "43.0.10"),
        ("trixie", ("42.2.5", "43.0.9", "43.0.45"), "43.0.9"),
        ("bookworm", ("42.2.5", "43.0.10"), "42.2.5"),
        ("bookworm", ("43.0.10", "43.0.45"), "43.0.45"),
        ("sid", ("42.2.5", "43.0.10", "43.0.45"), "43.0.45"),
    ],
    ids=["its own", "the one before it", "the oldest", "none that suits", "newer than all releases"],
)
def test_a_release_has_the_newest_module_that_is_not_newer_than_its_own(
    release: str, known: tuple[str, ...], expected: str
) -> None:
    assert module_for(release, known) == expected


def test_the_schemas_folder_shows_the_signatures_that_ship() -> None:
    shown = {path.name: path.read_text() for path in (ROOT / "schemas/puppet").glob("*.json")}
    assert shown == {path.name: path.read_text() for path in (ROOT / "reconciler/data/puppet").glob("*.json")}
    assert "43.0.45.json" in shown


MANIFEST = """
# class not::this($one = 1)
class oci::some(
  $plain,
  String              $typed,
  Optional[String]    $optional  = undef,  # why (not)
  Array[Hash[String, Integer]] $list = [{'a' => 1}, { b => 2 }],
  $text               = 'a, b) # not a comment',
  $facts_too          = ["x, y", $facts['networking']['fqdn']],
#  $off               = 1,
  Enum['a', 'b']      $last      = "a",
) inherits oci::params {
  class { 'other': one => 1 }
  $inside = 5
}
class oci::none {
  notify { 'x': }
}
"""


def test_a_manifest_is_read_like_puppet_reads_it() -> None:
    assert parse(MANIFEST) == {
        "oci::some": {
            "plain": Parameter(None),
            "typed": Parameter(None),
            "optional": Parameter("undef"),
            "list": Parameter("[{'a' => 1}, { b => 2 }]"),
            "text": Parameter("'a, b) # not a comment'"),
            "facts_too": Parameter("[\"x, y\", $facts['networking']['fqdn']]"),
            "last": Parameter('"a"'),
        },
        "oci::none": {},
    }


def test_signatures_are_kept_in_alphabetical_order() -> None:
    assert list(to_json(parse("class b($z, $a = 1) {}\nclass a($x) {}"))) == ["a", "b"]
    assert to_json(parse("class b($z) {}")) == {"b": {"z": {"default": None, "mandatory": True}}}
