import json

import pytest

from reconciler.model.errors import PermanentError
from reconciler.model.secret_parts import join_parts, part_of

CERTIFICATE = join_parts("certificate", {"key": "KEY\n", "crt": "CRT\n"})


def test_a_secret_without_parts_is_given_whole() -> None:
    assert part_of("0123", "hex") == "0123"


def test_a_certificate_is_given_part_by_part() -> None:
    assert part_of(CERTIFICATE, "certificate", "crt") == "CRT\n"


def test_a_certificate_brought_without_its_bundle_gets_one() -> None:
    assert part_of(CERTIFICATE, "certificate", "pem") == "CRT\nKEY\n"


def test_a_key_pair_makes_a_line_for_authorized_keys() -> None:
    pair = json.dumps({"private": "...", "public": "AAAA"})
    assert part_of(pair, "ssh", "authorized") == "ssh-rsa AAAA"


@pytest.mark.parametrize(
    ("text", "form", "part", "said"),
    [
        ("0123", "hex", "key", 'has no part "key"'),
        (CERTIFICATE, "certificate", None, "taken by its part: key, crt, csr, pem, chain"),
        (CERTIFICATE, "certificate", "private", "taken by its part"),
        (CERTIFICATE, "certificate", "chain", "brought from outside without one"),
    ],
)
def test_a_part_that_is_not_there_is_refused(text: str, form: str, part: str | None, said: str) -> None:
    with pytest.raises(PermanentError, match=said):
        part_of(text, form, part)


@pytest.mark.parametrize(
    ("form", "parts", "said"),
    [
        ("certificate", {"key": "KEY"}, "needs crt"),
        ("certificate", {"key": "KEY", "crt": ""}, "needs crt"),
        ("ssh", {"private": "x", "public": "y", "crt": "z"}, "has no crt"),
    ],
)
def test_parts_that_make_no_whole_are_refused(form: str, parts: dict[str, str], said: str) -> None:
    with pytest.raises(PermanentError, match=said):
        join_parts(form, parts)
