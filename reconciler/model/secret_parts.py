"""The part of a secret that a Puppet parameter gets.

Most secrets are one text, and have no parts. Two forms are several texts made together, and are kept together as one
JSON object, so that a certificate can never be given with another one's key:

``ssh``
    ``private``: the private key as OpenSSH writes it; ``public``: the base64 body alone, as Puppet's types want it;
    ``type``: the word before it (``ssh-rsa``); ``authorized``: both, a line for an ``authorized_keys`` file.
``certificate``
    ``key``, ``crt``, ``csr``: as PEM; ``pem``: certificate, intermediate certificate and key, what a server reads from
    one file; ``chain``: the certificates of the authorities, root first.

The certificates of the fleet's own authority are named so (service ``pki``, form ``certificate``; all values are PEM
text, to be given to Puppet in base64):

========================================  ==============  ==========  =====
parameter of ``oci::generic``             owner           kind        part
========================================  ==============  ==========  =====
oci_pki_root_ca                           fleet           root_ca     crt
oci_pki_oci_ca                            fleet           oci_ca      crt
oci_pki_oci_ca_chain                      fleet           oci_ca      chain
oci_pki_api_{key,crt,csr,pem}             the cluster     api         same
oci_pki_swiftproxy_{key,pem}              the cluster     swiftproxy  same
ssl_cert_snakeoil_key                     the hostname    snakeoil    key
ssl_cert_snakeoil_pem                     the hostname    snakeoil    crt
ssl_cert_client_{key,crt,pem}             the hostname    client      same
========================================  ==============  ==========  =====

(``ssl_cert_snakeoil_pem`` becomes ``ssl-cert-snakeoil.pem``, by Debian's custom a certificate without its key.)
"""

import json
from collections.abc import Mapping

from .errors import PermanentError

PARTS: Mapping[str, tuple[str, ...]] = {
    "ssh": ("private", "public", "type", "authorized"),
    "certificate": ("key", "crt", "csr", "pem", "chain"),
}
"""The parts of each form that has any."""

REQUIRED: Mapping[str, tuple[str, ...]] = {"ssh": ("private", "public"), "certificate": ("crt",)}
"""What a secret brought from outside must have; the rest follows from it, or is not there.

(A certificate needs its key too, but for an authority's: that may be kept elsewhere. See ``mint.check_text``.)
"""


def join_parts(form: str, parts: Mapping[str, str]) -> str:
    """The text under which the parts are kept.

    Raises:
        PermanentError: The form has no such part, or needs one that is missing.
    """
    unknown = sorted(set(parts) - set(PARTS[form]))
    missing = [name for name in REQUIRED[form] if not parts.get(name)]
    if unknown or missing:
        wrong = f"has no {', '.join(unknown)}" if unknown else f"needs {', '.join(missing)}"
        raise PermanentError(f"a secret of form {form} {wrong}")
    return json.dumps(dict(parts), sort_keys=True)


def part_of(text: str, form: str, part: str | None = None) -> str:
    """One part of a secret's ``text``, or all of it for a form without parts.

    Raises:
        PermanentError: There is no such part, or a part was not named where one must be.
    """
    if form not in PARTS:
        if part is None:
            return text
        raise PermanentError(f'a secret of form {form} is one text and has no part "{part}"')
    if part not in PARTS[form]:
        raise PermanentError(f"a secret of form {form} is taken by its part: {', '.join(PARTS[form])}")
    parts: dict[str, str] = json.loads(text)
    if part in parts:
        return parts[part]
    if part == "pem":
        return parts["crt"] + parts["key"]
    if part == "type":
        return "ssh-rsa"
    if part == "authorized":
        return f"{part_of(text, form, 'type')} {parts['public']}"
    raise PermanentError(f'this {form} has no part "{part}": it was brought from outside without one')
