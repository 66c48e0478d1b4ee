import json
from collections.abc import Callable

import pytest

from reconciler.model.diagnostics import Diagnostic, Location, Severity
from reconciler.render.diagnostics import render_github, render_json, render_text


def problem(
    detail: str = "Do this.", at: Location | None = None, severity: Severity = Severity.ERROR, summary: str = "Bad"
) -> Diagnostic:
    return Diagnostic(severity, summary, detail, at)


def test_no_problems_print_nothing() -> None:
    assert render_text((), {}) == ""
    assert render_json((), {}) == "[]\n"
    assert render_github((), {}) == ""


def test_a_caret_points_at_the_value() -> None:
    got = render_text([problem(at=Location("f.yaml", 2, 4))], {"f.yaml": "a: 1\nb: 2\n"})
    assert got == "Error: Bad\n  at f.yaml:2:4\n   2 | b: 2\n          ^\nDo this.\n\n1 error.\n"


def test_a_problem_without_a_place_has_none() -> None:
    assert render_text([problem(severity=Severity.WARNING)], {}) == "Warning: Bad\nDo this.\n\n1 warning.\n"


def test_a_line_that_is_not_there_is_left_out() -> None:
    assert "|" not in render_text([problem(at=Location("f.yaml", 9, 1))], {"f.yaml": "a\n"})


def test_a_long_line_is_cut_around_the_caret() -> None:
    text = render_text([problem(at=Location("f", 1, 5001))], {"f": "x" * 5000 + "y" + "x" * 5000})
    _, _, line, caret, *_ = text.splitlines()
    assert len(line) < 200
    assert line[caret.index("^")] == "y"


@pytest.mark.parametrize(
    "line",
    [
        "  debain: http://ci:hunter2@mirror.example.com/debian",
        "  debian: [http://ci:hunter2@mirror.example.com/debian?sig=hunter2]",
        "  debian: 'http://ci:hunt hunter2@mirror.example.com/debian'",
        "  proxy: ci:hunter2@proxy:3128",
        "  url: https://mirror.example.com/x?token=hunter2 # mended soon",
        f"  {'x' * 300}: http://ci:hunter2@mirror.example.com/debian",
    ],
)
@pytest.mark.parametrize("render", [render_text, render_json, render_github])
def test_no_login_of_an_address_is_shown(render: Callable[..., str], line: str) -> None:
    for column in (3, line.index("hunter2") + 1, len(line)):
        found = problem(f'"{line.strip()}" is no address.', Location("f.yaml", 1, column))
        assert "hunt" not in render([found], {"f.yaml": f"{line}\n"})


@pytest.mark.parametrize(
    ("mark", "below"),
    [
        ("url", "url"),
        ("http", "http"),
        ("mirror", "mirror"),
        ("hunter2", "***"),
        (", more", ", more"),
        ("e: 1", "e: 1"),
    ],
)
def test_a_caret_points_at_what_it_did_beside_a_hidden_login(mark: str, below: str) -> None:
    line = "{url: http://ci:hunter2@mirror.example.com/debian, more: 1}"
    text = render_text([problem(at=Location("f", 1, line.index(mark) + 1))], {"f": line})
    _, _, shown, caret, *_ = text.splitlines()
    assert shown[caret.index("^") :].startswith(below)


def test_nothing_printed_can_steer_a_terminal() -> None:
    text = render_text([problem("\x1b[31m.", Location("f\x1b", 1, 1))], {"f\x1b": "a: \x1b]0;x\x07\tb"})
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            problem("50% of a, b: c\nd", Location("a,b:c.yaml", 3, 7), summary="Bad: x, y"),
            "::error file=a%2Cb%3Ac.yaml,line=3,col=7,title=Bad%3A x%2C y::50%25 of a, b: c%0Ad\n",
        ),
        (problem("x", severity=Severity.WARNING), "::warning title=Bad::x\n"),
        (problem("::error::forged\r\n::stop"), "::error title=Bad::::error::forged%0D%0A::stop\n"),
    ],
)
def test_annotations_are_escaped(given: Diagnostic, line: str) -> None:
    assert render_github([given], {}) == line


def test_json_keeps_everything() -> None:
    assert json.loads(render_json([problem(at=Location("f", 1, 2))], {})) == [
        {"severity": "error", "summary": "Bad", "detail": "Do this.", "file": "f", "line": 1, "column": 2}
    ]
