"""SSH's wire format (RFC 4251, 5), read strictly: nothing short, nothing left over."""


class WireError(ValueError):
    """Bytes that are not of the form that was expected."""


class WireReader:
    """Reads one part after another."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return len(self._content) - self._at

    def take(self, count: int) -> bytes:
        """So many bytes.

        Raises:
            WireError: There are fewer.
        """
        if count > self.left:
            raise WireError("it is cut short")
        self._at += count
        return self._content[self._at - count : self._at]

    def uint32(self) -> int:
        """A number of four bytes."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """Bytes behind their length."""
        return self.take(self.uint32())

    def text(self) -> str:
        """A name in ASCII.

        Raises:
            WireError: It is cut short, or no ASCII.
        """
        try:
            return self.string().decode("ascii")
        except UnicodeDecodeError:
            raise WireError("a name is not ASCII") from None

    def number(self) -> int:
        """A number that is not negative, of any size, in its shortest form.

        Raises:
            WireError: It is negative, or longer than it needs to be.
        """
        raw = self.string()
        if raw and (raw[0] & 0x80 or (raw[0] == 0 and not (len(raw) > 1 and raw[1] & 0x80))):
            raise WireError("a number is negative, or has leading zeros")
        return int.from_bytes(raw, "big")

    def end(self) -> None:
        """See that nothing is left.

        Raises:
            WireError: Something is.
        """
        if self.left:
            raise WireError("something follows its end")
