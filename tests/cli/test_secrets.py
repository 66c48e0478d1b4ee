"""No command but those that are asked for a secret ever prints one."""

import base64
import json
from contextlib import closing
from typing import Any

import pytest

from reconciler.model.machine import SecretRef

from .conftest import CONTROLLER, PROXY, STORE, Laid, text_of

COMMANDS = [
    "plan",
    "plan --format json",
    "plan --format markdown",
    "observe",
    "machines",
    "machines --format json",
    f"machines {STORE}",
    f"machines {STORE} --format json",
    "clusters --format json",
    "events --limit 1000",
    "events --limit 1000 --format json",
    f"explain {STORE}",
    f"explain {PROXY} --format json",
    f"explain {CONTROLLER} --format json",
    "secrets list",
    "secrets list --format json",
    "export",
]

TRICKY = ["correct horse", 'quote " and \\ backslash', "ünïcödé-šecret", "{{ braces }}", "0123456789abcdef" * 8]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_secret_is_printed(on: Any, laid: Laid, command: str) -> None:
    laid.change(
        "swift_object_replicator_concurrency: 5",
        "swift_object_replicator_concurrency: 5\n    swift_proxy_hostname: s3.example.com",
    )  # another secret
    laid.commit()
    said = on(*command.split())
    assert said.status == 0
    assert "SECRET-" not in said.out + said.err
    assert base64.b64encode(b"SECRET")[:8].decode() not in said.out  # as documents hold certificates


def test_the_test_would_find_them(on: Any) -> None:
    given = on("enc", PROXY).out
    assert "SECRET-" in given
    assert base64.b64encode(b"SECRET")[:8].decode() in given


@pytest.mark.parametrize("text", TRICKY)
def test_no_spelling_of_a_secret_is_printed(on: Any, laid: Laid, text: str) -> None:
    ref = SecretRef("fleet", "bmc", "password", "text")
    with closing(laid.open()) as site:
        site.store.set_secret(ref, text, at=site.now(), who="test")
    spellings = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
    for command in ("events --format json", "observe", "secrets list", "export"):
        said = on(*command.split())
        assert not any(spelling in said.out + said.err for spelling in spellings)


def test_what_is_masked_is_made_of_real_secrets(laid: Laid) -> None:
    with closing(laid.open()) as site:
        names = [ref for ref, _ in site.store.list_secrets()]
        assert len(names) > 20
        assert all(site.store.secret(ref) == text_of(ref) for ref in names)


def test_a_secret_is_rotated_once_for_who_asks_and_gives_a_reason(on: Any, laid: Laid) -> None:
    with closing(laid.open()) as site:
        ref = next(ref for ref, _ in site.store.list_secrets() if ref.form == "hex")
        before = site.store.secret(ref)
    assert on("secrets", "rotate", str(ref)).status == 64  # no reason
    assert on("secrets", "rotate", str(ref), "--why", "somebody left").status == 0
    with closing(laid.open()) as site:
        after = site.store.secret(ref)
    assert after not in (None, before)
    told = [
        json.loads(line) if isinstance(line, str) else line for line in json.loads(on("events", "--format", "json").out)
    ]
    (event,) = [one for one in told if "rotated" in json.dumps(one)]
    assert "somebody left" in json.dumps(event)
    assert str(ref) in json.dumps(event)


@pytest.mark.parametrize(("form", "told"), [("certificate", "pki renew"), ("uuid", "identifies something that runs")])
def test_what_somebody_else_keeps_is_not_rotated(on: Any, laid: Laid, form: str, told: str) -> None:
    with closing(laid.open()) as site:
        site.store.mint([SecretRef("cl9", "some", "uuid", "uuid")], site.now())
        ref = next(ref for ref, _ in site.store.list_secrets() if ref.form == form)
        before = site.store.secret(ref)
    said = on("secrets", "rotate", str(ref), "--why", "a drill")
    assert said.status == 1
    assert told in said.err
    with closing(laid.open()) as site:
        assert site.store.secret(ref) == before
