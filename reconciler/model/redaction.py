"""Shows addresses without what may be secret in them: user names, passwords, query strings and fragments.

Rather too much is left out than a password shown. Whoever made the address knows it; who reads a log need not.
"""

import re
from base64 import b64decode, b64encode

HIDDEN = "***"
UNCLEAR_LOGIN = (
    "the address of the database does not say clearly where its login ends: write %40 for @, %2F for / and %3F for ? "
    "within user, password, name of the database and options"
)
"""The error about an address that ``has_clear_login`` refuses. It does not show it: no part is surely no password."""

_MARKS = re.compile(r"[?#;]|%3[fF]|%23|%3[bB]")
"""What begins a query or a fragment, encoded or not; parameters of a path may be keys as well."""
_SEPARATOR = re.compile(r"://|:\\/\\/|%3[aA](?:%2[fF]){2}")
"""Between the scheme and the rest, as it is, in JSON that escapes slashes, or encoded in another address."""
_AT = re.compile(r"@|%40")
_QUOTES = "'\"<>()[]{},"
_WITH_BLANKS = re.compile(r"(://)[^\s/@?#\[]+:(?!\s|\d+(?:[/\s]|$))[^@\s]{0,99}[^\S\n][^@\n]{0,99}@")
"""A login whose password has a blank in it: of an address that its writer has still to mend. Texts that machines made
may be long and have neither end: so it is bounded."""
_WORD = re.compile(r"\S+")
_ASSIGNED = re.compile(r"(?i)\b([\w-]*(?:token|passw(?:or)?d|secret|api[_-]?key))=[^\s&;,\"'<>]+")
_AUTHORIZATION = re.compile(r"(?i)\b(authorization: *\w+) +[^\s\"'<>]+")
_BEHIND_PASSWORD = re.compile(r"(?is)(pass\w*\s*=).*")
"""A keyword of libpq's, whose value may be quoted and have blanks in it and around it: all that follows is hidden."""
_NO_PORT = re.compile(r"(?s)((?:^|://)(?:\[[^]/]*\]|[^][:/@]*):)(?!//|\d*(?:[/?]|$)).*")
"""Behind the first colon stands no number: the password of an address whose host was forgotten."""
_LOGIN = re.compile(r"[^:/]*(?::[^@]*)?@")
"""What ends at the first "@" for SQLAlchemy, whose password may hold slashes and question marks."""
_NO_ADDRESS = re.compile(r"[^:/@]*@(?:[^:@]*|[^:/]*/[^?#;]*)|[\W_]*@[\W_]*")
"""A mail address, an instance of a unit, a path behind a label, a list of signs: nothing before the @ is a secret."""


def redact(text: str, *, base64: bool = False) -> str:
    """A text with each address in it as ``redact_address`` shows it.

    Hidden is, too, what stands behind ``token=``, ``password=`` and the like, and what authorizes a request.

    Args:
        text: Of any kind; words end at blanks.
        base64: The text is in base64, and its meaning is what is shown so; what is no base64 stays as it is.
    """
    if base64:
        return _redact_base64(text)
    shown = _WORD.sub(lambda found: _word(found[0]), _WITH_BLANKS.sub(rf"\1{HIDDEN}@", text))
    return _AUTHORIZATION.sub(rf"\1 {HIDDEN}", _ASSIGNED.sub(rf"\1={HIDDEN}", shown))


def _redact_base64(text: str) -> str:
    try:
        meant = b64decode(text, validate=True).decode()
    except ValueError:
        return text
    shown = redact(meant)
    return text if shown == meant else b64encode(shown.encode()).decode("ascii")


def redact_address(address: str) -> str:
    """An address, or what somebody took for one, blanks and all: ``https://***@git.example.com/x?***``.

    ``user@host:path``, which SSH's programs know and which holds no password, is shown as it is.
    """
    scheme = _SEPARATOR.search(address)
    if scheme is None:
        return _like_scp(address)
    head, rest = address[: scheme.end()], address[scheme.end() :]
    if not (found := list(_AT.finditer(rest))):
        return head + _without_query(rest)
    mark = _MARKS.search(rest)
    path_end = mark.start() if mark else len(rest)
    login_end = max((each.end() for each in found if each.end() <= path_end), default=path_end)
    if found[-1].end() > path_end and "/" not in rest[login_end:path_end]:
        return head + HIDDEN  # a password with a question mark in it, or a query with an @: nobody can tell
    return f"{head}{HIDDEN}@{_without_query(rest[login_end:])}"


def redact_database(address: str) -> str:
    """The address of a database, or what somebody took for one: a URL, libpq's keywords, the path of a file.

    A SQLite database has no login: its path is shown as it is.
    """
    if address.startswith("sqlite:///"):
        return address
    shown = _NO_PORT.sub(rf"\1{HIDDEN}", redact_address(address))
    return _BEHIND_PASSWORD.sub(rf"\1{HIDDEN}", shown)


def has_clear_login(address: str) -> bool:
    """Whether no part of the login in a database's address can be taken for its host, and told in errors so.

    Drivers name the host that they do not reach. In ``user:pa@ss@host`` that is ``ss@host`` for them.
    """
    rest = address.partition("://")[2]
    login = _LOGIN.match(rest)
    before, after = (login[0], rest[login.end() :]) if login else ("", rest)
    return "@" not in after and "=" not in before.partition("?")[2]


def _without_query(rest: str) -> str:
    mark = _MARKS.search(rest)
    return rest if mark is None else f"{rest[: mark.end()]}{HIDDEN}"


def _like_scp(address: str) -> str:
    """``user:password@host:path`` without the password."""
    before, at, after = address.rpartition("@")
    if not at:
        return address
    if _MARKS.search(before):
        return HIDDEN
    return _without_query(f"{HIDDEN if ':' in before or '@' in before else before}@{after}")


def _word(word: str) -> str:
    """A word of a text, which may be quoted and have a full stop behind it."""
    if _SEPARATOR.search(word) is None and ("@" not in word or _NO_ADDRESS.fullmatch(word)):
        return word
    core = word.lstrip(_QUOTES)
    opening = word[: len(word) - len(core)]
    kept = core.rstrip(_QUOTES + ".:!")
    return opening + redact_address(kept) + core[len(kept) :]
