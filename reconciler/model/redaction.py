"""Texts without the secrets in addresses that they quote: messages, logs and pages show no more of them.

Rather too much is left out than too little: who wrote the address knows it.
"""

import re
from typing import Final

HIDDEN: Final = "***"

_RULES: Final = (
    (re.compile(r"(?<=://)[^\s\"'<>]*@"), f"{HIDDEN}@"),  # https://user:password@host, wherever its last "@" is
    (re.compile(r"(?<![\w/.@:+-])[\w.+~-]*:[^\s/@\"'<>]+@(?=[\w\[])"), f"{HIDDEN}@"),  # user:password@host:path
    (re.compile(r"(://[^\s\"'<>?#]*)([?#])[^\s\"'<>]*"), rf"\1\2{HIDDEN}"),  # https://host/path?token=..., #...
    (re.compile(r"(?i)\b([\w-]*(?:token|passw(?:or)?d|secret|api[_-]?key))=[^\s&;,\"'<>]+"), rf"\1={HIDDEN}"),
    (re.compile(r"(?i)\b(authorization: *\w+) +[^\s\"'<>]+"), rf"\1 {HIDDEN}"),
)


def redact(text: str) -> str:
    """The text without users and passwords, queries and fragments of the addresses in it."""
    for pattern, shown in _RULES:
        text = pattern.sub(shown, text)
    return text
