"""Addresses in messages, logs and pages, without what may be secret in them."""

import pytest

from reconciler.model.redaction import redact, redact_address


@pytest.mark.parametrize(
    "address",
    [
        "https://user:hunter2@git.example.com/x",
        "https://hunter2@git.example.com/x",
        "https://user:hun/hunter2@git.example.com/x",
        "https://user:a@hunter2@git.example.com/x",
        "https://user:pass hunter2@git.example.com/x",
        "https://user%3Ahunter2%40git.example.com/x",
        "https%3A%2F%2Fuser%3Ahunter2%40git.example.com/x",
        r"https:\/\/user:hunter2@git.example.com/x",
        "https://git.example.com/x?private_token=hunter2",
        "https://git.example.com/x?a=b&access_token=hunter2",
        "https://git.example.com/x#token=hunter2",
        "https://git.example.com/x%3Ftoken%3Dhunter2",
        "https://git.example.com/x;key=hunter2",
        "https://user:hunter2@git.example.com/x?token=hunter2@git.example.com/x",
        "user:hunter2@git.example.com/x",
        "user:hunter2@git.example.com/x?hunter2",
    ],
)
def test_credentials_are_left_out_of_addresses_and_of_texts_with_them(address: str) -> None:
    assert "hunter2" not in redact_address(address)
    assert "git.example.com/x" in redact_address(address)
    if " " in address:
        return
    for text in (f"fatal: unable to access '{address}': no", f"see <{address}>.", f'{{"url":"{address}"}}', address):
        assert "hunter2" not in redact(text)
        assert "git.example.com/x" in redact(text)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:pw@git.example.com/x", "https://***@git.example.com/x"),
        ("https://git.example.com/x?token=y", "https://git.example.com/x?***"),
        ("postgresql://me:pw@db/reconciler", "postgresql://***@db/reconciler"),
        ("postgresql://db/reconciler?password=pw", "postgresql://db/reconciler?***"),
    ],
)
def test_what_is_left_of_an_address(address: str, shown: str) -> None:
    assert redact_address(address) == shown


@pytest.mark.parametrize(
    "text",
    [
        "git@git.example.com:ops/specs.git",
        "https://git.example.com/ops/specs: not found.",
        "file:///srv/git/specs.git and /srv/git/specs.git",
        "mail to ops@example.com, or look at getty@tty1.service",
        "is it there? # no",
        "",
    ],
)
def test_a_text_without_credentials_stays_as_it_is(text: str) -> None:
    assert redact(text) == text
