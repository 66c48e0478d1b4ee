"""What Puppet's certificate authority answers to ``ca clean``, and what is made of it."""

import pytest

from reconciler.provisioning.puppet_ca import clean_command, why_not_clean

NAME = "cl1-compute-1.example.com"
CODE_500 = f"Error:\n    When attempting to clean certificate '{NAME}', received:\n      code: 500"
REVOKED, CLEANED = f"Revoked certificate for {NAME}\n", f"Cleaned files related to {NAME}\n"
DOWN = "Fatal error when running action 'clean'\n  Error: Failed connecting to https://puppet:8140\n"


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (0, REVOKED + CLEANED, None),
        (24, CLEANED, None),
        (1, f"Error:\n    Could not find files to clean for {NAME}\n", None),
        (1, f"Error:\n    Could not find files for {NAME}\n", None),
        (1, f"Error:\n    Could not find files to clean for {NAME}.org\n", "it ended with 1, saying: Error: Could"),
        (1, DOWN, "it ended with 1, saying: Fatal error"),
        (0, "", f"it ended with 0 and did not say that it cleaned {NAME}; it said: nothing"),
        (0, REVOKED, "it ended with 0 and did not say that it cleaned"),
        (1, REVOKED + CODE_500, "it ended with 1, saying: Revoked"),
        (127, "sudo: puppetserver: command not found", "it ended with 127, saying: sudo"),
    ],
    ids=[
        "signed", "requested", "nothing there", "nothing there, of old", "another name", "down", "silent", "half",
        "refused", "no such command",
    ],
)  # fmt: skip
def test_the_outcome_is_read(status: int, said: str, expected: str | None) -> None:
    found = why_not_clean(NAME, status, said)
    assert found is None if expected is None else found is not None and found.startswith(expected)


def test_the_name_is_put_into_words_of_the_command() -> None:
    template = ("ssh", "puppet", "puppetserver", "ca", "clean", "--certname={certname}")
    assert clean_command(template, NAME)[-1] == f"--certname={NAME}"


@pytest.mark.parametrize("name", ["", "--all", "a b", "a;reboot", "a,b", "$(reboot)", "a-"])
def test_what_is_no_name_is_put_nowhere(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a certificate"):
        clean_command(("clean", "{certname}"), name)
