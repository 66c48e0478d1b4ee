"""What counts as equal in two documents, and that nothing else does."""

import base64
from typing import Any

import pytest

from reconciler.model.signature import Parameter, Signatures

from .compare import Compared, Correction, compare, same
from .documents import digest


def text(said: str) -> str:
    return base64.b64encode(said.encode()).decode()


@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        ("a", 1, "1"),
        ("a", 1.50, "1.5"),
        ("a", None, ""),
        ("a", [], None),
        ("a", ["x", "y"], ["y", "x"]),
        ("a", "x,y", "y, x"),
        ("a", [{"k": 1, "empty": ""}, {"k": 2}], [{"k": "2"}, {"k": "1"}]),
        ("a", "a certificate, in base64", "<pem>"),
        ("a", "any text at all", digest("any text at all")),
        ("etc_hosts", text("192.0.2.1 a b\n127.0.0.1 localhost\n"), text("# comment\n192.0.2.1\tb a\n")),
        ("oci_facts", text("role: x\nnic_drivers: [a]\n"), text("---\nrole: x\n")),
        ("tokens_base64", text('{"a": "b"}'), text('{"a":"b"}')),
    ],
)
def test_these_mean_the_same(name: str, ours: Any, theirs: Any) -> None:
    assert same(name, ours, theirs)


@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        ("a", 0, None),
        ("a", False, None),
        ("a", False, 0),
        ("a", "x", ["x"]),
        ("a", ["x"], ["x", "x"]),
        ("a", [{"k": 1}, {"k": 1}], [{"k": 1}, {"k": 2}]),
        ("a", [{"k": 1}, {"k": 2}], [{"k": 1}]),
        ("a", "short", "<key>"),
        ("a", "another text", digest("any text at all")),
        ("etc_hosts", text("192.0.2.1 a\n"), text("192.0.2.2 a\n")),
        ("oci_facts", text("role: x\n"), text("role: y\n")),
        ("oci_facts", "no base64", text("role: y\n")),
    ],
)
def test_these_do_not(name: str, ours: Any, theirs: Any) -> None:
    assert not same(name, ours, theirs)


def test_every_difference_is_told_once_and_a_correction_is_none() -> None:
    theirs = {"n1": {"oci::a": {"same": 1, "other": 1, "absent": 1, "known": 1, "nothing": ""}}, "n2": {"oci::a": {}}}
    ours = {"n1": {"oci::a": {"same": "1", "other": 2, "known": 2, "more": 3, "by_itself": 4}, "oci::b": {}}}
    corrected = [Correction("", "oci::a", "known", "")]
    signatures = Signatures("", {"oci::a": {"by_itself": Parameter("4")}})
    found = compare(theirs, ours, corrected, signatures)
    assert (found.total, found.equal, found.corrected) == (4, 1, 1)
    assert found.differences == (
        "n1 oci::b: a class that OCI does not give",
        "n2: no document",
        "n1 oci::a absent: OCI gave 1, we nothing",
        "n1 oci::a other: OCI gave 1, we 2",
        "n1 oci::a more: OCI gave nothing, we 3",
    )
    assert "by_itself" in str(compare(theirs, ours, corrected).differences), "without signatures nobody knows"
    assert compare(theirs, theirs) == Compared(4, 4, 0, ())
