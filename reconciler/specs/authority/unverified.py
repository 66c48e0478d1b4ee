"""Reasons why a signature does not count."""

from enum import StrEnum


class Unverified(StrEnum):
    """Why nobody is known to have signed something."""

    UNSIGNED = "unsigned"
    MALFORMED = "malformed"  # the signature, or the commit around it
    DOUBLED = "doubled"  # two signatures stand where one does
    KIND = "kind"  # a kind of signature, such as X.509, that is not verified here
    NAMESPACE = "namespace"  # made for something else
    UNKNOWN_KEY = "unknown-key"
    OTHER_CONTENT = "other-content"  # made by a known key, over something else
    NOT_FOR_THIS = "not-for-this"  # the file of signers keeps the key to other uses
    NOT_YET = "not-yet"
    EXPIRED = "expired"
    REVOKED = "revoked"


_TOLD = {
    Unverified.UNSIGNED: "it is not signed",
    Unverified.MALFORMED: "its signature cannot be read",
    Unverified.DOUBLED: "it has two signatures; one counts only where it stands alone",
    Unverified.KIND: "its signature is of a kind that is not verified here: {}",
    Unverified.NAMESPACE: 'its signature was made for another purpose (namespace "{}")',
    Unverified.UNKNOWN_KEY: "it is signed with a key of nobody who may sign: {}",
    Unverified.OTHER_CONTENT: "its signature, with a key of {}, is of something else",
    Unverified.NOT_FOR_THIS: "the key of {} is allowed for other purposes only",
    Unverified.NOT_YET: "the key of {} was not valid yet",
    Unverified.EXPIRED: "the key of {} had expired",
    Unverified.REVOKED: "the key of {} is revoked",
}


_MOST = 200
"""Letters of what somebody pushed that are told."""


class UnverifiedError(Exception):
    """Nobody who may has signed something."""

    def __init__(self, reason: Unverified, about: str = "") -> None:
        """Keep the reason. ``about`` is whom or what it is about: a name, a key, a purpose."""
        shown = "".join(one if one.isprintable() else "?" for one in about[:_MOST])
        super().__init__(_TOLD[reason].format(shown))
        self.reason = reason
