"""Addresses in messages, logs and pages, without what may be secret in them."""

import pytest

from reconciler.model.redaction import has_clear_login, redact, redact_address, redact_database


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
        ("https://git.example.com/x?token=p@w", "https://***"),
        ("https://me:p?w@git.example.com/x", "https://***"),
        ("https://me:pw@git.example.com/x?token=p@w", "https://***@git.example.com/x?***"),
        ("https://me:p@w?p@git.example.com/x", "https://***"),
        ("git.example.com/x?token=p@w", "***"),
    ],
)
def test_what_is_left_of_an_address(address: str, shown: str) -> None:
    assert redact_address(address) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:hunter2@db/reconciler", "postgresql://***@db/reconciler"),
        ("postgresql://me:hunter2@db:5432/reconciler?password=hunter2", "postgresql://***@db:5432/reconciler?***"),
        ("postgresql://me:hunter2", "postgresql://me:***"),
        ("postgresql://me:hunter2/reconciler", "postgresql://me:***"),
        ("me:hunter2", "me:***"),
        ("postgresql://[::1]:5432/reconciler", "postgresql://[::1]:5432/reconciler"),
        ("postgresql://[::1]:hunter2/reconciler", "postgresql://[::1]:***"),
        ("host=db password=hunter2 user=me", "host=db password=***"),
        ("host=db PASSWORD = 'a hunter2'", "host=db PASSWORD =***"),
        ("host=db sslpassword=hunter2", "host=db sslpassword=***"),
        ("sqlite:///srv/me@host/reconciler.db", "sqlite:///srv/me@host/reconciler.db"),
        ("reconciler.db", "reconciler.db"),
    ],
)
def test_what_is_left_of_the_address_of_a_database(address: str, shown: str) -> None:
    assert redact_database(address) == shown


@pytest.mark.parametrize(
    ("address", "clear"),
    [
        ("postgresql://db/reconciler", True),
        ("postgresql://me:hun/ter2@db/reconciler?sslmode=require", True),
        ("postgresql://me:hun?ter2@db/reconciler", True),
        ("postgresql://me@azure:hun%40ter2@db/reconciler", True),
        ("postgresql://me:a@hunter2@db/reconciler", False),
        ("postgresql://m/e:hunter2@db/reconciler", False),
        ("postgresql://me:a@b?hunter2=@db/reconciler", False),
        ("postgresql://db:5432/reconciler?password=a@hunter2", False),
        ("postgresql://me:a@db/reconciler?password=a@hunter2", False),
    ],
)
def test_a_password_that_a_driver_takes_for_a_host_is_known(address: str, clear: bool) -> None:
    assert has_clear_login(address) is clear


@pytest.mark.parametrize(
    "text",
    [
        "git@git.example.com:ops/specs.git",
        "https://git.example.com/ops/specs: not found.",
        "file:///srv/git/specs.git and /srv/git/specs.git",
        "mail to ops@example.com, or look at getty@tty1.service",
        "is it there? # no",
        "letters, digits and _.,:=/@+~%- only",
        "no answer from http://mirror.example.com:8080 to ops@example.com",
        "default@Default@themes/default:material@Material@themes/material",
        "",
    ],
)
def test_a_text_without_credentials_stays_as_it_is(text: str) -> None:
    assert redact(text) == text
