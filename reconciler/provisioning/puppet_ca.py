"""Puppet's certificate authority: what ``puppetserver ca clean`` answers.

A node that is installed anew asks for a certificate with a new key. The authority refuses that as long as it has
signed one of this name, so the old one is cleaned before. The command's exit status does not tell: it is 1 both where
there was nothing to clean and where nothing could be cleaned.
"""

import re

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
"""A certificate's name. Others are not put into a command, which may be read by a shell at the other end of ssh."""

PLACE = "{certname}"
"""Stands for the name in the command that the configuration gives."""


def clean_command(template: tuple[str, ...], certname: str) -> tuple[str, ...]:
    """The command, word by word.

    Raises:
        ValueError: That is no name of a certificate.
    """
    if NAME.fullmatch(certname) is None:
        raise ValueError(f"{certname!r} is no name of a certificate")
    return tuple(word.replace(PLACE, certname) for word in template)


def why_not_clean(certname: str, status: int, said: str) -> str | None:
    """Why the authority may still have a certificate of that name; None: it has none.

    The texts are those of puppetserver-ca 1.0 to 2.7 (``Action::Clean``, ``CertificateAuthority#check_clean``).
    """
    name = re.escape(certname)
    if re.search(rf"Could not find files (to clean )?for {name}\s*$", said, re.MULTILINE):
        return None
    if re.search(rf"Cleaned files related to {name}\s*$", said, re.MULTILINE):
        return None  # also where it ends with 24, as the request that was cleaned had never been signed
    text = " ".join(said.split())[-500:] or "nothing"
    if status == 0:
        return f"it ended with 0 and did not say that it cleaned {certname}; it said: {text}"
    return f"it ended with {status}, saying: {text}"
