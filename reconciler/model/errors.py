"""The two kinds of failure the world can hand us."""


class TemporaryError(Exception):
    """Worth another try: a BMC that did not answer, a mirror that was slow."""


class PermanentError(Exception):
    """No use trying again until a human or a commit changes something."""
