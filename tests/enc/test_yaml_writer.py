"""What we write is read as meant, by PyYAML and by Ruby's Psych: one process, thousands of values."""

import json
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.enc import yaml_writer
from reconciler.enc.params import LongText, SecretText, SecretWords
from reconciler.model.machine import SecretRef

TRAPS = (
    "02:00", "::1", "1,000", ":x", "0,1", "yes", "Yes", "NO", "no", "on", "Off", "y", "N", "1e3", "1.5e3", "1e+3",
    "0x10", "0123", "0o17", "0b11", "~", "null", "Null", "", " ", "2026-11-22", "2026-11-22 10:00:00",
    "2026-11-22T10:00:00Z", "<<", "=", " x", "x ", '\tx', 'x\n', '\nx', '\n', 'a\nb', 'a\n\nb\n', 'a\n\n',
    'a \nb\n', ' a\nb\n', "# no", "a #b", "a: b", "a:", "- a", "-", "--- a", "---", "...", "? a", "!x", "&a", "*a",
    "@a", "`a", "%a", "|", ">", "'a'", "\"a\"", "{a}", "[a]", "a, b", "1_000", "+1", "-1", ".5", "5.", ".inf",
    "-.INF", ".nan", "NaN", "Infinity", "1.2.3", "10.0.0.1", "10.0.0.0/24", "fe80::1", "190:20:30", "12e03",
    "0.1e1", "true", "FALSE", "TrUe", "é", "日本", "😀", '\x85', '\u2028', '\ufeff', 'a\rb', '\x00', '\x1b', '\x7f',
    '\xa0', "a\\b", "swift-api.example.com", "oci::generic", "a::", "a::b:", 'Types: deb\nURIs: x\n', '%%A%%\nb\n',
    '---\nrole: x\n', "e", "E1", "_1", "a_b", "12:30:45", "0", "00", "1", "-0", "1.", "685_230.15", "0.", "0x_0A",
    "2001-12-14t21:59:43.10-05:00", "!!str 1", 'a\tb', '\xe9\nb\n', "~a", "a~",
)  # fmt: skip

scalars = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=30) | st.sampled_from(TRAPS) | st.text("-+0123456789:,._eExXabF ", min_size=1, max_size=12)
keys = texts.filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text))
values = st.recursive(
    scalars | keys,
    lambda inner: st.lists(inner, max_size=10).map(tuple) | st.dictionaries(keys, inner, max_size=10),
    max_leaves=12,
)
documents = st.dictionaries(keys, values, max_size=6)


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def by_psych(documents: list[str]) -> list[Any]:
    if shutil.which("ruby") is None:
        pytest.skip("needs ruby (apt: ruby)")
    program = "puts JSON.generate(JSON.parse(STDIN.read).map { |text| YAML.safe_load(text) })"
    run = [*["ruby", "-ryaml", "-rjson", "-e"], program]
    ran = subprocess.run(run, input=json.dumps(documents).encode(), capture_output=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr.decode()
    return json.loads(ran.stdout)


def test_traps_are_read_as_meant_as_values_keys_and_items() -> None:
    documents = [
        {
            "value": t,
            t: "key",
            "items": (t, t),
            "in": {"list": ({"a": t, t: "b"},)},
            "under": {t: {"a": ("b",)}, "x": {t: ()}},
        }
        for t in TRAPS
    ]
    written = [yaml_writer.dump(document) for document in documents]
    assert [yaml.safe_load(text) for text in written] == plain(documents)
    assert by_psych(written) == plain(documents)


@settings(max_examples=60)
@given(documents)
@example({"a": 1e16, "b": 5e-324, "c": -1.5, "d": 1e22})
def test_anything_is_read_back_by_pyyaml(document: dict[str, Any]) -> None:
    assert yaml.safe_load(yaml_writer.dump(document)) == plain(document)


def test_thousands_of_drawn_values_are_read_back_by_psych() -> None:
    drawn: list[dict[str, Any]] = []

    @settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(scalars | texts, min_size=40, max_size=50), documents)
    def draw(some: list[Any], document: dict[str, Any]) -> None:
        drawn.append({"values": tuple(some), "document": document})

    draw()
    read = by_psych([yaml_writer.dump(document) for document in drawn])
    for got, meant in zip(read, drawn, strict=True):
        assert got == plain(meant)
    assert sum(len(one["values"]) for one in drawn) > 2000


def test_a_mapping_of_many_keys_and_a_list_of_mappings_keep_their_shape() -> None:
    many = {f"key{n}": ({"a": 1, "b": (1, 2)}, {"a": {"c": ()}}, {}) for n in range(12)}
    assert yaml.safe_load(yaml_writer.dump({"x": many, "y": (many, (many,))})) == plain(
        {"x": many, "y": (many, (many,))}
    )


def test_lone_surrogates_become_the_replacement_character() -> None:
    assert yaml.safe_load(yaml_writer.dump({"a": "x\ud800y"})) == {"a": "x\N{REPLACEMENT CHARACTER}y"}


def test_texts_of_several_lines_stay_readable() -> None:
    assert yaml_writer.dump({"sources": "Types: deb\n\nURIs: x\n"}) == "sources: |\n  Types: deb\n\n  URIs: x\n"


def test_secrets_are_shown_by_name_unless_revealed() -> None:
    secret = SecretText(SecretRef("z", "swift", "hashpathprefix"))
    assert yaml_writer.dump({"pass": secret}) == 'pass: !secret "swift/hashpathprefix"\n'
    assert yaml_writer.dump({"pass": secret}, lambda s: yaml_writer.quoted(s.ref.owner)) == 'pass: "z"\n'


def test_what_two_documents_share_is_written_once() -> None:
    peers, hosts = tuple(f"z-sto-{n}" for n in range(40)), "a long tail"
    writer = yaml_writer.YamlWriter()
    first, second = (
        writer.write({"classes": {"c": {"me": me, "peers": peers, "hosts": LongText(f"own {me} ", hosts)}}})
        for me in ("a", "b")
    )
    shared = [piece for piece in first if isinstance(piece, yaml_writer.Fragment)]
    assert shared == [piece for piece in second if isinstance(piece, yaml_writer.Fragment)]
    assert len(shared) == 2


@pytest.mark.parametrize("text", TRAPS)
def test_inside_json_is_what_stands_between_the_quotes(text: str) -> None:
    assert json.loads(b'"' + yaml_writer.inside_json(text) + b'"') == text


def test_several_secrets_are_one_text() -> None:
    words = SecretWords(tuple(SecretText(SecretRef("z", "ceph", kind)) for kind in ("uuid", "key")))
    assert (
        yaml_writer.dump({"a": words, "b": (words,)})
        == 'a: !secret "ceph/uuid ceph/key"\nb:\n  - !secret "ceph/uuid ceph/key"\n'
    )
    revealed = yaml_writer.dump({"a": words}, lambda secret: yaml_writer.quoted(f'{secret.ref.kind}"'))
    assert yaml.safe_load(revealed) == {"a": 'uuid" key"'}
