"""Files of allowed signers: ssh-keygen(1), ALLOWED SIGNERS. The one reader of them.

Signatures are compared with what OpenSSH says of them, so a line means what it means to ``ssh-keygen -Y verify``. Less
is allowed: a name is a name, never a pattern, and each key has one, as people are counted by it. Certificates are
refused, as nothing here would know that one was revoked.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sshsig import PublicKey

from .ssh_keys import KINDS, SshKeyError, read_key
from .unverified import Unverified

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_NAME = re.compile(rf"{_QUOTED}|([^\s\"]+)")
_OPTION = re.compile(rf"([A-Za-z-]+)(?:={_QUOTED})?(,|(?=\s))")
_PATTERN = frozenset("*?!,")
_TIME: Final = re.compile(r"(\d{8}(?:\d{4}(?:\d{2})?)?)(Z|UTC)?")
_TIME_FORMS: Final = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


class SignersError(ValueError):
    """A file of signers that cannot be used; the text has each line that is wrong, with its number."""


class _LineError(ValueError):
    """What is wrong with one line."""


@dataclass(frozen=True, slots=True)
class AllowedSigner:
    """One line: a person's key."""

    name: str
    key: PublicKey
    blob: bytes
    namespaces: tuple[str, ...] | None = None  # patterns; None: for any purpose
    valid_after: datetime | None = None
    valid_before: datetime | None = None

    def why_not(self, namespace: str, at: datetime) -> Unverified | None:
        """Why the key may not sign for a purpose at a time; None: it may."""
        if self.namespaces is not None and not _matches(namespace, self.namespaces):
            return Unverified.NOT_FOR_THIS
        if self.valid_after is not None and at < self.valid_after:
            return Unverified.NOT_YET
        if self.valid_before is not None and at > self.valid_before:
            return Unverified.EXPIRED
        return None


@dataclass(frozen=True, slots=True)
class SshSigners:
    """All whom a file allows to sign, without the keys that were revoked."""

    allowed: tuple[AllowedSigner, ...] = ()
    revoked: frozenset[bytes] = frozenset()  # blobs of keys whose signatures are void, whenever they were made


def parse_signers(text: str, file: str) -> tuple[AllowedSigner, ...]:
    """The signers that a file allows.

    Args:
        text: The file's.
        file: Its name, for messages.

    Raises:
        SignersError: Lines of it cannot be used; all of them are told.
    """
    found: list[AllowedSigner] = []
    names: dict[bytes, str] = {}
    problems: list[str] = []
    for number, line in _lines(text):
        try:
            signer = _signer(line)
            if names.setdefault(signer.blob, signer.name) != signer.name:
                raise _LineError(f"{signer.name} has the key of {names[signer.blob]}: a key is one person's")
            found.append(signer)
        except (_LineError, SshKeyError) as error:
            problems.append(f"{file}:{number}: {'the key ' if isinstance(error, SshKeyError) else ''}{error}")
    if problems:
        raise SignersError("\n".join(problems))
    return tuple(found)


def parse_revoked(text: str, file: str) -> frozenset[bytes]:
    """The keys that a file revokes, a public key on each line.

    Raises:
        SignersError: Lines of it are none; all of them are told.
    """
    found: set[bytes] = set()
    problems: list[str] = []
    for number, line in _lines(text):
        try:
            found.add(_key(line)[1])
        except (_LineError, SshKeyError) as error:
            problems.append(f"{file}:{number}: {'the key ' if isinstance(error, SshKeyError) else ''}{error}")
    if problems:
        raise SignersError("\n".join(problems))
    return frozenset(found)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if (line := line.strip(" \t\r")) and not line.startswith("#"):
            yield number, line


def _signer(line: str) -> AllowedSigner:
    """One line, understood.

    Raises:
        _LineError: It is no such line, or says more than is allowed here.
        SshKeyError: Its key cannot be used.
    """
    matched = _NAME.match(line)
    if not matched:
        raise _LineError('a line is: NAME [OPTIONS] KIND KEY, such as "alice@example.com ssh-ed25519 AAAA..."')
    name = (matched[1] if matched[1] is not None else matched[2]).strip()
    if not name or _PATTERN & set(name):
        raise _LineError(f'"{name}" is not the name of one person: give each a line, without "*", "?", "!" and ","')
    rest = line[matched.end() :].lstrip()
    options: dict[str, str] = {}
    if not rest.startswith(tuple(f"{kind}{space}" for kind in KINDS for space in " \t")):
        options, rest = _options(rest)
    key, blob = _key(rest)
    after, before = (_time(options.get(f"valid-{side}")) for side in ("after", "before"))
    if after is not None and before is not None and before <= after:
        raise _LineError("its valid-before is not after its valid-after")
    spaces = options.get("namespaces")
    return AllowedSigner(name, key, blob, None if spaces is None else tuple(spaces.split(",")), after, before)


def _options(rest: str) -> tuple[dict[str, str], str]:
    """The options before a key, and what follows them.

    Raises:
        _LineError: There is one that is not known, or nothing that is allowed here.
    """
    found: dict[str, str] = {}
    first, again = rest.split(maxsplit=1)[0] if rest else "", True
    while again:
        matched = _OPTION.match(rest)
        name = matched[1].lower() if matched else ""
        if name == "cert-authority":
            raise _LineError("certificates are not taken: write the keys of people themselves, without cert-authority")
        if not matched or name not in ("namespaces", "valid-after", "valid-before") or matched[2] is None:
            raise _LineError(
                f'"{first}" is neither a kind of key (one of {", ".join(KINDS)}) nor options '
                '(namespaces="...", valid-after="...", valid-before="...")'
            )
        if name in found:
            raise _LineError(f"{name} is there twice")
        found[name] = matched[2].replace('\\"', '"')
        rest, again = rest[matched.end() :], matched[3] == ","
    return found, rest.lstrip()


def _key(text: str) -> tuple[PublicKey, bytes]:
    """A public key, and its blob; a comment may follow.

    Raises:
        _LineError: There is none.
        SshKeyError: It cannot be used.
    """
    kind, *rest = text.split(maxsplit=2) or [""]
    if not rest:
        raise _LineError("a public key is: KIND KEY, such as: ssh-ed25519 AAAA...")
    try:
        blob = base64.b64decode(rest[0], validate=True)
    except binascii.Error:
        raise SshKeyError("is not base64") from None
    return read_key(kind, blob), blob


def _time(text: str | None) -> datetime | None:
    """A time as OpenSSH has it: in the zone of this machine, unless it ends with Z.

    Raises:
        _LineError: It is none.
    """
    if text is None:
        return None
    matched = _TIME.fullmatch(text)
    try:
        found = datetime.strptime(matched[1], _TIME_FORMS[len(matched[1])]) if matched else None  # noqa: DTZ007 - below
    except ValueError:
        found = None
    if matched is None or found is None:
        raise _LineError(f'"{text}" is no time: write YYYYMMDD or YYYYMMDDHHMM[SS], with Z behind it for UTC')
    return found.replace(tzinfo=UTC) if matched[2] else found.astimezone(UTC)


def _matches(namespace: str, patterns: tuple[str, ...]) -> bool:
    """Whether patterns (ssh_config(5), PATTERNS) allow a namespace; one with "!" that fits forbids it."""
    fitting = {pattern.startswith("!") for pattern in patterns if _fits(namespace, pattern.removeprefix("!"))}
    return fitting == {False}


def _fits(text: str, pattern: str) -> bool:
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(one, re.escape(one)) for one in pattern), text, re.DOTALL) is not None
