"""Signatures of approvals: made with OpenSSH, and verified against a file of allowed signers.

Who may approve is written in the daemon's own configuration, never in the repository that is approved of. A signature
is looked at whenever a plan is made: a key that was taken out of the file approves nothing any more.
"""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..execution import seam
from ..model.errors import PermanentError
from ..model.machine import Approval
from ..model.statements import NAMESPACE, Statement
from ..specs.authority.allowed_signers import AllowedSigner, SignersError, SshSigners, parse_signers
from ..specs.authority.ssh_signatures import signer
from ..specs.authority.unverified import UnverifiedError
from .config import ApprovalsConfig

PROGRAM = "ssh-keygen"
SECONDS = 20.0
"""For one call."""
AGAIN_SECONDS = 600.0
"""After which a signature is verified anew though the file of signers is as it was: the time of a key may be over."""


def sign(text: str, key: Path) -> str:
    """The signature of a text, by a key in a file, or by the agent that has it where the file is its public half.

    Raises:
        PermanentError: It cannot be signed.
    """
    ran = _run("sign", "-f", str(key), "-n", NAMESPACE, given=text)
    if ran.returncode != 0:
        raise PermanentError(f"{key} cannot sign: {_said(ran)}")
    return ran.stdout


@dataclass
class SshSignatures:
    """Who signed an approval, where the site demands that. Called from one thread at a time."""

    config: ApprovalsConfig
    _judged: dict[tuple[str, str, str], str | None] = field(default_factory=dict)  # why it is void
    _of_file: tuple[int, int, int] | None = None
    _since: float = 0.0  # by the monotonic clock, when the first of them was judged

    def demands(self, action: str) -> bool:
        """Whether an approval of this has to be signed."""
        return action in self.config.signed

    def judged(self, words: Iterable[Approval], fleet: str) -> tuple[Approval, ...]:
        """The approvals, with why those are void that are not signed as this site demands."""
        return tuple(replace(w, void=self._why_void(w, fleet)) if self.demands(w.action) else w for w in words)

    def signer(self, statement: Statement, signature: str, fleet: str) -> str:
        """Who has signed the statement, by the name that the file of signers has.

        Raises:
            PermanentError: Nobody who may, or the file cannot be read.
        """
        signers = SshSigners(load_signers(self.config.allowed_signers))
        try:
            return signer(statement.text(fleet).encode(), signature.encode(), NAMESPACE, signers, seam.now())
        except UnverifiedError as error:
            raise PermanentError(str(error)) from None

    def _why_void(self, word: Approval, fleet: str) -> str | None:
        if word.signature is None or word.statement is None:
            return "it is not signed, and this site demands that"
        try:
            self._forget_when_changed()
        except OSError as error:
            return f"{self.config.allowed_signers} cannot be read: {error.strerror}"
        key = word.statement.digest, word.signature, word.who
        if key not in self._judged:
            self._judged[key] = self._look(word.statement, word.signature, word.who, fleet)
        return self._judged[key]

    def _look(self, statement: Statement, signature: str, who: str, fleet: str) -> str | None:
        try:
            signer = self.signer(statement, signature, fleet)
        except PermanentError as error:
            return str(error)
        return None if signer == who else f"{signer} signed it"

    def _forget_when_changed(self) -> None:
        """Have everything verified anew where the file of signers is another; and in any case after some minutes."""
        stat = self.config.allowed_signers.stat()
        now = stat.st_ino, stat.st_size, stat.st_mtime_ns
        if now != self._of_file or seam.steady() - self._since > AGAIN_SECONDS:
            self._judged.clear()
            self._of_file, self._since = now, seam.steady()


def load_signers(path: Path) -> tuple[AllowedSigner, ...]:
    """The signers that a file allows.

    Raises:
        PermanentError: It cannot be read, or lines of it cannot be used.
    """
    try:
        return parse_signers(path.read_text(), str(path))
    except OSError as error:
        raise PermanentError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PermanentError(f"{path} is not text in UTF-8") from None
    except SignersError as error:
        raise PermanentError(str(error)) from None


def _run(what: str, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    """Run ssh-keygen with a text as its input.

    Raises:
        PermanentError: It is not installed, or hangs.
    """
    try:
        return subprocess.run(
            [PROGRAM, "-Y", what, *words], input=given, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except OSError as error:
        raise PermanentError(f"{PROGRAM} cannot be run ({error.strerror}): apt install openssh-client") from error
    except subprocess.TimeoutExpired as error:
        raise PermanentError(f"{PROGRAM} did not end within {SECONDS:.0f} s") from error


def _said(ran: "subprocess.CompletedProcess[str]") -> str:
    text = " ".join((ran.stderr or ran.stdout).split())
    return text[-300:] or f"{PROGRAM} ended with {ran.returncode}"
