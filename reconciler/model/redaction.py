"""Shows addresses without what may be secret in them: user names, passwords, query strings and fragments.

Rather too much is left out than a password shown. Whoever made the address knows it; who reads a log need not.
"""

import re

HIDDEN = "***"

_MARKS = re.compile(r"[?#;]|%3[fF]|%23|%3[bB]")
"""What begins a query or a fragment, encoded or not; parameters of a path may be keys as well."""
_SEPARATOR = re.compile(r"://|:\\/\\/|%3[aA](?:%2[fF]){2}")
"""Between the scheme and the rest, as it is, in JSON that escapes slashes, or encoded in another address."""
_AT = re.compile(r"@|%40")
_QUOTES = "'\"<>()[]{},"
_WORD = re.compile(r"\S+")
_ASSIGNED = re.compile(r"(?i)\b([\w-]*(?:token|passw(?:or)?d|secret|api[_-]?key))=[^\s&;,\"'<>]+")
_AUTHORIZATION = re.compile(r"(?i)\b(authorization: *\w+) +[^\s\"'<>]+")
_NO_ADDRESS = re.compile(r"[^:/@]*@[^:@]*")
"""A mail address, an instance of a unit: nothing before the @ is a secret."""


def redact(text: str) -> str:
    """A text of any kind, with each address in it as ``redact_address`` shows it. Words end at blanks.

    Hidden is, too, what stands behind ``token=``, ``password=`` and the like, and what authorizes a request.
    """
    shown = _WORD.sub(lambda found: _word(found[0]), text)
    return _AUTHORIZATION.sub(rf"\1 {HIDDEN}", _ASSIGNED.sub(rf"\1={HIDDEN}", shown))


def redact_address(address: str) -> str:
    """An address, or what somebody took for one, blanks and all: ``https://***@git.example.com/x?***``.

    ``user@host:path``, which SSH's programs know and which holds no password, is shown as it is.
    """
    scheme = _SEPARATOR.search(address)
    if scheme is None:
        return _like_scp(address)
    head, rest = address[: scheme.end()], address[scheme.end() :]
    if found := list(_AT.finditer(rest)):
        rest = f"{HIDDEN}@{rest[found[-1].end() :]}"
    return head + _without_query(rest)


def _without_query(rest: str) -> str:
    mark = _MARKS.search(rest)
    return rest if mark is None else f"{rest[: mark.end()]}{HIDDEN}"


def _like_scp(address: str) -> str:
    """``user:password@host:path`` without the password."""
    before, at, after = address.rpartition("@")
    if not at:
        return address
    return _without_query(f"{HIDDEN if ':' in before or '@' in before else before}@{after}")


def _word(word: str) -> str:
    """A word of a text, which may be quoted and have a full stop behind it."""
    if not ("@" in word or _SEPARATOR.search(word)) or _NO_ADDRESS.fullmatch(word):
        return word
    core = word.lstrip(_QUOTES)
    opening = word[: len(word) - len(core)]
    kept = core.rstrip(_QUOTES + ".:!")
    return opening + redact_address(kept) + core[len(kept) :]
