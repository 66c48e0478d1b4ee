"""One node's Puppet document as it is kept: in parts, of which most are shared with other documents.

Ten thousand documents of a hundred kilobytes each are to fit into memory, and each is to be given out within a fraction
of a millisecond. Lists of peers and the secrets of a cluster are therefore kept once. What only this node has, its keys
and certificates above all, is kept compressed, and as it was before it was put in base64: that is half as long.
"""

import base64
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from ...model.machine import SecretRef
from ...model.secret_parts import part_of
from .. import yaml_writer
from ..compile import Compiled, Given
from ..params import SecretText

Lookup = Callable[[SecretRef], str]
"""The whole text of a secret that exists.

Raises:
    PermanentError: Nobody made it, or it cannot be read.
"""

_OCI_HEAD = b'{"status": "success", "message": "These are the node\'s classes.", "data": "'
_OCI_TAIL = b'"}\n'

_OFTEN = 1024
"""Short texts that are remembered, to keep those of many documents once. A cluster's nodes have some dozens alike."""


@dataclass(frozen=True, slots=True)
class _Own:
    """The next bytes of what only this document has."""

    size: int
    in_base64: bool  # this is how the document says it


_own = lru_cache(maxsize=_OFTEN)(_Own)  # nodes have parts of the same few sizes


@dataclass(frozen=True, slots=True)
class Document:
    """One node's document. Parts that other nodes have too are the same objects."""

    hostname: str
    address: str | None  # the node's management address, from which it may ask for itself
    digest: str  # of the text in parts, in hex: other text, other digest
    pieces: tuple[bytes | yaml_writer.Fragment | _Own, ...] = field(repr=False)
    own: bytes = field(repr=False)  # deflated
    as_of: datetime | None = None  # of a copy: when it last was the one to give out; None: it is the newest there is

    @property
    def yaml(self) -> bytes:
        """What Puppet reads."""
        return b"".join([p if isinstance(p, bytes) else p.utf8 for p in self._pieces()])

    @property
    def as_oci(self) -> bytes:
        """The document in the envelope of OCI's ``api.php?action=enc``."""
        parts = [yaml_writer.inside_json(p.decode()) if isinstance(p, bytes) else p.as_json for p in self._pieces()]
        return b"".join((_OCI_HEAD, *parts, _OCI_TAIL))

    def layout(self) -> list["bytes | tuple[int, bool]"]:
        """The parts in their order: shared text as it is, and for the node's own its size and whether it is base64."""
        found: list[bytes | tuple[int, bool]] = []
        for piece in self.pieces:
            if isinstance(piece, _Own):
                found.append((piece.size, piece.in_base64))
            else:
                found.append(piece if isinstance(piece, bytes) else piece.utf8)
        return found

    def _pieces(self) -> list[bytes | yaml_writer.Fragment]:
        own, at = zlib.decompress(self.own), 0
        found: list[bytes | yaml_writer.Fragment] = []
        for piece in self.pieces:
            if isinstance(piece, _Own):
                text = own[at : at + piece.size]
                at += piece.size
                found.append(b'"%b"' % base64.b64encode(text) if piece.in_base64 else text)
            else:
                found.append(piece)
        return found


def pieces_of(layout: Iterable[bytes | tuple[int, bool]]) -> tuple[yaml_writer.Fragment | _Own | bytes, ...]:
    """The ``pieces`` of a copy of a document, from what its ``layout`` was."""
    return tuple(_Own(*part) if isinstance(part, tuple) else part for part in layout)


class DocumentWriter:
    """Writes documents of one cluster. What their nodes are given alike is put into words once."""

    def __init__(self, lookup: Lookup, cluster: str) -> None:
        self._words = yaml_writer.YamlWriter(revealer(lookup, cluster))
        self._alike: dict[
            int, tuple[Given, list[yaml_writer.Piece]]
        ] = {}  # what is given is kept so its id stays taken

    def write(self, compiled: Compiled, address: str | None) -> Document:
        """The document that says what was compiled.

        Raises:
            PermanentError: A secret that it names cannot be had.
        """
        parts = _Parts()
        parts.take(self._pieces(compiled))
        own = zlib.compress(b"".join(parts.own), 1)
        return Document(compiled.hostname, address, parts.digest.hexdigest(), tuple(parts.pieces), own)

    def _pieces(self, compiled: Compiled) -> list[yaml_writer.Piece]:
        """The document's YAML in pieces; joined, they are what ``yaml_writer.dump`` makes of ``compiled.document``."""
        if not all(compiled.classes.values()) or not compiled.classes:
            return self._words.write(compiled.document)
        pieces: list[yaml_writer.Piece] = ["classes:\n"]
        for name, rows in compiled.classes.items():
            pieces.append(f"  {yaml_writer.as_key(name)}:\n")
            for parameter, given in rows.items():
                if given.alike:
                    pieces += self._as_before(parameter, given)
                else:
                    self._words.entry(parameter, given.value, yaml_writer.PARAMETERS, pieces)
        return pieces

    def _as_before(self, parameter: str, given: Given) -> list[yaml_writer.Piece]:
        if id(given) not in self._alike:
            pieces: list[yaml_writer.Piece] = []
            self._words.entry(parameter, given.value, yaml_writer.PARAMETERS, pieces)
            texts = [piece for piece in pieces if isinstance(piece, str)]
            self._alike[id(given)] = given, ["".join(texts)] if len(texts) == len(pieces) else pieces
        return self._alike[id(given)][1]


class _Parts:
    """A document in the making."""

    def __init__(self) -> None:
        self.pieces: list[bytes | yaml_writer.Fragment | _Own] = []
        self.own: list[bytes] = []
        self.digest = sha256()

    def take(self, pieces: Iterable[yaml_writer.Piece]) -> None:
        """Add pieces in their order, and to the digest: fragments are shared, text and secrets are the node's own."""
        text: list[str] = []  # since the last piece that is none
        for piece in pieces:
            if isinstance(piece, str):
                text.append(piece)
                continue
            self._end(text)
            if isinstance(piece, yaml_writer.Fragment):
                self.digest.update(piece.digest)
                self.pieces.append(piece)
            else:
                self.digest.update(piece.text.encode())
                self._add_own(piece.plain.encode(), in_base64=True)
        self._end(text)

    def _end(self, said: list[str]) -> None:
        if not said:
            return
        text = "".join(said).encode()
        said.clear()
        self.digest.update(text)
        if (known := first_equal(text)) is text:
            self._add_own(text, in_base64=False)
        else:  # between the secrets of a cluster, all its documents say the same
            self.pieces.append(known)

    def _add_own(self, text: bytes, *, in_base64: bool) -> None:
        self.own.append(text)
        self.pieces.append(_own(len(text), in_base64))


@lru_cache(maxsize=_OFTEN)
def first_equal(text: bytes) -> bytes:
    """The first text that was equal to this one, or this one. Remembered by the process, for all documents."""
    return text


def revealer(lookup: Lookup, cluster: str) -> yaml_writer.Reveal:
    """Texts of secrets as YAML; those that the nodes of a cluster share are looked up once."""
    shared: dict[SecretText, yaml_writer.Fragment] = {}

    def reveal(secret: SecretText) -> yaml_writer.Piece:
        if secret not in shared:
            text = part_of(lookup(secret.ref), secret.ref.form, secret.part)
            written = yaml_writer.Encoded(text) if secret.base64 else yaml_writer.quoted(text)
            if secret.ref.owner not in (cluster, "fleet"):  # a node's own
                return written
            shared[secret] = yaml_writer.Fragment(written if isinstance(written, str) else written.text)
        return shared[secret]

    return reveal
