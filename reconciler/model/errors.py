"""The two kinds of failure the world can hand us, and the one that a human's word can lift."""

from .disk_id import Finding


class TemporaryError(Exception):
    """Worth another try: a BMC that did not answer, a mirror that was slow."""


class PermanentError(Exception):
    """No use trying again until a human or a commit changes something."""


WORLD: tuple[type[Exception], ...] = (TemporaryError, PermanentError, OSError)
"""What the world can do to whoever asks it for something. Whatever else is raised is a bug."""


class NotBegunError(TemporaryError):
    """Nothing was begun, and the machine is not to blame: the daemon itself could not."""


class InstallEndedError(PermanentError):
    """The installer was seen to end, and not well. Who erases twice should be told to."""


class ForeignDataError(PermanentError):
    """Nothing was erased: there is something on the machine that nobody allowed to erase.

    ``found`` says what, and on which disk or controller.
    """

    def __init__(self, found: tuple[Finding, ...]) -> None:
        held = "; ".join(f"{on} holds {what}" for on, what in found)
        super().__init__(f"nothing was erased, as nobody allowed to erase what was found: {held}")
        self.found = found
